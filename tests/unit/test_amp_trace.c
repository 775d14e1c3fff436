/* tests/unit/test_amp_trace.c: the policy's promise against traces. */
#include "spec/amp_trace.h"
#include "tests/unit/check_main.h"

#include <string.h>

static const struct amp_policy bfloat16 = {.enabled = true, .device_type = DEVICE_CPU, .dtype = AMP_BFLOAT16};
static const struct amp_policy off = {.enabled = false, .device_type = DEVICE_CPU, .dtype = AMP_BFLOAT16};

static json_t *entry(const char *point, const char *dtype, int depth)
{
    return json_pack("{sssssssi}", "point", point, "device", "cpu", "dtype", dtype, "depth", depth);
}

/* pico's trace on the CPU as it should be: the table spelt out by hand where it matters, float32 when policy is off. */
static json_t *trace_of(const struct amp_policy *policy, bool train)
{
    const struct variant *pico = variant_find("pico");
    json_t *trace = json_array();

    for (const struct amp_point *point = amp_points; point->name; point++) {
        const char *star = strchr(point->name, '*');
        int count = !star ? 1 : point->name[0] == 'v' ? pico->blocks : pico->dec_layers;

        for (int i = 0; i < count; i++) {
            char name[64];

            (void)snprintf(name, sizeof name, "%.*s", star ? (int)(star - point->name) : 60, point->name);
            if (star)
                (void)snprintf(name + strlen(name), sizeof name - strlen(name), "%d%s", i, star + 1);
            (void)json_array_append_new(
                trace, entry(name, policy->enabled && point->lowered_cpu ? "bfloat16" : "float32", policy->enabled));
        }
    }
    if (train)
        (void)json_array_append_new(trace, entry(AMP_POINT_CRITERION, "float32", 0));
    return trace;
}

static struct amp_verdict judge(json_t *train, json_t *eval, const struct amp_policy *policy)
{
    struct amp_verdict verdict = amp_trace_judge(train, eval, policy, variant_find("pico"));

    json_decref(train);
    json_decref(eval);
    return verdict;
}

START_TEST(pico_has_54_points_and_nano_102)
{
    ck_assert_int_eq(amp_point_count(variant_find("pico")), 54);
    ck_assert_int_eq(amp_point_count(variant_find("nano")), 102);
}
END_TEST

START_TEST(numbered_points_are_found_by_their_row)
{
    ck_assert_str_eq(amp_point_find("vit.11.query")->name, "vit.*.query");
    ck_assert_str_eq(amp_point_find("softmax")->name, "softmax");
    ck_assert_ptr_null(amp_point_find("vit.query"));
    ck_assert_ptr_null(amp_point_find("vit.x.query"));
    ck_assert_ptr_null(amp_point_find("dec.0.out"));
    ck_assert_ptr_null(amp_point_find(AMP_POINT_CRITERION));
}
END_TEST

START_TEST(traces_as_promised_are_equal_and_as_policy)
{
    const struct amp_policy *policy = _i == 0 ? &bfloat16 : &off;
    struct amp_verdict verdict = judge(trace_of(policy, true), trace_of(policy, false), policy);

    ck_assert(verdict.equal && verdict.as_policy);
    ck_assert_str_eq(verdict.first_difference.point, "");
}
END_TEST

START_TEST(train_alone_is_held_against_the_policy)
{
    struct amp_verdict verdict = judge(trace_of(&bfloat16, true), NULL, &bfloat16);

    ck_assert(!verdict.equal && verdict.as_policy);
}
END_TEST

START_TEST(both_wrong_in_the_same_way_is_not_as_policy)
{
    struct amp_verdict verdict = judge(trace_of(&off, true), trace_of(&off, false), &bfloat16);

    ck_assert(verdict.equal && !verdict.as_policy);
    ck_assert_str_eq(verdict.first_difference.point, "patch_embeddings");
    ck_assert_str_eq(verdict.first_difference.pass, "train");
    ck_assert_str_eq(verdict.first_difference.policy, "bfloat16 on cpu, depth 1");
    ck_assert_str_eq(verdict.first_difference.ran, "float32 on cpu, depth 0");
}
END_TEST

START_TEST(an_eval_that_did_not_enter_is_told)
{
    struct amp_verdict verdict = judge(trace_of(&bfloat16, true), trace_of(&off, false), &bfloat16);

    ck_assert(!verdict.equal && !verdict.as_policy);
    ck_assert_str_eq(verdict.first_difference.pass, "eval");
}
END_TEST

