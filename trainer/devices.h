/* trainer/devices.h: what this machine and its libtorch can compute on. */
#pragma once
#include "spec/job_spec.h"

#include <jansson.h>

enum { DEVICE_NAME_SIZE = 256, DEVICE_UUID_SIZE = 48 };

struct device_info {
    enum device_type type;
    char name[DEVICE_NAME_SIZE];
    char uuid[DEVICE_UUID_SIZE]; /* of a GPU, as NVML writes it: "GPU-1b2c…"; "" of a CPU */
    int64_t memory_bytes;
    bool bfloat16;          /* computed natively, not emulated */
    int compute_capability; /* of a GPU, 10 · major + minor */
};

/* The CPU. */
struct device_info device_cpu(void);

/* The GPU of that index among those that CUDA_VISIBLE_DEVICES leaves; after tensor_load_cuda. */
MUST_CHECK bool device_gpu(int index, struct device_info *info, struct err *err);

/* {"libtorch": …, "devices": [{"type", "name", "memory_bytes", "native": […]}]}, the reply of `devices`.  NULL: err. */
MUST_CHECK json_t *devices_json(struct err *err);

/* What a spec's defaults depend on, as this process sees the machine. */
MUST_CHECK bool devices_env(struct spec_env *env, struct err *err);

/* When CUDA_VISIBLE_DEVICES names one GPU by its UUID, as the daemon does: whether that card and no other is seen. */
MUST_CHECK bool devices_check_assigned(struct err *err);
