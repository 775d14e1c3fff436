/* spec/amp_trace.c: see amp_trace.h. */
#include "spec/amp_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CPU: what libtorch's CPU autocast was measured to put out under bfloat16.  CUDA: derived from its lists, where norms,
 * softmax and boxes are float32; not measured yet. */
// clang-format off
const struct amp_point amp_points[] = {
    /* point                        cpu    cuda */
    {"patch_embeddings",            true,  true},
    {"embeddings",                  false, false},
    {"vit.*.norm1",                 false, false},
    {"vit.*.query",                 true,  true},
    {"vit.*.attention",             true,  true},
    {"vit.*.layer_scale1",          false, false},
    {"vit.*.fc1",                   true,  true},
    {"vit.*.block",                 false, false},
    {"vit.layernorm",               false, false},
    {"projector.conv",              true,  true},
    {"projector.norm",              true,  false},
    {"projector.last_norm",         true,  false},
    {"topk",                        true,  true},
    {"outputs.enc.pred_logits",     true,  true},
    {"outputs.enc.pred_boxes",      true,  false},
    {"ref_point_head",              true,  true},
    {"scaled_dot_product_attention", true, true},
    {"dec.*.self_attn",             true,  true},
    {"dec.*.norm1",                 false, false},
    {"dec.*.sampling_offsets",      true,  true},
    {"dec.*.attention_weights",     true,  true},
    {"softmax",                     true,  false},
    {"grid_sample",                 false, false},
    {"dec.*.cross_attn",            true,  true},
    {"dec.*.linear1",               true,  true},
    {"dec.norm",                    false, false},
    {"class_embed",                 true,  true},
    {"bbox_embed",                  true,  true},
    {"outputs.pred_logits",         true,  true},
    {"outputs.pred_boxes",          false, false},
    {NULL, false, false},
};
// clang-format on

/* What a point put out, or should have. */
struct output {
    const char *device, *dtype;
    int depth;
};

/* Whether name is pattern, with a number for its '*'. */
static bool matches(const char *pattern, const char *name)
{
    const char *star = strchr(pattern, '*');
    size_t digits;

    if (!star)
        return strcmp(pattern, name) == 0;
    if (strncmp(pattern, name, (size_t)(star - pattern)) != 0)
        return false;
    name += star - pattern;
    digits = strspn(name, "0123456789");
    return digits > 0 && strcmp(name + digits, star + 1) == 0;
}

const struct amp_point *amp_point_find(const char *name)
{
    for (const struct amp_point *point = amp_points; point->name; point++)
        if (matches(point->name, name))
            return point;
    return NULL;
}

/* How many points of a model a row of the table stands for. */
static int repeats(const struct amp_point *point, const struct variant *variant)
{
    if (!strchr(point->name, '*'))
        return 1;
    return strncmp(point->name, "vit", 3) == 0 ? variant->blocks : variant->dec_layers;
}

int amp_point_count(const struct variant *variant)
{
    int count = 0;

    for (const struct amp_point *point = amp_points; point->name; point++)
        count += repeats(point, variant);
    return count;
}

static void write_name(char name[64], const struct amp_point *point, int index)
{
    const char *star = strchr(point->name, '*');

    if (star)
        (void)snprintf(name, 64, "%.*s%d%s", (int)(star - point->name), point->name, index, star + 1);
    else
        (void)snprintf(name, 64, "%s", point->name);
}

static const char *text_of(const json_t *entry, const char *member)
{
    const char *text = json_string_value(json_object_get(entry, member));

    return text ? text : "";
}

json_t *amp_trace_find(const json_t *trace, const char *point)
{
    size_t i;
    json_t *entry;

    json_array_foreach(trace, i, entry)
    {
        if (strcmp(text_of(entry, "point"), point) == 0)
            return entry;
    }
    return NULL;
}

static bool find(const json_t *trace, const char *name, struct output *output)
{
    const json_t *entry = amp_trace_find(trace, name);

    if (!entry)
        return false;
    *output = (struct output){text_of(entry, "device"), text_of(entry, "dtype"),
                              (int)json_integer_value(json_object_get(entry, "depth"))};
    return true;
}

