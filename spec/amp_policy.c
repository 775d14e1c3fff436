/* spec/amp_policy.c: see amp_policy.h. */
#include "spec/amp_policy.h"

const char *device_type_name(enum device_type type)
{
    static const char *const names[] = {[DEVICE_AUTO] = "auto", [DEVICE_CUDA] = "cuda", [DEVICE_CPU] = "cpu"};

    return names[type];
}

const char *amp_dtype_name(enum amp_dtype dtype)
{
    static const char *const names[] = {[AMP_BFLOAT16] = "bfloat16", [AMP_FLOAT16] = "float16"};

    return names[dtype];
}

struct amp_policy amp_policy_default(enum device_type device, bool has_bfloat16, const enum amp_dtype *dtype)
{
    enum amp_dtype chosen = dtype ? *dtype : has_bfloat16 ? AMP_BFLOAT16 : AMP_FLOAT16;

    return (struct amp_policy){
        .enabled = device == DEVICE_CUDA, .device_type = device, .dtype = chosen, .grad_scaler = chosen == AMP_FLOAT16};
}

static bool other_device(const struct amp_policy *policy, enum device_type device, bool has_bfloat16)
{
    (void)has_bfloat16;
    return policy->device_type != device;
}

static bool float16_on_cpu(const struct amp_policy *policy, enum device_type device, bool has_bfloat16)
{
    (void)has_bfloat16;
    return policy->dtype == AMP_FLOAT16 && device == DEVICE_CPU;
}

static bool bfloat16_unsupported(const struct amp_policy *policy, enum device_type device, bool has_bfloat16)
{
    (void)device;
    return policy->dtype == AMP_BFLOAT16 && !has_bfloat16;
}

static bool scaled_bfloat16(const struct amp_policy *policy, enum device_type device, bool has_bfloat16)
{
    (void)device, (void)has_bfloat16;
    return policy->dtype == AMP_BFLOAT16 && policy->grad_scaler;
}

static bool unscaled_float16(const struct amp_policy *policy, enum device_type device, bool has_bfloat16)
{
    (void)has_bfloat16;
    return policy->dtype == AMP_FLOAT16 && device != DEVICE_CPU && !policy->grad_scaler &&
           !policy->allow_unscaled_float16;
}

/* clang-format off */
static const struct {
    bool (*broken)(const struct amp_policy *, enum device_type, bool);
    struct amp_fault fault;
} rules[AMP_RULES] = {
    {other_device,         {"/amp/device_type", "must be the device that the job runs on; leave it out, or change /device"}},
    {float16_on_cpu,       {"/amp/dtype", "float16 is not available on cpu; use bfloat16"}},
    {bfloat16_unsupported, {"/amp/dtype", "bfloat16 needs a GPU of compute capability 8.0 or more; use float16"}},
    {scaled_bfloat16,      {"/amp/grad_scaler", "bfloat16 needs no gradient scaler; use false, or dtype float16"}},
    {unscaled_float16,     {"/amp/grad_scaler",
                            "float16 gradients underflow without a scaler; use true, or set /amp/allow_unscaled_float16"}},
};
/* clang-format on */

size_t amp_policy_check(const struct amp_policy *policy, enum device_type device, bool has_bfloat16,
                        struct amp_fault faults[AMP_RULES])
{
    size_t count = 0;

    for (size_t i = 0; i < AMP_RULES; i++)
        if (rules[i].broken(policy, device, has_bfloat16))
            faults[count++] = rules[i].fault;
    return count;
}