static void change(json_t *trace, size_t i, const char *member, json_t *value)
{
    (void)json_object_set_new(json_array_get(trace, i), member, value);
}

START_TEST(one_dtype_one_device_and_one_depth_each_count)
{
    json_t *train = trace_of(&bfloat16, true), *eval = trace_of(&bfloat16, false);
    struct amp_verdict verdict;

    change(eval, 3,
           _i == 0   ? "dtype"
           : _i == 1 ? "device"
                     : "depth",
           _i == 0   ? json_string("float16")
           : _i == 1 ? json_string("cuda")
                     : json_integer(2));
    verdict = judge(train, eval, &bfloat16);
    ck_assert(!verdict.equal && !verdict.as_policy);
    ck_assert_str_eq(verdict.first_difference.pass, "eval");
}
END_TEST

START_TEST(a_criterion_inside_the_region_is_told)
{
    json_t *train = trace_of(&bfloat16, true);
    struct amp_verdict verdict;

    change(train, 54, "depth", json_integer(1));
    verdict = judge(train, trace_of(&bfloat16, false), &bfloat16);
    ck_assert(verdict.equal && !verdict.as_policy);
    ck_assert_str_eq(verdict.first_difference.point, "criterion");
    ck_assert_str_eq(verdict.first_difference.policy, "float32 on cpu, depth 0");
    ck_assert_str_eq(verdict.first_difference.ran, "float32 on cpu, depth 1");
}
END_TEST

START_TEST(a_missing_point_and_one_too_many_are_told)
{
    json_t *train = trace_of(&bfloat16, true), *eval = trace_of(&bfloat16, false);
    struct amp_verdict verdict;

    if (_i == 0)
        (void)json_array_remove(eval, 53);
    else
        (void)json_array_append_new(eval, entry(_i == 1 ? "extra" : "softmax", "bfloat16", 1));
    verdict = judge(train, eval, &bfloat16);
    ck_assert(!verdict.equal && !verdict.as_policy);
    ck_assert_str_eq(verdict.first_difference.ran, "nothing");
}
END_TEST

/* The dtypes that the reference's model was seen to put out on a CPU, of block and layer 0; entries "X.in" are not
 * ours. */
START_TEST(the_cpu_column_is_what_was_measured)
{
    const char *given = getenv("DETRD_FIXTURES"), *source = getenv("SOURCE_DIR"), *key;
    char path[4096];
    json_t *fixture, *dtype;
    int points = 0;

    (void)snprintf(path, sizeof path, "%s%s/amp_nano.json", given ? given : source, given ? "" : "/tests/fixtures");
    fixture = json_load_file(path, 0, NULL);
    if (!fixture && given) {
        printf("skipped: no %s\n", path);
        return;
    }
    ck_assert_msg(fixture != NULL, "%s", path);
    json_object_foreach(json_object_get(fixture, "eval_dtypes"), key, dtype)
    {
        size_t size = strlen(key);
        const struct amp_point *point;
        char name[64];

        if (size > 3 && strcmp(key + size - 3, ".in") == 0)
            continue;
        (void)snprintf(name, sizeof name, "%s", key);
        if (size > 4 && strcmp(name + size - 4, ".out") == 0)
            name[size - 4] = '\0';
        point = amp_point_find(name);
        ck_assert_msg(point != NULL, "%s", name);
        ck_assert_msg(point->lowered_cpu == (strcmp(json_string_value(dtype), "bfloat16") == 0), "%s", name);
        points++;
    }
    for (const struct amp_point *point = amp_points; point->name; point++)
        points--;
    ck_assert_int_eq(points, 0); /* all, and no other */
    json_decref(fixture);
}
END_TEST

// clang-format off
TEST_MAIN("amp_trace",
    TEST(pico_has_54_points_and_nano_102)
    TEST(the_cpu_column_is_what_was_measured)
    TEST(numbered_points_are_found_by_their_row)
    TEST_LOOP(traces_as_promised_are_equal_and_as_policy, 2)
    TEST(train_alone_is_held_against_the_policy)
    TEST(both_wrong_in_the_same_way_is_not_as_policy)
    TEST(an_eval_that_did_not_enter_is_told)
    TEST_LOOP(one_dtype_one_device_and_one_depth_each_count, 3)
    TEST(a_criterion_inside_the_region_is_told)
    TEST_LOOP(a_missing_point_and_one_too_many_are_told, 3))
