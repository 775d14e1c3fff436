/* tests/parity/test_train.c: training steps of a filled model: outputs, matches, loss terms, gradients, and what
 * clipping, AdamW and EMA then make of the parameters. */
#include "base/arena.h"
#include "tests/parity/compare.h"
#include "tests/parity/losses.h"
#include "tests/parity/test_model.h"
#include "tests/parity/training.h"
#include "tests/unit/check_main.h"
#include "trainer/optim/ema.h"

#include <stdio.h>
#include <string.h>

enum { MAX_IMAGES = 8, EVERY = 97 /* every how many-th query's logits are stored where meta does not say */ };
static const char *const names[] = {"train_pico", "train_nano_288", "train_nano"};

struct world {
    struct fixture *fixture;
    struct rows rows;
    struct job_spec spec;
    struct model *model;
    struct tensor **values, **average; /* one a row; values borrowed from the model, average kept */
    struct optim *optim;
    struct ema ema;
    int images;
    struct image_targets targets[MAX_IMAGES];
    struct output_set sets[CRITERION_MAX_SETS];
    int n_sets;
    struct tensor *topk;
};

static void load_targets(struct world *world)
{
    size_t i, j, k;
    json_t *target, *box, *number;

    json_array_foreach(fixture_json(world->fixture->doc, "targets"), i, target)
    {
        size_t count = json_array_size(fixture_json(target, "labels"));
        float(*boxes)[4] = arena_alloc(world->fixture->arena, count * sizeof *boxes);
        int64_t *labels = arena_alloc(world->fixture->arena, count * sizeof *labels);

        ck_assert_uint_lt(i, MAX_IMAGES);
        json_array_foreach(fixture_json(target, "boxes"), j, box)
        {
            labels[j] = json_integer_value(json_array_get(fixture_json(target, "labels"), j));
            json_array_foreach(box, k, number) boxes[j][k] = (float)json_number_value(number);
        }
        world->targets[world->images++] = (struct image_targets){(int)count, (const float(*)[4])boxes, labels};
    }
}

static void load_params(struct world *world)
{
    size_t count = world->rows.count, scope = tensor_scope_open();
    struct optim_param *params = arena_alloc(world->fixture->arena, count * sizeof *params);
    const struct optim_config config = optim_config_of(&world->spec);

    world->values = arena_alloc(world->fixture->arena, count * sizeof(struct tensor *));
    world->average = arena_alloc(world->fixture->arena, count * sizeof(struct tensor *));
    ck_assert_int_eq((int)count, params_count(world->model->params));
    for (size_t i = 0; i < count; i++) {
        const struct param *param = params_find(world->model->params, world->rows.names[i]);

        ck_assert_msg(param != NULL, "the model has no '%s'", world->rows.names[i]);
        world->values[i] = param->value;
        world->average[i] = tensor_keep(tensor_clone(tensor_detach(param->value)));
        params[i] = (struct optim_param){param->name, param->value};
    }
    tensor_scope_close(scope);
    world->optim = optim_new(&config, params, (int)count);
    world->ema = (struct ema){world->spec.ema_decay, world->spec.ema_tau, world->spec.ema_update_interval, 0};
}

/* False: to be skipped. */
static bool world_open(struct world *world, const char *name)
{
    struct fixture *fixture = fixture_open(name, FIXTURE_TENSORS | FIXTURE_JSON);
    const char *variant, *salt;

    if (!fixture)
        return false;
    variant = fixture_text(fixture->meta, "variant");
    salt = fixture_text(fixture->meta, "salt");
    *world = (struct world){.fixture = fixture, .model = model_from_manifest(variant)};
    if (!world->model)
        return false;
    model_fill(world->model, salt);
    world->rows = rows_new(fixture, fixture_json(fixture->doc, "names"), salt);
    world->spec = training_spec(variant);
    load_targets(world);
    load_params(world);
    return true;
}

static void world_close(struct world *world)
{
    for (size_t i = 0; i < world->rows.count; i++)
        tensor_drop(world->average[i]);
    optim_free(world->optim);
    model_free(world->model);
    fixture_close(world->fixture);
}

static void watch(void *user, const char *point, struct tensor *value)
{
    struct world *world = user;

    if (strcmp(point, "topk_indices") == 0)
        world->topk = value;
}

static void forward(struct world *world, size_t step)
{
    json_t *names_of_step = json_array_get(fixture_json(world->fixture->meta, "images_per_step"), step - 1);
    struct tensor *images = model_images(world->rows.salt, names_of_step, fixture_int(world->fixture->meta, "size"));
    const struct probe probe = {watch, world};
    struct model_output out = model_forward(world->model, images, true, &probe);

    world->n_sets = 0;
    for (int i = 0; i < out.layers; i++) {
        int layer = i == 0 ? out.layers - 1 : i - 1; /* the last one first */

        world->sets[world->n_sets++] = (struct output_set){out.logits[layer], out.boxes[layer]};
    }
    world->sets[world->n_sets++] = (struct output_set){out.enc_logits, out.enc_boxes};
}

static bool compare_output(struct world *world, const char *suffix, const char *part, struct tensor *got)
{
    char *what = xasprintf("out%s.%s", suffix, part);
    const struct st_tensor *want = fixture_get(world->fixture, "%s", what);
    float *values = tensor_floats(got);
    bool ok;

    ck_assert_int_eq(tensor_numel(got), (int64_t)fixture_elements(want));
    ok = compare_floats(what, values, fixture_floats(world->fixture, want), fixture_elements(want),
                        fixture_tolerance(world->fixture, what));
    free(values);
    free(what);
    return ok;
}

