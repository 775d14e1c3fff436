/* tests/unit/test_job_spec.c: parse, fields, job_spec and amp_policy: each rule with its words. */
#include "spec/job_spec.h"
#include "spec/parse.h"
#include "tests/unit/check_main.h"

#include <string.h>

static const struct spec_env cpu = {.cpu_slots = 1, .cores = 4, .seed = 77};
static const struct spec_env native = {.cpu_native_bf16 = true, .cpu_slots = 1, .cores = 4, .seed = 77};
static const struct spec_env gpu = {.has_cuda = true, .gpu_count = 2, .cpu_slots = 2, .cores = 32, .seed = 77};
static const struct spec_env old_gpu = {
    .has_cuda = true, .gpus_all_below_8_0 = true, .gpu_count = 1, .cpu_slots = 1, .cores = 1, .seed = 77};

static json_t *parse(const char *text)
{
    struct err err = {0};
    json_t *json = parse_json(text, strlen(text), &err);

    ck_assert_msg(json != NULL, "%s: %s", text, err.msg);
    return json;
}

/* The smallest spec and members, which may be "". */
static json_t *spec_with(const char *members)
{
    char text[4096];

    (void)snprintf(text, sizeof text, "{\"model\": \"nano\", \"dataset_dir\": \"/data\"%s%s}", *members ? ", " : "",
                   members);
    return parse(text);
}

static struct job_spec read_good(const char *members, const struct spec_env *env, size_t warning_count)
{
    json_t *json = spec_with(members), *faults = json_array(), *warnings = json_array();
    struct job_spec spec = {0};
    struct err err = {0};

    ck_assert_msg(job_spec_read(json, env, &spec, faults, warnings, &err), "%s: %s", members, err.msg);
    ck_assert_uint_eq(json_array_size(faults), 0);
    ck_assert_uint_eq(json_array_size(warnings), warning_count);
    json_decref(json);
    json_decref(faults);
    json_decref(warnings);
    return spec;
}

static json_t *read_bad(json_t *json, const struct spec_env *env, struct err *err)
{
    json_t *faults = json_array(), *warnings = json_array();
    struct job_spec spec = {.epochs = 4711};

    ck_assert(!job_spec_read(json, env, &spec, faults, warnings, err));
    ck_assert_int_eq(spec.epochs, 4711);
    ck_assert_int_eq(err->code, ERR_BAD_SPEC);
    json_decref(json);
    json_decref(warnings);
    return faults;
}

static const char *fault_text(const json_t *faults, size_t i, const char *member)
{
    return json_string_value(json_object_get(json_array_get(faults, i), member));
}

START_TEST(the_smallest_spec_becomes_effective)
{
    struct job_spec spec = read_good("", &cpu, 0);

    ck_assert_str_eq(variants[spec.model].name, "nano");
    ck_assert_str_eq(spec.dataset_dir, "/data");
    ck_assert_int_eq(spec.device, DEVICE_CPU);
    ck_assert_int_eq(spec.threads, 4);
    ck_assert_int_eq(spec.resolution, 384);
    ck_assert_int_eq(spec.num_queries, 300);
    ck_assert_int_eq(spec.num_select, 300);
    ck_assert_int_eq(spec.group_detr, 13);
    ck_assert_int_eq(spec.epochs, 100);
    ck_assert_int_eq(spec.batch_size, 4);
    ck_assert_int_eq(spec.eval_batch_size, 4);
    ck_assert_double_eq(spec.lr, 1e-4);
    ck_assert_double_eq(spec.lr_encoder, 1.5e-4);
    ck_assert_double_eq(spec.lr_scheduler_kwargs.lr_drop, 100);
    ck_assert_double_eq(spec.clip_max_norm, 0.1);
    ck_assert_int_eq(spec.multi_scale, MULTI_SCALE_PER_BATCH);
    ck_assert(spec.expanded_scales && spec.scale_jitter && spec.use_ema);
    ck_assert_int_eq(spec.aug_config, AUG_FLIP);
    ck_assert_double_eq(spec.ema_decay, 0.993);
    ck_assert_int_eq(spec.eval_max_dets, 500);
    ck_assert_int_eq(spec.seed, 77);
    ck_assert_str_eq(spec.pretrain_weights, "");
}
END_TEST

