/* spec/amp_policy.h: mixed precision for a whole job, as one value.
 * Made once from the job's spec and the device it runs on, immutable after that; train and eval share it. */
#pragma once
#include <stdbool.h>

enum device_type { DEVICE_AUTO, DEVICE_CUDA, DEVICE_CPU }; /* DEVICE_AUTO only before a spec is resolved */
enum amp_dtype { AMP_BFLOAT16, AMP_FLOAT16 };

struct amp_policy {
    bool enabled;
    enum device_type device_type;
    enum amp_dtype dtype;
    bool grad_scaler;
    bool allow_unscaled_float16;
};

const char *device_type_name(enum device_type type); /* "auto", "cuda", "cpu" */
const char *amp_dtype_name(enum amp_dtype dtype);    /* "bfloat16", "float16" */
