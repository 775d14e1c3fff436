/* tests/parity/test_postprocess.c: scores, labels and boxes equal the reference's in every case of postprocess. */
#include "tests/parity/compare.h"
#include "tests/parity/fixture_tensor.h"
#include "tests/unit/check_main.h"
#include "trainer/metrics/postprocess.h"

#include <stdio.h>
#include <string.h>

static bool compare_image(struct fixture *fixture, const char *name, int64_t image, const struct detections *got)
{
    const struct st_tensor *want = fixture_get(fixture, "%s/%d.labels", name, (int)image);
    size_t count = (size_t)tensor_size(got->labels, 1), all = count * (size_t)tensor_size(got->labels, 0);
    int64_t *labels = malloc(all * sizeof *labels + 1);
    float *scores = tensor_floats(got->scores), *boxes = tensor_floats(got->boxes);
    char what[128];
    bool ok = true;

    ck_assert(tensor_read(got->labels, labels, all * sizeof *labels));
    ck_assert_uint_eq(count, fixture_elements(want));
    (void)snprintf(what, sizeof what, "%s, image %d", name, (int)image);
    ok &= compare_ints(what, labels + (size_t)image * count, fixture_ints(fixture, want), count);
    want = fixture_get(fixture, "%s/%d.scores", name, (int)image);
    ok &= compare_floats(what, scores + (size_t)image * count, fixture_floats(fixture, want), count,
                         fixture_tolerance(fixture, "scores"));
    want = fixture_get(fixture, "%s/%d.boxes", name, (int)image);
    ok &= compare_floats(what, boxes + (size_t)image * count * 4, fixture_floats(fixture, want), count * 4,
                         fixture_tolerance(fixture, "boxes"));
    free(boxes);
    free(scores);
    free(labels);
    return ok;
}

static bool compare_case(struct fixture *fixture, const char *name, json_t *about)
{
    size_t scope = tensor_scope_open();
    struct detections got;
    bool ok;

    ok = postprocess(fixture_tensor(fixture_get(fixture, "%s/pred_logits", name)),
                     fixture_tensor(fixture_get(fixture, "%s/pred_boxes", name)),
                     fixture_tensor(fixture_get(fixture, "%s/sizes", name)), fixture_int(about, "num_select"), &got);
    if (!ok) {
        struct err err = {0};

        ck_abort_msg("%s: %s", name, tensor_check(&err) ? "no words" : err.msg);
    }
    for (int64_t image = 0; image < tensor_size(got.scores, 0); image++)
        ok &= compare_image(fixture, name, image, &got);
    tensor_scope_close(scope);
    return ok;
}

START_TEST(detections_equal_the_references)
{
    struct fixture *fixture = fixture_open("postprocess", FIXTURE_TENSORS);
    const char *name;
    json_t *about;
    bool ok = true;

    if (!fixture)
        return;
    json_object_foreach(fixture_json(fixture->meta, "cases"), name, about) ok &= compare_case(fixture, name, about);
    fixture_close(fixture);
    ck_assert(ok);
}
END_TEST

START_TEST(bfloat16_outputs_give_float32_detections_and_bad_shapes_an_error)
{
    size_t scope = tensor_scope_open();
    struct tensor *logits = tensor_full(DIMS(2, 3, 4), 1, TENSOR_BF16, TENSOR_CPU);
    struct tensor *boxes = tensor_full(DIMS(2, 3, 4), 0.5, TENSOR_BF16, TENSOR_CPU);
    struct tensor *sizes = tensor_full(DIMS(2, 2), 100, TENSOR_I64, TENSOR_CPU);
    struct detections got;
    struct err err = {0};

    ck_assert(postprocess(logits, boxes, sizes, 5, &got));
    ck_assert_int_eq(tensor_dtype_of(got.scores), TENSOR_F32);
    ck_assert_int_eq(tensor_dtype_of(got.boxes), TENSOR_F32);
    ck_assert_int_eq(tensor_size(got.labels, 1), 5);
    ck_assert(!postprocess(logits, tensor_narrow(boxes, 0, 0, 1), tensor_narrow(sizes, 1, 0, 1), 5, &got));
    ck_assert(!tensor_check(&err));
    tensor_scope_close(scope);
}
END_TEST

TEST_MAIN("postprocess",
          TEST(detections_equal_the_references) TEST(bfloat16_outputs_give_float32_detections_and_bad_shapes_an_error))
