/* jobs/gpu.c: the few functions of NVML that are needed, declared here.
 * Source of the declarations: NVIDIA's NVML API reference; functions of one name and version never change. */
#include "jobs/gpu.h"

#include "base/arena.h"
#include "base/log.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct nvmlDevice_st *nvmlDevice_t;

struct nvmlMemory_t {
    unsigned long long total, free, used; /* bytes */
};

struct nvmlUtilization_t {
    unsigned gpu, memory; /* percent */
};

struct nvml {
    int (*init)(void);
    int (*shutdown)(void);
    const char *(*error_string)(int result);
    int (*count)(unsigned *count);
    int (*handle)(unsigned index, nvmlDevice_t *device);
    int (*uuid)(nvmlDevice_t device, char *uuid, unsigned size);
    int (*name)(nvmlDevice_t device, char *name, unsigned size);
    int (*compute)(nvmlDevice_t device, int *major, int *minor);
    int (*memory)(nvmlDevice_t device, struct nvmlMemory_t *memory);
    int (*utilization)(nvmlDevice_t device, struct nvmlUtilization_t *utilization);
};

enum { NVML_SUCCESS = 0, GPUS_MAX = 64 };

// clang-format off
static const struct {
    const char *name;
    size_t at;
} symbols[] = {
    {"nvmlInit_v2",                         offsetof(struct nvml, init)},
    {"nvmlShutdown",                        offsetof(struct nvml, shutdown)},
    {"nvmlErrorString",                     offsetof(struct nvml, error_string)},
    {"nvmlDeviceGetCount_v2",               offsetof(struct nvml, count)},
    {"nvmlDeviceGetHandleByIndex_v2",       offsetof(struct nvml, handle)},
    {"nvmlDeviceGetUUID",                   offsetof(struct nvml, uuid)},
    {"nvmlDeviceGetName",                   offsetof(struct nvml, name)},
    {"nvmlDeviceGetCudaComputeCapability",  offsetof(struct nvml, compute)},
    {"nvmlDeviceGetMemoryInfo",             offsetof(struct nvml, memory)},
    {"nvmlDeviceGetUtilizationRates",       offsetof(struct nvml, utilization)},
};
// clang-format on

struct gpus {
    void *library; /* NULL: no NVML, and none of what follows */
    struct nvml nvml;
    size_t count;
    struct gpu list[GPUS_MAX];
    nvmlDevice_t devices[GPUS_MAX];
};

static bool load(struct gpus *gpus)
{
    gpus->library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!gpus->library) {
        log_info("no NVML, so no GPUs: %s", dlerror());
        return false;
    }
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        void *function = dlsym(gpus->library, symbols[i].name);

        if (!function) {
            log_warning("NVML has no %s, its GPUs are left alone", symbols[i].name);
            return false;
        }
        *(void **)((char *)&gpus->nvml + symbols[i].at) = function;
    }
    return true;
}

/* Logs what went wrong, if anything did. */
static bool is_well(const struct gpus *gpus, int result, const char *what)
{
    if (result == NVML_SUCCESS)
        return true;
    log_warning("NVML cannot tell %s: %s", what, gpus->nvml.error_string(result));
    return false;
}

static void read_gpu(struct gpus *gpus, unsigned index)
{
    struct gpu *gpu = &gpus->list[gpus->count];
    nvmlDevice_t *device = &gpus->devices[gpus->count];
    struct nvmlMemory_t memory;

    *gpu = (struct gpu){.index = (int)index};
    if (!is_well(gpus, gpus->nvml.handle(index, device), "a GPU's handle") ||
        !is_well(gpus, gpus->nvml.uuid(*device, gpu->uuid, sizeof gpu->uuid), "a GPU's UUID"))
        return; /* nothing can be placed on it */
    if (!is_well(gpus, gpus->nvml.name(*device, gpu->name, sizeof gpu->name), "a GPU's name"))
        gpu->name[0] = '\0';
    if (!is_well(gpus, gpus->nvml.compute(*device, &gpu->compute_major, &gpu->compute_minor), "compute capability"))
        gpu->compute_major = gpu->compute_minor = 0;
    if (is_well(gpus, gpus->nvml.memory(*device, &memory), "a GPU's memory"))
        gpu->memory_total_bytes = (int64_t)memory.total;
    gpus->count++;
}

struct gpus *gpus_open(void)
{
    struct gpus *gpus = xcalloc(1, sizeof *gpus);
    unsigned count = 0;

    if (!load(gpus) || !is_well(gpus, gpus->nvml.init(), "anything")) {
        if (gpus->library)
            (void)dlclose(gpus->library);
        gpus->library = NULL;
        return gpus;
    }
    if (!is_well(gpus, gpus->nvml.count(&count), "the number of GPUs"))
        count = 0;
    for (unsigned i = 0; i < count && i < GPUS_MAX; i++)
        read_gpu(gpus, i);
    return gpus;
}

void gpus_close(struct gpus *gpus)
{
    if (!gpus)
        return;
    if (gpus->library) {
        (void)gpus->nvml.shutdown();
        (void)dlclose(gpus->library);
    }
    free(gpus);
}

size_t gpus_count(const struct gpus *gpus)
{
    return gpus->count;
}

const struct gpu *gpus_at(const struct gpus *gpus, size_t i)
{
    return &gpus->list[i];
}

const struct gpu *gpus_find(const struct gpus *gpus, const char *uuid)
{
    for (size_t i = 0; i < gpus_count(gpus); i++)
        if (strcmp(gpus_at(gpus, i)->uuid, uuid) == 0)
            return gpus_at(gpus, i);
    return NULL;
}

bool gpu_has_bfloat16(const struct gpu *gpu)
{
    return gpu->compute_major == 0 || gpu->compute_major >= 8;
}

void gpus_usage(const struct gpus *gpus, size_t i, struct gpu_usage *usage)
{
    struct nvmlMemory_t memory;
    struct nvmlUtilization_t rates;

    *usage = (struct gpu_usage){.memory_used_bytes = -1, .utilization_ratio = NAN};
    if (gpus->nvml.memory(gpus->devices[i], &memory) == NVML_SUCCESS)
        usage->memory_used_bytes = (int64_t)memory.used;
    if (gpus->nvml.utilization(gpus->devices[i], &rates) == NVML_SUCCESS)
        usage->utilization_ratio = rates.gpu / 100.0;
}