START_TEST(null_asks_for_the_default_where_the_reference_has_none)
{
    struct job_spec spec =
        read_good("\"eval_batch_size\": null, \"batch_size\": 6, \"seed\": null, \"aug_config\": null,"
                  "\"pretrain_weights\": null, \"name\": null",
                  &cpu, 0);

    ck_assert_int_eq(spec.eval_batch_size, 6);
    ck_assert_int_eq(spec.seed, 77);
    ck_assert_int_eq(read_good("\"seed\": 0", &cpu, 0).seed, 0);
}
END_TEST

START_TEST(values_may_be_spelt_as_in_python)
{
    ck_assert_int_eq(read_good("\"multi_scale\": false", &cpu, 0).multi_scale, MULTI_SCALE_OFF);
    ck_assert_int_eq(read_good("\"multi_scale\": true", &cpu, 0).multi_scale, MULTI_SCALE_PER_BATCH);
    ck_assert_int_eq(read_good("\"multi_scale\": \"off\"", &cpu, 0).multi_scale, MULTI_SCALE_OFF);
    ck_assert_int_eq(read_good("\"aug_config\": {}", &cpu, 0).aug_config, AUG_NONE);
    ck_assert_int_eq(read_good("\"epochs\": 3.0", &cpu, 0).epochs, 3);
    ck_assert_double_eq(read_good("\"warmup_epochs\": 1", &cpu, 0).warmup_epochs, 1);
}
END_TEST

START_TEST(labels_are_counted)
{
    struct job_spec spec = read_good("\"labels\": {\"lab\": \"zellen\", \"größe\": \"\"}", &cpu, 0);

    ck_assert_int_eq(spec.label_count, 2);
    ck_assert_str_eq(spec.labels[0].key, "lab");
    ck_assert_str_eq(spec.labels[0].value, "zellen");
    ck_assert_str_eq(spec.labels[1].key, "größe");
}
END_TEST

START_TEST(threads_share_the_cores_among_gpus_and_slots)
{
    ck_assert_int_eq(read_good("", &gpu, 0).threads, 8);
    ck_assert_int_eq(read_good("", &old_gpu, 0).threads, 1);
}
END_TEST

static const struct {
    const struct spec_env *env;
    const char *members;
    enum device_type device;
    bool enabled;
    enum amp_dtype dtype;
    bool grad_scaler;
    size_t warnings;
} policies[] = {
    {&cpu, "", DEVICE_CPU, false, AMP_BFLOAT16, false, 0},
    {&cpu, "\"amp\": {}", DEVICE_CPU, false, AMP_BFLOAT16, false, 0},
    {&cpu, "\"amp\": {\"enabled\": true}", DEVICE_CPU, true, AMP_BFLOAT16, false, 1},
    {&native, "\"amp\": {\"enabled\": true}", DEVICE_CPU, true, AMP_BFLOAT16, false, 0},
    {&gpu, "", DEVICE_CUDA, true, AMP_BFLOAT16, false, 0},
    {&gpu, "\"device\": \"cpu\"", DEVICE_CPU, false, AMP_BFLOAT16, false, 0},
    {&gpu, "\"amp\": {\"dtype\": \"float16\"}", DEVICE_CUDA, true, AMP_FLOAT16, true, 0},
    {&gpu, "\"amp\": {\"dtype\": \"float16\", \"grad_scaler\": false, \"allow_unscaled_float16\": true}", DEVICE_CUDA,
     true, AMP_FLOAT16, false, 0},
    {&gpu, "\"amp\": {\"device_type\": \"cuda\", \"enabled\": false}", DEVICE_CUDA, false, AMP_BFLOAT16, false, 0},
    {&old_gpu, "", DEVICE_CUDA, true, AMP_FLOAT16, true, 0},
    {&old_gpu, "\"device\": \"cpu\"", DEVICE_CPU, false, AMP_BFLOAT16, false, 0},
};

START_TEST(the_amp_policy_is_filled_in_from_the_device)
{
    struct job_spec spec = read_good(policies[_i].members, policies[_i].env, policies[_i].warnings);

    ck_assert_int_eq(spec.device, policies[_i].device);
    ck_assert_int_eq(spec.amp.device_type, policies[_i].device);
    ck_assert_int_eq(spec.amp.enabled, policies[_i].enabled);
    ck_assert_int_eq(spec.amp.dtype, policies[_i].dtype);
    ck_assert_int_eq(spec.amp.grad_scaler, policies[_i].grad_scaler);
}
END_TEST

