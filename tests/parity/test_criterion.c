/* tests/parity/test_criterion.c: matches, loss terms and gradients of the reference's criterion on made-up predictions.
 */
#include "tests/parity/compare.h"
#include "tests/parity/fixture_tensor.h"
#include "tests/parity/losses.h"
#include "tests/unit/check_main.h"

#include "base/arena.h"

#include <math.h>
#include <string.h>

enum { SETS = 3, MAX_IMAGES = 8, HEAD = 4 /* queries whose gradients are stored whole */ };
static const char *const layers[SETS] = {"last", "aux0", "enc"};

struct case_data {
    struct fixture *fixture;
    const char *name;
    json_t *doc;
    int images;
    struct image_targets targets[MAX_IMAGES];
    struct output_set sets[SETS];
};

static void load(struct case_data *data, struct fixture *fixture, const char *name, json_t *doc)
{
    *data = (struct case_data){.fixture = fixture, .name = name, .doc = doc};
    data->images = (int)json_array_size(fixture_json(doc, "counts"));
    ck_assert_int_le(data->images, MAX_IMAGES);
    for (int i = 0; i < data->images; i++) {
        const struct st_tensor *labels = fixture_get(fixture, "%s/target.%d.labels", name, i);
        const struct st_tensor *boxes = fixture_get(fixture, "%s/target.%d.boxes", name, i);

        data->targets[i] = (struct image_targets){
            (int)labels->dims[0], (const float(*)[4])fixture_floats(fixture, boxes), fixture_ints(fixture, labels)};
    }
    for (int i = 0; i < SETS; i++) {
        data->sets[i].logits = fixture_tensor(fixture_get(fixture, "%s/%s.pred_logits", name, layers[i]));
        data->sets[i].boxes = fixture_tensor(fixture_get(fixture, "%s/%s.pred_boxes", name, layers[i]));
        (void)tensor_requires_grad_(data->sets[i].logits, true);
        (void)tensor_requires_grad_(data->sets[i].boxes, true);
    }
}

static bool compare_gradient(struct case_data *data, const char *layer, const char *part, struct tensor *got)
{
    const struct st_tensor *want = fixture_get(data->fixture, "%s/%s.%s", data->name, layer, part);
    char what[128];
    float *values = tensor_floats(got);
    bool ok;

    ck_assert_int_eq(tensor_numel(got), (int64_t)fixture_elements(want));
    (void)snprintf(what, sizeof what, "%s/%s.%s", data->name, layer, part);
    ok = compare_floats(what, values, fixture_floats(data->fixture, want), fixture_elements(want),
                        fixture_real(data->doc, "grad_tolerance_abs"));
    free(values);
    return ok;
}

static bool compare_gradients(struct case_data *data)
{
    bool ok = true;

    for (int i = 0; i < SETS; i++) {
        struct tensor *logits = tensor_grad(data->sets[i].logits), *boxes = tensor_grad(data->sets[i].boxes);

        ok &= compare_gradient(data, layers[i], "grad_boxes", boxes);
        ok &= compare_gradient(data, layers[i], "grad_logits.head", tensor_slice(logits, 1, 0, HEAD, 1));
        ok &= compare_gradient(data, layers[i], "grad_logits.row_norm",
                               tensor_sqrt(tensor_sum(tensor_mul(logits, logits), -1, false)));
    }
    return ok;
}

static bool run_case(struct fixture *fixture, const char *name, json_t *doc)
{
    size_t scope = tensor_scope_open();
    struct criterion criterion = {(int)fixture_int(doc, "groups"), fixture_real(doc, "weights.loss_ce")};
    double tolerance = fixture_real(doc, "term_tolerance_abs");
    const char *prefix = arena_printf(fixture->arena, "%s/", name);
    struct case_data data;
    struct losses losses;
    struct loss_values values;
    struct err err = {0};
    bool ok;

    load(&data, fixture, name, doc);
    ok = losses_compare_matches(fixture, prefix, data.sets, SETS, data.targets, data.images, criterion.groups);
    ok &= criterion_loss(&criterion, data.sets, SETS, data.targets, &losses);
    ok &= tensor_backward(losses.total) && losses_read(&losses, &values);
    ck_assert_msg(tensor_check(&err), "%s: %s", name, err.msg);
    ok &= losses_compare_terms(prefix, &values, SETS, fixture_json(doc, "terms"), NULL, tolerance);
    ok &= compare_number("total", values.total, fixture_real(doc, "total"),
                         fmax(tolerance * 3 * SETS, 6e-7 * fabs(values.total)));
    ok &= compare_gradients(&data);
    tensor_scope_close(scope);
    return ok;
}

START_TEST(matches_losses_and_gradients_are_the_references)
{
    struct fixture *fixture = fixture_open("criterion", FIXTURE_TENSORS | FIXTURE_JSON);
    const char *name;
    json_t *doc;
    bool ok = true;

    if (!fixture)
        return;
    json_object_foreach(fixture_json(fixture->doc, "cases"), name, doc) ok &= run_case(fixture, name, doc);
    ck_assert(ok);
    fixture_close(fixture);
}
END_TEST

TEST_MAIN("criterion", TEST(matches_losses_and_gradients_are_the_references))