static bool compare_outputs(struct world *world)
{
    json_t *every = json_object_get(world->fixture->meta, "every");
    const struct st_tensor *want = fixture_get(world->fixture, "enc.topk_indices");
    int64_t *topk = arena_alloc(world->fixture->arena, want->size);
    bool ok = true;

    for (int i = 0; i < world->n_sets; i++) {
        struct tensor *logits = tensor_detach(world->sets[i].logits);
        char suffix[LOSSES_SUFFIX_SIZE];

        losses_suffix(i, world->n_sets, suffix);
        logits = tensor_slice(logits, 1, 0, INT64_MAX, every ? json_integer_value(every) : EVERY);
        ok &= compare_output(world, suffix, "pred_logits.head", logits);
        ok &= compare_output(world, suffix, "pred_boxes", tensor_detach(world->sets[i].boxes));
    }
    ck_assert(tensor_read(world->topk, topk, want->size));
    return compare_ints("enc.topk_indices", topk, fixture_ints(world->fixture, want), fixture_elements(want)) && ok;
}

static bool compare_gradients(struct world *world)
{
    struct tensor **gradients = arena_alloc(world->fixture->arena, world->rows.count * sizeof(struct tensor *));
    json_t *none = fixture_json(world->fixture->doc, "no_gradient");
    size_t missing = 0;

    for (size_t i = 0; i < world->rows.count; i++) {
        gradients[i] = tensor_grad(world->values[i]);
        if (gradients[i])
            continue;
        ck_assert_str_eq(world->rows.names[i], json_string_value(json_array_get(none, missing)));
        missing++;
    }
    ck_assert_uint_eq(missing, json_array_size(none));
    return training_compare(&world->rows, world->fixture, "grad", gradients);
}

static bool compare_of_step(struct world *world, const char *what, double got, size_t step)
{
    const double *want = fixture_doubles(world->fixture, fixture_get(world->fixture, "%s", what));
    const double *tolerance = fixture_doubles(world->fixture, fixture_get(world->fixture, "tol.%s", what));

    return compare_number(what, got, want[step - 1], tolerance[step - 1]);
}

/* Everything that is compared in the first step alone. */
static bool compare_first(struct world *world, const struct loss_values *values)
{
    json_t *terms = fixture_json(world->fixture->doc, "losses.0.terms");
    bool ok = compare_outputs(world);

    ok &= losses_compare_matches(world->fixture, "", world->sets, world->n_sets, world->targets, world->images,
                                 (int)world->spec.group_detr);
    ok &= losses_compare_terms("", values, world->n_sets, terms,
                               fixture_json(world->fixture->doc, "term_tolerance_abs"), 0);
    return compare_gradients(world) && ok;
}

static bool compare_params(struct world *world, size_t step)
{
    char stem[32];
    bool ok;

    (void)snprintf(stem, sizeof stem, "step%zu", step);
    if (!fixture_get_or_null(world->fixture, "%s.head", stem))
        return true; /* not a step that was kept */
    ok = training_compare_head(&world->rows, world->fixture, stem, world->values);
    (void)snprintf(stem, sizeof stem, "step%zu.delta", step);
    ok &= training_compare_change(&world->rows, world->fixture, stem, world->values);
    (void)snprintf(stem, sizeof stem, "ema%zu.delta", step);
    return training_compare_change(&world->rows, world->fixture, stem, world->average) && ok;
}

static bool take_step(struct world *world, size_t step)
{
    const struct criterion criterion = {(int)world->spec.group_detr, world->spec.cls_loss_coef};
    size_t scope = tensor_scope_open();
    struct losses losses;
    struct loss_values values;
    struct tensor *norm;
    bool ok;

    forward(world, step);
    ok = optim_zero_grad(world->optim) &&
         criterion_loss(&criterion, world->sets, world->n_sets, world->targets, &losses) &&
         tensor_backward(losses.total) && losses_read(&losses, &values);
    ck_assert(ok);
    ok = compare_of_step(world, "loss.total", values.total, step);
    if (step == 1)
        ok &= compare_first(world, &values);
    norm = optim_clip(world->optim);
    ok &= compare_of_step(world, "loss.grad_total_norm", tensor_item(norm), step);
    ok &= optim_step(world->optim, 1);
    ok &= ema_update(&world->ema, world->average, world->values, (int)world->rows.count, (int64_t)step);
    tensor_scope_close(scope);
    return compare_params(world, step) && ok;
}

START_TEST(outputs_losses_gradients_and_steps_are_the_references)
{
    struct world world;
    struct err err = {0};
    bool ok;

    if (!world_open(&world, names[_i]))
        return;
    ok = training_compare_rates(&world.spec, &world.rows, world.fixture);
    for (size_t step = 1; step <= json_array_size(fixture_json(world.fixture->doc, "losses")); step++)
        ok &= take_step(&world, step);
    ck_assert_msg(tensor_check(&err), "%s", err.msg);
    ck_assert(ok);
    world_close(&world);
}
END_TEST

TEST_MAIN("train", TEST_LOOP(outputs_losses_gradients_and_steps_are_the_references, sizeof names / sizeof *names))