START_TEST(emulated_bfloat16_is_warned_of)
{
    json_t *json = spec_with("\"amp\": {\"enabled\": true}"), *faults = json_array(), *warnings = json_array();
    struct job_spec spec;
    struct err err = {0};

    ck_assert(job_spec_read(json, &cpu, &spec, faults, warnings, &err));
    ck_assert_str_eq(fault_text(warnings, 0, "pointer"), "/amp/dtype");
    ck_assert_ptr_nonnull(strstr(fault_text(warnings, 0, "detail"), "emulated"));
    json_decref(json);
    json_decref(faults);
    json_decref(warnings);
}
END_TEST

static const struct {
    const char *members, *pointer, *detail;
    const struct spec_env *env; /* NULL: cpu */
} refused[] = {
    /* type, range, enumeration */
    {"\"epochs\": \"3\"", "/epochs", "must be a whole number from 1 to 100000", NULL},
    {"\"epochs\": 0", "/epochs", "must be a whole number from 1 to 100000", NULL},
    {"\"epochs\": 2.5", "/epochs", "must be a whole number from 1 to 100000", NULL},
    {"\"epochs\": null", "/epochs", "must be a whole number from 1 to 100000", NULL},
    {"\"epochs\": true", "/epochs", "must be a whole number from 1 to 100000", NULL},
    {"\"lr\": 2", "/lr", "must be a number from 1e-10 to 1", NULL},
    {"\"lr\": []", "/lr", "must be a number from 1e-10 to 1", NULL},
    {"\"seed\": -1", "/seed", "must be a whole number from 0 to 4294967295", NULL},
    {"\"seed\": 1e300", "/seed", "must be a whole number from 0 to 4294967295", NULL},
    {"\"priority\": 101", "/priority", "must be a whole number from -100 to 100", NULL},
    {"\"use_ema\": 1", "/use_ema", "must be true or false", NULL},
    {"\"lr_scheduler\": \"linear\"", "/lr_scheduler", "must be one of \"step\", \"cosine\"", NULL},
    {"\"aug_config\": {\"HorizontalFlip\": {}}", "/aug_config", "must be one of null, {}", NULL},
    {"\"amp\": {\"dtype\": \"bf16\"}", "/amp/dtype", "must be one of \"bfloat16\", \"float16\"", NULL},
    {"\"amp\": 3", "/amp", "must be an object", NULL},
    {"\"name\": 3", "/name", "must be text", NULL},
    {"\"name\": \"a\\u0007b\"", "/name", "must not hold control characters", NULL},
    {"\"labels\": []", "/labels", "must be an object of text pairs", NULL},
    {"\"labels\": {\"a/b\": 1}", "/labels/a~1b", "must be text", NULL},
    {"\"labels\": {\"\": \"x\"}", "/labels/", "must be text of 1 to 100 characters", NULL},
    /* keys we do not have */
    {"\"epoch\": 3", "/epoch", "unknown key", NULL},
    {"\"amp\": {\"type\": 3}", "/amp/type", "unknown key", NULL},
    {"\"a~/b\": 3", "/a~0~1b", "unknown key", NULL},
    {"\"amp_dtype\": \"bf16\"", "/amp_dtype", "use /amp/dtype, and /amp/enabled for no mixed precision", NULL},
    {"\"amp\": true", "/amp", "is an object: use /amp/enabled, {\"amp\": {\"enabled\": true}}", NULL},
    {"\"output_dir\": \"out\"", "/output_dir",
     "each job has a folder of its own, which the job names as \"folder\"; leave it out", NULL},
    {"\"hidden_dim\": 128", "/hidden_dim", "is fixed by the variant; choose it with /model", NULL},
    {"\"early_stopping\": true", "/early_stopping", "comes later; this version of detrd does not have it yet", NULL},
    {"\"resume\": {}", "/resume", "comes later; this version of detrd does not have it yet", NULL},
    {"\"batch_size\": \"auto\"", "/batch_size", "automatic batch sizes come later; give a number", NULL},
    {"\"multi_scale\": \"per-sample\"", "/multi_scale", "per-sample comes later; use \"per-batch\" or \"off\"", NULL},
    {"\"devices\": 2", "/devices", "more than one device for a job comes later; give 1", NULL},
    {"\"time_limit_s\": 60", "/time_limit_s", "time limits come later; leave it out or give 0", NULL},
    {"\"pretrain_weights\": \"rf-detr-nano.pth\"", "/pretrain_weights",
     "must be the path of a .safetensors checkpoint of detrd, or null; .pth files and names come later", NULL},
    /* rules between fields */
    {"\"resolution\": 400", "/resolution", "must be a multiple of 32 (nano: patch 16 x 2 windows) and at least 64",
     NULL},
    {"\"resolution\": 32", "/resolution", "must be a multiple of 32 (nano: patch 16 x 2 windows) and at least 64",
     NULL},
    {"\"threads\": 5", "/threads", "must be at most 4, the cores of this machine", NULL},
    {"\"device\": \"cuda\"", "/device", "cuda is not available on this machine; use cpu or auto", NULL},
    {"\"amp\": {\"dtype\": \"float16\"}", "/amp/dtype", "float16 is not available on cpu; use bfloat16", NULL},
    {"\"device\": \"cpu\", \"amp\": {\"dtype\": \"float16\", \"enabled\": true}", "/amp/dtype",
     "float16 is not available on cpu; use bfloat16", &gpu},
    {"\"amp\": {\"device_type\": \"cuda\"}", "/amp/device_type",
     "must be the device that the job runs on; leave it out, or change /device", NULL},
    {"\"amp\": {\"device_type\": \"cpu\"}", "/amp/device_type",
     "must be the device that the job runs on; leave it out, or change /device", &gpu},
    {"\"amp\": {\"dtype\": \"bfloat16\"}", "/amp/dtype",
     "bfloat16 needs a GPU of compute capability 8.0 or more; use float16", &old_gpu},
    {"\"amp\": {\"grad_scaler\": true}", "/amp/grad_scaler",
     "bfloat16 needs no gradient scaler; use false, or dtype float16", NULL},
    {"\"amp\": {\"grad_scaler\": false, \"dtype\": \"float16\"}", "/amp/grad_scaler",
     "float16 gradients underflow without a scaler; use true, or set /amp/allow_unscaled_float16", &gpu},
};

