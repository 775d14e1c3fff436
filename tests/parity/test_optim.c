/* tests/parity/test_optim.c: clipping, AdamW and EMA over three steps on gradients of the fill formula, no model. */
#include "base/arena.h"
#include "tests/parity/compare.h"
#include "tests/parity/fixture_tensor.h"
#include "tests/parity/training.h"
#include "tests/unit/check_main.h"
#include "trainer/optim/ema.h"

#include <stdio.h>
#include <string.h>

enum { STEPS = 3 };

struct world {
    struct fixture *fixture, *manifest;
    struct rows rows;
    struct job_spec spec;
    struct tensor **values, **average; /* one a row */
    struct optim *optim;
};

static json_t *find_key(json_t *keys, const char *name)
{
    size_t i;
    json_t *key;

    json_array_foreach(keys, i, key) if (strcmp(fixture_text(key, "key"), name) == 0) return key;
    ck_abort_msg("the manifest has no '%s'", name);
    return NULL;
}

static struct tensor *make_param(struct world *world, const char *name)
{
    json_t *shape = fixture_json(find_key(fixture_json(world->manifest->doc, "keys"), name), "shape");
    int64_t dims[TENSOR_MAX_DIMS];
    int n = (int)json_array_size(shape);
    struct tensor *param;

    for (int i = 0; i < n; i++)
        dims[i] = json_integer_value(json_array_get(shape, (size_t)i));
    param = tensor_keep(fill_tensor(world->rows.salt, name, dims, n));
    ck_assert(tensor_requires_grad_(param, true));
    return param;
}

/* False: to be skipped. */
static bool world_open(struct world *world)
{
    struct fixture *fixture = fixture_open("optim_nano", FIXTURE_TENSORS);
    char *manifest;
    size_t scope;

    if (!fixture)
        return false;
    manifest = arena_printf(fixture->arena, "manifest_%s", fixture_text(fixture->meta, "variant"));
    *world = (struct world){.fixture = fixture, .manifest = fixture_open(manifest, FIXTURE_JSON)};
    if (!world->manifest)
        return false;
    world->rows = rows_new(fixture, fixture_json(fixture->meta, "names"), fixture_text(fixture->meta, "salt"));
    world->spec = training_spec(fixture_text(fixture->meta, "variant"));
    world->values = arena_alloc(fixture->arena, world->rows.count * sizeof(struct tensor *));
    world->average = arena_alloc(fixture->arena, world->rows.count * sizeof(struct tensor *));
    scope = tensor_scope_open();
    for (size_t i = 0; i < world->rows.count; i++) {
        world->values[i] = make_param(world, world->rows.names[i]);
        world->average[i] = tensor_keep(tensor_clone(tensor_detach(world->values[i])));
    }
    tensor_scope_close(scope);
    return true;
}

static void start_optim(struct world *world)
{
    const struct optim_config config = optim_config_of(&world->spec);
    struct optim_param *params = arena_alloc(world->fixture->arena, world->rows.count * sizeof *params);

    for (size_t i = 0; i < world->rows.count; i++)
        params[i] = (struct optim_param){world->rows.names[i], world->values[i]};
    world->optim = optim_new(&config, params, (int)world->rows.count);
}

static void world_close(struct world *world)
{
    optim_free(world->optim);
    for (size_t i = 0; i < world->rows.count; i++) {
        tensor_drop(world->values[i]);
        tensor_drop(world->average[i]);
    }
    fixture_close(world->manifest);
    fixture_close(world->fixture);
}

static bool has_no_gradient(struct world *world, const char *name)
{
    size_t i;
    json_t *left_out;

    json_array_foreach(fixture_json(world->fixture->meta, "no_gradient"), i,
                       left_out) if (strcmp(json_string_value(left_out), name) == 0) return true;
    return false;
}

/* Gradients come from backward of Σ p·g, which is g exactly. */
static void make_gradients(struct world *world, int step)
{
    double scale =
        json_number_value(json_array_get(fixture_json(world->fixture->meta, "grad_scale"), (size_t)step - 1));

    ck_assert(optim_zero_grad(world->optim));
    for (size_t i = 0; i < world->rows.count; i++) {
        size_t scope = tensor_scope_open(), count = (size_t)tensor_numel(world->values[i]);
        char *name = xasprintf("grad.%d.%s", step, world->rows.names[i]);
        float *gradient = malloc(count * sizeof *gradient);
        struct tensor *flat = tensor_flatten(tensor_unsqueeze(world->values[i], 0), 0, -1);

        fill_unit(world->rows.salt, name, count, gradient);
        for (size_t j = 0; j < count; j++)
            gradient[j] *= (float)scale;
        if (!has_no_gradient(world, world->rows.names[i]))
            ck_assert(tensor_backward(tensor_sum_all(
                tensor_mul(flat, tensor_from_data(gradient, DIMS((int64_t)count), TENSOR_F32, TENSOR_CPU)))));
        tensor_scope_close(scope);
        free(gradient);
        free(name);
    }
}

