/* trainer/amp.c: see amp.h. */
#include "trainer/amp.h"

#include "spec/amp_trace.h"

#include <stdio.h>

int amp_device(const struct amp_policy *policy)
{
    return policy->device_type == DEVICE_CUDA ? 0 : TENSOR_CPU;
}

bool amp_enter(const struct amp_policy *policy)
{
    if (!policy->enabled)
        return true;
    return tensor_autocast_enter(amp_device(policy), policy->dtype == AMP_FLOAT16 ? TENSOR_F16 : TENSOR_BF16);
}

void amp_leave(const struct amp_policy *policy)
{
    if (policy->enabled)
        tensor_autocast_leave();
}

void amp_trace_init(struct amp_trace *trace)
{
    *trace = (struct amp_trace){.points = json_array()};
}

void amp_trace_done(struct amp_trace *trace)
{
    json_decref(trace->points);
    trace->points = NULL;
}

static const char *dtype_name(enum tensor_dtype dtype)
{
    switch (dtype) {
    case TENSOR_U8:
        return "uint8";
    case TENSOR_I32:
        return "int32";
    case TENSOR_I64:
        return "int64";
    case TENSOR_F16:
        return "float16";
    case TENSOR_F32:
        return "float32";
    case TENSOR_F64:
        return "float64";
    case TENSOR_BOOL:
        return "bool";
    case TENSOR_BF16:
        return "bfloat16";
    }
    return "unknown";
}

void amp_trace_add(struct amp_trace *trace, const char *point, struct tensor *value, int depth)
{
    const char *device = tensor_device_of(value) == TENSOR_CPU ? "cpu" : "cuda";
    json_t *entry = json_pack("{ss ss ss si}", "point", point, "device", device, "dtype",
                              dtype_name(tensor_dtype_of(value)), "depth", depth);
    json_t *before = amp_trace_find(trace->points, point);

    if (!before) {
        json_array_append_new(trace->points, entry);
        return;
    }
    if (!json_equal(before, entry) && !*trace->unequal)
        (void)snprintf(trace->unequal, sizeof trace->unequal, "%s: one pass ran it in %s on %s and in %s on %s", point,
                       json_string_value(json_object_get(before, "dtype")),
                       json_string_value(json_object_get(before, "device")), dtype_name(tensor_dtype_of(value)),
                       device);
    json_decref(entry);
}

static void seen(void *user, const char *point, struct tensor *value)
{
    if (amp_point_find(point))
        amp_trace_add(user, point, value, tensor_autocast_depth());
}

struct probe amp_trace_probe(struct amp_trace *trace)
{
    return (struct probe){.seen = seen, .user = trace};
}