START_TEST(a_bad_value_is_refused_with_pointer_words_and_value)
{
    struct err err = {0};
    json_t *faults = read_bad(spec_with(refused[_i].members), refused[_i].env ? refused[_i].env : &cpu, &err);

    ck_assert_uint_eq(json_array_size(faults), 1);
    ck_assert_str_eq(fault_text(faults, 0, "pointer"), refused[_i].pointer);
    ck_assert_str_eq(fault_text(faults, 0, "detail"), refused[_i].detail);
    ck_assert_ptr_nonnull(json_object_get(json_array_get(faults, 0), "value"));
    ck_assert_str_eq(err.where, refused[_i].pointer);
    json_decref(faults);
}
END_TEST

START_TEST(every_variant_is_a_model_and_no_other)
{
    const struct field_choice *choice = job_fields[field_index(job_fields, "/model")].choices;
    size_t count = 0;

    for (; variants[count].name; count++) {
        json_t *name = json_loads(choice[count].json, JSON_DECODE_ANY, NULL);

        ck_assert_str_eq(json_string_value(name), variants[count].name);
        ck_assert_int_eq(choice[count].value, (int64_t)count);
        json_decref(name);
    }
    ck_assert_ptr_null(choice[count].json);
}
END_TEST

START_TEST(text_is_measured_in_characters)
{
    json_t *json = spec_with("");
    char text[2 * 101 + 1] = "";
    struct job_spec spec;
    struct err err = {0};
    json_t *faults = json_array(), *warnings = json_array();

    for (int i = 0; i < 100; i++)
        (void)strcat(text, "ä");
    (void)json_object_set_new(json, "name", json_string(text));
    ck_assert(job_spec_read(json, &cpu, &spec, faults, warnings, &err));
    (void)strcat(text, "ä");
    (void)json_object_set_new(json, "name", json_string(text));
    json_decref(faults);
    json_decref(warnings);
    faults = read_bad(json, &cpu, &err);
    ck_assert_str_eq(fault_text(faults, 0, "detail"), "must be text of 0 to 100 characters");
    json_decref(faults);
}
END_TEST

