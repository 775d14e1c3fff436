/* spec/job_spec.c: what a job spec needs beyond its table: computed defaults and the rules between fields. */
#include "spec/job_spec.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    const json_t *json;
    const struct spec_env *env;
    struct job_spec *spec;
    const bool *given; /* as fields_read says */
    json_t *faults, *warnings;
};

static bool is_faulty(const struct reading *reading, const char *pointer)
{
    size_t i;
    json_t *fault;

    json_array_foreach(reading->faults, i, fault) if (strcmp(json_string_value(json_object_get(fault, "pointer")),
                                                             pointer) == 0) return true;
    return false;
}

/* Whether the user gave the field a value, and a good one. */
static bool has(const struct reading *reading, const char *pointer)
{
    return reading->given[field_index(job_fields, pointer)] && !is_faulty(reading, pointer);
}

#define FAULT(reading, pointer, ...)                                                                                   \
    field_fault((reading)->faults, pointer, field_value((reading)->json, pointer), __VA_ARGS__)

static void resolve_device(struct reading *reading)
{
    const struct spec_env *env = reading->env;
    struct job_spec *spec = reading->spec;
    int64_t share = env->cores / (env->gpu_count + env->cpu_slots > 0 ? env->gpu_count + env->cpu_slots : 1);

    if (spec->device == DEVICE_AUTO)
        spec->device = env->has_cuda ? DEVICE_CUDA : DEVICE_CPU;
    else if (spec->device == DEVICE_CUDA && !env->has_cuda)
        FAULT(reading, "/device", "cuda is not available on this machine; use cpu or auto");
    if (spec->devices > 1)
        FAULT(reading, "/devices", "more than one device for a job comes later; give 1");
    if (!has(reading, "/threads"))
        spec->threads = share > 1 ? share : 1;
    else if (spec->threads > env->cores)
        FAULT(reading, "/threads", "must be at most %lld, the cores of this machine", (long long)env->cores);
}

static void resolve_amp(struct reading *reading)
{
    struct amp_policy *policy = &reading->spec->amp;
    enum device_type device = (enum device_type)reading->spec->device;
    bool has_bfloat16 = device == DEVICE_CPU || !reading->env->gpus_all_below_8_0;
    bool has_dtype = has(reading, "/amp/dtype"), dtype_faulty = is_faulty(reading, "/amp/dtype");
    struct amp_policy fallback = amp_policy_default(device, has_bfloat16, has_dtype ? &policy->dtype : NULL);
    struct amp_fault faults[AMP_RULES];
    size_t count;

    policy->dtype = fallback.dtype;
    if (!has(reading, "/amp/enabled"))
        policy->enabled = fallback.enabled;
    if (!has(reading, "/amp/device_type"))
        policy->device_type = fallback.device_type;
    if (!has(reading, "/amp/grad_scaler"))
        policy->grad_scaler = fallback.grad_scaler;
    count = amp_policy_check(policy, device, has_bfloat16, faults);
    for (size_t i = 0; i < count; i++)
        if (!dtype_faulty || strcmp(faults[i].pointer, "/amp/device_type") == 0)
            FAULT(reading, faults[i].pointer, "%s", faults[i].detail);
    if (policy->enabled && device == DEVICE_CPU && !reading->env->cpu_native_bf16)
        field_fault(reading->warnings, "/amp/dtype", NULL,
                    "bfloat16 is emulated on this CPU, which has neither AMX nor AVX512_BF16: measured on such a one, "
                    "nano's forward took 8 times as long as in float32, single matrix products 74 times");
}

static void resolve_model(struct reading *reading)
{
    struct job_spec *spec = reading->spec;
    const struct variant *variant = &variants[spec->model];
    const int block = variant_block(variant);
    const struct {
        const char *pointer;
        int64_t *value;
        int fallback;
    } computed[] = {
        {"/resolution", &spec->resolution, variant->resolution},
        {"/num_queries", &spec->num_queries, variant->num_queries},
        {"/num_select", &spec->num_select, variant->num_select},
        {"/group_detr", &spec->group_detr, variant->group_detr},
    };

    for (size_t i = 0; i < sizeof computed / sizeof *computed; i++)
        if (!has(reading, computed[i].pointer))
            *computed[i].value = computed[i].fallback;
    if (spec->resolution % block != 0 || spec->resolution < 2 * block)
        FAULT(reading, "/resolution", "must be a multiple of %d (%s: patch %d x %d windows) and at least %d", block,
              variant->name, variant->patch_size, variant->num_windows, 2 * block);
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static void resolve_rest(struct reading *reading)
{
    struct job_spec *spec = reading->spec;

    if (!has(reading, "/eval_batch_size"))
        spec->eval_batch_size = spec->batch_size;
    if (!has(reading, "/seed"))
        spec->seed = reading->env->seed;
    if (has(reading, "/pretrain_weights") && !ends_with(spec->pretrain_weights, ".safetensors"))
        FAULT(reading, "/pretrain_weights",
              "must be the path of a .safetensors checkpoint of detrd, or null; .pth files and names come later");
    if (spec->time_limit_s > 0)
        FAULT(reading, "/time_limit_s", "time limits come later; leave it out or give 0");
    while (spec->label_count < SPEC_LABELS && spec->labels[spec->label_count].key[0])
        spec->label_count++;
}

bool job_spec_refuse(const json_t *faults, struct err *err)
{
    const json_t *first = json_array_get(faults, 0);
    const char *pointer = json_string_value(json_object_get(first, "pointer"));
    const char *detail = json_string_value(json_object_get(first, "detail"));
    size_t count = json_array_size(faults);

    if (count == 1)
        return err_at(err, ERR_BAD_SPEC, pointer, "%s: %s", *pointer ? pointer : "job spec", detail);
    return err_at(err, ERR_BAD_SPEC, pointer, "%zu faults; the first: %s: %s", count, pointer, detail);
}

bool job_spec_read(const json_t *json, const struct spec_env *env, struct job_spec *spec, json_t *faults,
                   json_t *warnings, struct err *err)
{
    bool *given = xcalloc(fields_count(job_fields), sizeof *given);
    struct job_spec *out = xcalloc(1, sizeof *out);
    struct reading reading = {json, env, out, given, faults, warnings};

    if (fields_read(job_fields, job_hints, json, out, given, faults) || json_is_object(json)) {
        if (!is_faulty(&reading, "/device"))
            resolve_device(&reading);
        if (!is_faulty(&reading, "/device"))
            resolve_amp(&reading);
        if (!is_faulty(&reading, "/model"))
            resolve_model(&reading);
        resolve_rest(&reading);
    }
    if (json_array_size(faults) == 0)
        *spec = *out;
    free(given);
    free(out);
    return json_array_size(faults) == 0 || job_spec_refuse(faults, err);
}

json_t *job_spec_write(const struct job_spec *spec)
{
    return fields_write(job_fields, spec);
}