static bool same(const struct output *a, const struct output *b)
{
    return strcmp(a->device, b->device) == 0 && strcmp(a->dtype, b->dtype) == 0 && a->depth == b->depth;
}

static void write_output(char *text, size_t size, const struct output *output, bool with_depth)
{
    if (with_depth)
        (void)snprintf(text, size, "%.16s on %.16s, depth %d", output->dtype, output->device, output->depth);
    else
        (void)snprintf(text, size, "%.16s on %.16s", output->dtype, output->device);
}

static void note(struct amp_verdict *verdict, const char *name, const char *pass, const struct output *policy,
                 const struct output *ran)
{
    bool with_depth = policy && ran && policy->depth != ran->depth;

    if (!verdict->as_policy)
        return; /* an earlier difference is told */
    verdict->as_policy = false;
    (void)snprintf(verdict->first_difference.point, sizeof verdict->first_difference.point, "%s", name);
    (void)snprintf(verdict->first_difference.pass, sizeof verdict->first_difference.pass, "%s", pass);
    if (policy)
        write_output(verdict->first_difference.policy, sizeof verdict->first_difference.policy, policy, with_depth);
    else
        (void)stpcpy(verdict->first_difference.policy, "no such point");
    if (ran)
        write_output(verdict->first_difference.ran, sizeof verdict->first_difference.ran, ran, with_depth);
    else
        (void)stpcpy(verdict->first_difference.ran, "nothing");
}

static void judge_point(struct amp_verdict *verdict, const json_t *trace, const char *pass, const char *name,
                        const struct output *policy)
{
    struct output ran;

    if (!find(trace, name, &ran))
        note(verdict, name, pass, policy, NULL);
    else if (!same(policy, &ran))
        note(verdict, name, pass, policy, &ran);
}

/* A trace may hold no point but the policy's, and none twice: once all were found, the count tells. */
static void judge_surplus(struct amp_verdict *verdict, const json_t *trace, const char *pass, int expected)
{
    size_t i;
    json_t *entry;

    if (json_array_size(trace) <= (size_t)expected)
        return;
    json_array_foreach(trace, i, entry)
    {
        const char *name = text_of(entry, "point");

        if (!amp_point_find(name) && !(strcmp(pass, "train") == 0 && strcmp(name, AMP_POINT_CRITERION) == 0)) {
            note(verdict, name, pass, NULL, NULL);
            return;
        }
    }
    note(verdict, "a point given twice", pass, NULL, NULL);
}

/* Whether the two traces agree at every point but the criterion, which only train has. */
static bool traces_equal(const json_t *train, const json_t *eval)
{
    size_t i, common = 0;
    json_t *entry;

    json_array_foreach(train, i, entry)
    {
        struct output a, b;
        const char *name = text_of(entry, "point");

        if (strcmp(name, AMP_POINT_CRITERION) == 0)
            continue;
        if (!find(train, name, &a) || !find(eval, name, &b) || !same(&a, &b))
            return false;
        common++;
    }
    return common == json_array_size(eval);
}

struct amp_verdict amp_trace_judge(const json_t *train, const json_t *eval, const struct amp_policy *policy,
                                   const struct variant *variant)
{
    const char *device = device_type_name(policy->device_type);
    const struct output criterion = {device, "float32", 0};
    struct amp_verdict verdict = {.equal = eval && traces_equal(train, eval), .as_policy = true};
    int count = amp_point_count(variant);

    for (const struct amp_point *point = amp_points; point->name; point++) {
        bool lowered = policy->device_type == DEVICE_CPU ? point->lowered_cpu : point->lowered_cuda;
        const struct output expected = {device, policy->enabled && lowered ? amp_dtype_name(policy->dtype) : "float32",
                                        policy->enabled ? 1 : 0};

        for (int i = 0; i < repeats(point, variant); i++) {
            char name[64];

            write_name(name, point, i);
            judge_point(&verdict, train, "train", name, &expected);
            if (eval)
                judge_point(&verdict, eval, "eval", name, &expected);
        }
    }
    judge_point(&verdict, train, "train", AMP_POINT_CRITERION, &criterion);
    judge_surplus(&verdict, train, "train", count + 1);
    if (eval)
        judge_surplus(&verdict, eval, "eval", count);
    return verdict;
}