START_TEST(a_seventeenth_label_is_refused)
{
    json_t *json = spec_with(""), *labels = json_object(), *faults;
    struct err err = {0};

    for (int i = 0; i < 17; i++) {
        char key[8];

        (void)snprintf(key, sizeof key, "k%d", i);
        (void)json_object_set_new(labels, key, json_string("v"));
    }
    (void)json_object_set_new(json, "labels", labels);
    faults = read_bad(json, &cpu, &err);
    ck_assert_str_eq(fault_text(faults, 0, "detail"), "must have at most 16 pairs; here are 17");
    json_decref(faults);
}
END_TEST

START_TEST(all_faults_are_told_at_once)
{
    struct err err = {0};
    json_t *faults = read_bad(parse("{\"model\": \"nano\", \"lr\": \"fast\", \"resolution\": 33, \"colour\": 1,"
                                    "\"amp\": {\"dtype\": \"float16\", \"enabled\": \"yes\"}}"),
                              &cpu, &err);
    static const char *const pointers[] = {"/lr",          "/colour",    "/amp/enabled",
                                           "/dataset_dir", "/amp/dtype", "/resolution"};

    ck_assert_uint_eq(json_array_size(faults), sizeof pointers / sizeof *pointers);
    for (size_t i = 0; i < json_array_size(faults); i++)
        ck_assert_str_eq(fault_text(faults, i, "pointer"), pointers[i]);
    ck_assert_ptr_null(json_object_get(json_array_get(faults, 3), "value"));
    ck_assert_str_eq(err.msg, "6 faults; the first: /lr: must be a number from 1e-10 to 1");
    json_decref(faults);
}
END_TEST

START_TEST(a_spec_that_is_no_object_is_refused)
{
    struct err err = {0};
    json_t *faults = read_bad(parse("[1]"), &cpu, &err);

    ck_assert_uint_eq(json_array_size(faults), 1);
    ck_assert_str_eq(err.msg, "job spec: must be an object");
    json_decref(faults);
}
END_TEST

static const char *const round_trips[] = {
    "",
    "\"amp\": {\"enabled\": true}",
    "\"labels\": {\"a\": \"b\", \"c\": \"\"}, \"name\": \"Zellen\", \"seed\": 4294967295, \"lr\": "
    "3.3333333333333335e-05",
    "\"aug_config\": {}, \"multi_scale\": false, \"resolution\": 64, \"pretrain_weights\": \"/w/best.safetensors\","
    "\"lr_scheduler\": \"cosine\", \"lr_scheduler_kwargs\": {\"min_factor\": 0.02}, \"threads\": 1",
};

START_TEST(an_effective_spec_has_every_key_and_reads_back_the_same)
{
    struct job_spec spec = read_good(round_trips[_i], &cpu, _i == 1), again;
    json_t *json = job_spec_write(&spec), *faults = json_array(), *warnings = json_array(), *copy, *rewritten;
    struct spec_env other = cpu;
    char *text = parse_text(json);
    struct err err = {0};

    for (const struct field *field = job_fields; field->pointer; field++)
        ck_assert_msg(field_value(json, field->pointer) != NULL, "%s", field->pointer);
    other.seed = 1; /* a stored seed is not drawn again */
    copy = parse(text);
    ck_assert_msg(job_spec_read(copy, &other, &again, faults, warnings, &err), "%s", err.msg);
    rewritten = job_spec_write(&again);
    ck_assert(json_equal(json, rewritten));
    ck_assert_mem_eq(&spec, &again, sizeof spec);
    free(text);
    json_decref(json);
    json_decref(copy);
    json_decref(rewritten);
    json_decref(faults);
    json_decref(warnings);
}
END_TEST

START_TEST(every_default_and_choice_of_the_table_is_legal)
{
    for (const struct field *field = job_fields; field->pointer; field++) {
        ck_assert_msg(strlen(field->help) > 10, "%s", field->pointer);
        ck_assert_msg((field->type == FIELD_CHOICE) == (field->choices != NULL), "%s", field->pointer);
        for (const struct field_hint *hint = job_hints; hint->pointer; hint++)
            ck_assert_msg(hint->value || strcmp(hint->pointer, field->pointer) != 0, "%s", field->pointer);
    }
}
END_TEST

