/* spec/amp_policy.h: mixed precision for a whole job, as one value.
 * Made once from the job's spec and the device it runs on, immutable after that; train and eval share it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

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

/* The default policy on a device.  has_bfloat16: the device computes bfloat16 (CUDA compute capability 8.0 or more, any
 * CPU).  dtype NULL: the device's default; the scaler's default follows from the dtype. */
struct amp_policy amp_policy_default(enum device_type device, bool has_bfloat16, const enum amp_dtype *dtype);

enum { AMP_RULES = 5 };

struct amp_fault {
    const char *pointer, *detail; /* the field at fault, and why in words */
};

/* Writes the rules that a policy breaks on a device to faults and returns how many.  Used when a job is submitted and
 * again when its GPU is known, so that both say the same words. */
size_t amp_policy_check(const struct amp_policy *policy, enum device_type device, bool has_bfloat16,
                        struct amp_fault faults[AMP_RULES]);
