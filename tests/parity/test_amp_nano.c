/* tests/parity/test_amp_nano.c: nano under CPU bfloat16 autocast: the dtype at every named point exactly, outputs by
 * their quantiles, the first training step by loss and gradient norm.  Values move with the kernels here (scores tie
 * and near-ties change places), so tolerances are those of the fixtures' README: three units of bfloat16 in the logits.
 */
#include "base/arena.h"
#include "spec/amp_trace.h"
#include "tests/parity/compare.h"
#include "tests/parity/test_model.h"
#include "tests/unit/check_main.h"
#include "trainer/amp.h"
#include "trainer/model/criterion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double logit_tolerance = 0.1, box_tolerance = 0.03, loss_tolerance = 0.01, norm_tolerance = 0.1;
static const struct amp_policy bfloat16 = {.enabled = true, .device_type = DEVICE_CPU, .dtype = AMP_BFLOAT16};
enum { QUANTILES = 41, MAX_IMAGES = 8 };

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

/* QUANTILES of them, from 0.01 to 0.99, with linear interpolation as numpy's. */
static void quantiles(float *values, size_t count, double out[QUANTILES])
{
    qsort(values, count, sizeof *values, ascending);
    for (int i = 0; i < QUANTILES; i++) {
        double at = (0.01 + 0.98 * i / (QUANTILES - 1)) * (double)(count - 1);
        size_t low = (size_t)at;
        double next = (double)values[low + 1 < count ? low + 1 : low];

        out[i] = (double)values[low] + (at - (double)low) * (next - (double)values[low]);
    }
}

static bool compare_quantiles(struct fixture *fixture, const char *what, struct tensor *got, double tolerance)
{
    const struct st_tensor *want = fixture_get(fixture, "%s.quantiles", what);
    struct tensor *plain = tensor_cast(got, TENSOR_F32);
    float *values = tensor_floats(plain);
    double have[QUANTILES];

    ck_assert_uint_eq(fixture_elements(want), QUANTILES);
    quantiles(values, (size_t)tensor_numel(plain), have);
    free(values);
    return compare_doubles(what, have, fixture_doubles(fixture, want), QUANTILES, tolerance);
}

/* Every dtype the fixture saw put out: "vit.0.query.out", "outputs.pred_boxes". */
static bool compare_dtypes(struct fixture *fixture, const struct amp_trace *trace)
{
    const char *key;
    json_t *want;
    bool ok = true;
    int compared = 0;

    json_object_foreach(fixture_json(fixture->doc, "eval_dtypes"), key, want)
    {
        size_t size = strlen(key);
        bool out = size > 4 && strcmp(key + size - 4, ".out") == 0;
        char point[64];
        const json_t *have;

        if (!out && strncmp(key, "outputs.", 8) != 0)
            continue;
        (void)snprintf(point, sizeof point, "%.*s", (int)(out ? size - 4 : size), key);
        have = amp_trace_find(trace->points, point);
        ck_assert_msg(have != NULL, "%s was not reached", point);
        compared++;
        if (strcmp(json_string_value(json_object_get(have, "dtype")), json_string_value(want)) == 0)
            continue;
        (void)printf("%s: %s, the reference %s\n", point, json_string_value(json_object_get(have, "dtype")),
                     json_string_value(want));
        ok = false;
    }
    ck_assert_int_gt(compared, 0);
    ck_assert_str_eq(trace->unequal, "");
    return ok;
}

START_TEST(eval_has_the_reference_s_dtypes_and_quantiles)
{
    struct fixture *fixture = fixture_open("amp_nano", FIXTURE_TENSORS | FIXTURE_JSON);
    struct model *model = fixture ? model_from_manifest("nano") : NULL;
    struct model_output out;
    struct amp_trace trace;
    struct probe probe;
    struct tensor *images;
    struct err err = {0};
    bool ok;

    if (!model)
        return;
    (void)tensor_scope_open();
    (void)tensor_grad_mode(false);
    model_fill(model, fixture_text(fixture->meta, "salt"));
    images = model_images(fixture_text(fixture->meta, "salt"), fixture_json(fixture->meta, "images"),
                          fixture_int(fixture->meta, "size"));
    amp_trace_init(&trace);
    probe = amp_trace_probe(&trace);
    ck_assert(amp_enter(&bfloat16));
    out = model_forward(model, images, false, &probe);
    amp_leave(&bfloat16);
    ck_assert_msg(tensor_check(&err), "%s", err.msg);
    ok = compare_dtypes(fixture, &trace);
    ok &= compare_quantiles(fixture, "pred_logits", out.logits[out.layers - 1], logit_tolerance);
    ok &= compare_quantiles(fixture, "pred_boxes", out.boxes[out.layers - 1], box_tolerance);
    ck_assert(ok);
    amp_trace_done(&trace);
    fixture_close(fixture);
    model_free(model);
}
END_TEST