static const struct {
    const char *text;
    const char *words;
} broken[] = {
    {"", "line 1, column 1: empty"},
    {"{\"a\": 1,\n \"b\": }", "line 2, column 7: "},
    {"{\"a\": 1} x", "line 1, column 10: end of file expected"},
    {"{\"a\": 1}{}", "end of file expected"},
    {"{\"a\": 1,\n\"a\": 2}", "line 2, column 3: duplicate object key"},
    {"{\"a\": NaN}", "line 1"},
    {"{\"a\": 1e999}", "real number overflow"},
    {"{\"a\": -Infinity}", "line 1"},
    {"{\"a\": \"\xff\"}", "unable to decode byte 0xff"},
    {"{\"a\": \"\\ud800\"}", "line 1"},
    {"{\"a\": \"\\u0000\"}", "line 1"},
    {"{'a': 1}", "line 1"},
    {"[[[[\n[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", "line 2, column 13: nested deeper than 16 levels"},
};

START_TEST(broken_json_is_refused_with_line_and_column)
{
    struct err err = {0};

    ck_assert_ptr_null(parse_json(broken[_i].text, strlen(broken[_i].text), &err));
    ck_assert_int_eq(err.code, ERR_NOT_JSON);
    ck_assert_msg(strstr(err.msg, broken[_i].words) != NULL, "%s", err.msg);
    ck_assert_ptr_nonnull(strstr(err.msg, "column"));
}
END_TEST

START_TEST(sixteen_levels_and_brackets_in_text_are_fine)
{
    json_decref(parse("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"));
    json_decref(parse("[\"[[[[[[[[[[[[[[[[[[\\\"[[[[[[[\"]"));
}
END_TEST

START_TEST(a_body_above_1_mib_is_too_large)
{
    struct err err = {0};
    char *text = malloc(PARSE_SIZE + 1);

    memset(text, ' ', PARSE_SIZE + 1);
    text[0] = '1';
    ck_assert_ptr_null(parse_json(text, PARSE_SIZE + 1, &err));
    ck_assert_int_eq(err.code, ERR_TOO_LARGE);
    json_decref(parse_json(text, PARSE_SIZE, &err));
    free(text);
}
END_TEST

START_TEST(numbers_are_written_short_but_exact)
{
    static const char *const texts[] = {"{\"a\":0.92}", "{\"a\":0.30000000000000004,\"b\":0.99299999999999999}", "3"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *json = parse(texts[i]);
        char *text = parse_text(json);

        ck_assert_str_eq(text, texts[i]);
        free(text);
        json_decref(json);
    }
}
END_TEST

#define COUNT(array) (int)(sizeof array / sizeof *array)

// clang-format off
TEST_MAIN("job_spec",
    TEST(the_smallest_spec_becomes_effective)
    TEST(null_asks_for_the_default_where_the_reference_has_none)
    TEST(values_may_be_spelt_as_in_python)
    TEST(labels_are_counted)
    TEST(threads_share_the_cores_among_gpus_and_slots)
    TEST_LOOP(the_amp_policy_is_filled_in_from_the_device, COUNT(policies))
    TEST(emulated_bfloat16_is_warned_of)
    TEST_LOOP(a_bad_value_is_refused_with_pointer_words_and_value, COUNT(refused))
    TEST(every_variant_is_a_model_and_no_other)
    TEST(text_is_measured_in_characters)
    TEST(a_seventeenth_label_is_refused)
    TEST(all_faults_are_told_at_once)
    TEST(a_spec_that_is_no_object_is_refused)
    TEST_LOOP(an_effective_spec_has_every_key_and_reads_back_the_same, COUNT(round_trips))
    TEST(every_default_and_choice_of_the_table_is_legal)
    TEST_LOOP(broken_json_is_refused_with_line_and_column, COUNT(broken))
    TEST(sixteen_levels_and_brackets_in_text_are_fine)
    TEST(a_body_above_1_mib_is_too_large)
    TEST(numbers_are_written_short_but_exact))