static bool take_step(struct world *world, int step, double norm)
{
    size_t scope = tensor_scope_open();
    struct tensor *ours;
    bool ok;

    make_gradients(world, step);
    ours = optim_clip(world->optim);
    ok = compare_number("grad_total_norm", tensor_item(ours), norm,
                        fixture_tolerance(world->fixture, "grad_total_norm"));
    ok &= optim_step(world->optim, 1);
    tensor_scope_close(scope);
    return ok;
}

static bool compare_step(struct world *world, int step)
{
    char stem[32];
    bool ok;

    (void)snprintf(stem, sizeof stem, "step%d.delta", step);
    ok = training_compare_change(&world->rows, world->fixture, stem, world->values);
    (void)snprintf(stem, sizeof stem, "step%d", step);
    ok &= training_compare_head(&world->rows, world->fixture, stem, world->values);
    (void)snprintf(stem, sizeof stem, "ema%d.delta", step);
    return training_compare_change(&world->rows, world->fixture, stem, world->average) && ok;
}

START_TEST(three_steps_change_weights_and_average_as_the_references_do)
{
    struct world world;
    struct err err = {0};
    const double *norms;
    struct ema ema;
    bool ok;

    if (!world_open(&world))
        return;
    start_optim(&world);
    ema = (struct ema){world.spec.ema_decay, world.spec.ema_tau, world.spec.ema_update_interval, 0};
    norms = fixture_doubles(world.fixture, fixture_get(world.fixture, "grad_total_norm"));
    ok = training_compare_rates(&world.spec, &world.rows, world.fixture);
    for (int step = 1; step <= STEPS; step++) {
        ok &= take_step(&world, step, norms[step - 1]);
        ok &= ema_update(&ema, world.average, world.values, (int)world.rows.count, step);
        ok &= compare_step(&world, step);
    }
    ck_assert_msg(tensor_check(&err), "%s", err.msg);
    ck_assert(ok);
    world_close(&world);
}
END_TEST

static double largest(json_t *list)
{
    double most = 0;
    size_t i;
    json_t *value;

    json_array_foreach(list, i, value) most = json_number_value(value) > most ? json_number_value(value) : most;
    return most;
}

/* At the default rates lr · decay is lost in float32, so this step has large ones. */
START_TEST(weight_decay_shows_at_large_rates)
{
    struct world world;
    struct err err = {0};
    json_t *decay;
    bool ok;

    if (!world_open(&world))
        return;
    decay = fixture_json(world.fixture->meta, "decay");
    world.spec.lr = largest(fixture_json(decay, "lr"));
    world.spec.lr_encoder = fixture_real(decay, "lr_encoder");
    world.spec.weight_decay = largest(fixture_json(decay, "weight_decay"));
    start_optim(&world);
    ok = take_step(&world, 1, fixture_doubles(world.fixture, fixture_get(world.fixture, "grad_total_norm"))[0]);
    ok &= training_compare_change(&world.rows, world.fixture, "decay.delta", world.values);
    ck_assert_msg(tensor_check(&err), "%s", err.msg);
    ck_assert(ok);
    world_close(&world);
}
END_TEST

static bool clip_one(json_t *example)
{
    const struct optim_config config = {.variant = &variants[0], .clip_max_norm = fixture_real(example, "max_norm")};
    size_t scope = tensor_scope_open();
    double want = fixture_real(example, "clipped");
    struct tensor *param = tensor_zeros(DIMS(1), TENSOR_F32, TENSOR_CPU);
    struct optim *optim = optim_new(&config, &(struct optim_param){"class_embed.bias", param}, 1);
    bool ok;

    ok = tensor_requires_grad_(param, true) &&
         tensor_backward(tensor_sum_all(tensor_mul_k(param, fixture_real(example, "gradient")))) && optim_clip(optim);
    ok &= compare_number("clipped", tensor_item(tensor_grad(param)), want, 6e-7 * want);
    optim_free(optim);
    tensor_scope_close(scope);
    return ok;
}

START_TEST(clipping_adds_a_millionth_to_the_norm)
{
    struct fixture *fixture = fixture_open("optim_nano", FIXTURE_TENSORS);
    bool ok = true;
    size_t i;
    json_t *example;

    if (!fixture)
        return;
    json_array_foreach(fixture_json(fixture->meta, "clip_examples"), i, example) ok &= clip_one(example);
    ck_assert(ok);
    fixture_close(fixture);
}
END_TEST

TEST_MAIN("optim", TEST(three_steps_change_weights_and_average_as_the_references_do)
                       TEST(weight_decay_shows_at_large_rates) TEST(clipping_adds_a_millionth_to_the_norm))