static int load_targets(struct fixture *fixture, struct image_targets targets[MAX_IMAGES])
{
    int images = (int)json_array_size(fixture_json(fixture->doc, "targets"));
    size_t j, k;
    json_t *box, *number;

    for (int i = 0; i < images; i++) {
        json_t *target = json_array_get(fixture_json(fixture->doc, "targets"), (size_t)i);
        size_t count = json_array_size(fixture_json(target, "labels"));
        float(*boxes)[4] = arena_alloc(fixture->arena, count * sizeof *boxes);
        int64_t *labels = arena_alloc(fixture->arena, count * sizeof *labels);

        json_array_foreach(fixture_json(target, "boxes"), j, box)
        {
            labels[j] = json_integer_value(json_array_get(fixture_json(target, "labels"), j));
            json_array_foreach(box, k, number) boxes[j][k] = (float)json_number_value(number);
        }
        targets[i] = (struct image_targets){(int)count, (const float(*)[4])boxes, labels};
    }
    return images;
}

static struct tensor *train_images(struct fixture *fixture)
{
    json_t *names = json_array(), *id;
    struct tensor *images;
    size_t i;

    json_array_foreach(fixture_json(fixture->doc, "train_images"), i, id)
        json_array_append_new(names, json_sprintf("input.image.%d", (int)json_integer_value(id)));
    images = model_images(fixture_text(fixture->meta, "salt"), names, fixture_int(fixture->doc, "train_size"));
    json_decref(names);
    return images;
}

static struct tensor *as_float(struct tensor *value)
{
    return tensor_cast(value, TENSOR_F32);
}

static double gradient_norm(const struct model *model)
{
    double square = 0;

    for (int i = 0; i < params_count(model->params); i++) {
        struct tensor *grad = tensor_grad(params_at(model->params, i)->value);
        double norm = grad ? tensor_item(tensor_norm_all(&grad, 1)) : 0;

        square += norm * norm;
    }
    return sqrt(square);
}

START_TEST(the_first_step_s_loss_and_gradient_norm_are_the_reference_s)
{
    struct fixture *fixture = fixture_open("amp_nano", FIXTURE_TENSORS | FIXTURE_JSON);
    struct fixture *train = fixture ? fixture_open("train_nano", FIXTURE_JSON) : NULL;
    struct model *model = train ? model_from_manifest("nano") : NULL;
    struct image_targets targets[MAX_IMAGES];
    struct output_set sets[CRITERION_MAX_SETS];
    const struct probe probe = {0};
    struct loss_values values;
    struct model_output out;
    struct losses losses;
    struct err err = {0};
    double want, norm;
    int n = 0;
    bool ok;

    if (!model)
        return;
    (void)tensor_scope_open();
    model_fill(model, fixture_text(fixture->meta, "salt"));
    ck_assert(amp_enter(&bfloat16));
    out = model_forward(model, train_images(fixture), true, &probe);
    amp_leave(&bfloat16);
    for (int i = 0; i < out.layers; i++) {
        int layer = i == 0 ? out.layers - 1 : i - 1;

        sets[n++] = (struct output_set){as_float(out.logits[layer]), as_float(out.boxes[layer])};
    }
    sets[n++] = (struct output_set){as_float(out.enc_logits), as_float(out.enc_boxes)};
    ck_assert_int_eq(load_targets(train, targets), (int)json_array_size(fixture_json(fixture->doc, "train_images")));
    ok = criterion_loss(&(struct criterion){.groups = model->config.group_detr, .cls_loss_coef = 1}, sets, n, targets,
                        &losses) &&
         tensor_backward(losses.total) && losses_read(&losses, &values);
    ck_assert_msg(tensor_check(&err) && ok, "%s", err.msg);
    norm = gradient_norm(model);
    want = fixture_real(fixture->doc, "total");
    ok = compare_number("total", values.total, want, loss_tolerance * want);
    want = fixture_real(fixture->doc, "grad_total_norm");
    ok &= compare_number("grad_total_norm", norm, want, norm_tolerance * want);
    ck_assert(ok);
    fixture_close(train);
    fixture_close(fixture);
    model_free(model);
}
END_TEST

TEST_MAIN("amp_nano", TEST(eval_has_the_reference_s_dtypes_and_quantiles)
                          TEST(the_first_step_s_loss_and_gradient_norm_are_the_reference_s))
