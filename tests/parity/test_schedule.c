/* tests/parity/test_schedule.c: learning-rate factors by step and EMA decays by update. */
#include "base/arena.h"
#include "tests/parity/compare.h"
#include "tests/parity/fixture.h"
#include "tests/unit/check_main.h"
#include "trainer/optim/ema.h"
#include "trainer/optim/schedule.h"

#include <string.h>

static const struct {
    const char *name;
    enum lr_scheduler kind;
} kinds[] = {{"step", LR_STEP}, {"cosine", LR_COSINE}};

static double real_or(json_t *root, const char *key, double otherwise)
{
    json_t *value = json_object_get(root, key);

    return value ? json_number_value(value) : otherwise;
}

/* False: none of ours. */
static bool spec_of(json_t *config, struct job_spec *spec)
{
    const char *name = json_string_value(json_object_get(config, "lr_scheduler"));
    json_t *kwargs = json_object_get(config, "lr_scheduler_kwargs");
    size_t i = 0;

    if (!name)
        return false;
    while (strcmp(kinds[i].name, name) != 0)
        ck_assert_msg(++i < sizeof kinds / sizeof *kinds, "there is no schedule '%s'", name);
    *spec = (struct job_spec){.lr_scheduler = kinds[i].kind, .epochs = fixture_int(config, "epochs")};
    spec->warmup_epochs = real_or(config, "warmup_epochs", 0);
    spec->lr_scheduler_kwargs.lr_drop = real_or(kwargs, "lr_drop", 100);
    spec->lr_scheduler_kwargs.min_factor = real_or(kwargs, "min_factor", 0);
    return true;
}

static bool compare_case(struct fixture *fixture, const char *name, json_t *one, double tolerance)
{
    json_t *config = fixture_json(one, "config"), *list = fixture_json(one, "multiplier_by_step");
    size_t count = json_array_size(list);
    double *want = arena_alloc(fixture->arena, count * sizeof *want);
    double *got = arena_alloc(fixture->arena, count * sizeof *got);
    struct job_spec spec;
    struct schedule schedule;

    if (!spec_of(config, &spec)) {
        fixture_skip(name, "a scheduler of torch's own");
        return true;
    }
    schedule = schedule_make(&spec, fixture_int(config, "epochs") * fixture_int(config, "steps_per_epoch"));
    for (size_t i = 0; i < count; i++) {
        want[i] = json_number_value(json_array_get(list, i));
        got[i] = schedule_factor(&schedule, (int64_t)i);
    }
    return compare_number(name, (double)schedule.warmup_steps, fixture_real(config, "warmup_steps"), 0) &&
           compare_doubles(name, got, want, count, tolerance);
}

START_TEST(the_rate_of_every_step_is_the_references)
{
    struct fixture *fixture = fixture_open("lr_schedule", FIXTURE_JSON);
    const char *name;
    json_t *one;
    bool ok = true;

    if (!fixture)
        return;
    json_object_foreach(fixture_json(fixture->doc, "learning_rate"), name, one) ok &=
        compare_case(fixture, name, one, fixture_real(fixture->doc, "tolerance_abs"));
    json_object_foreach(fixture_json(fixture->doc, "drop_path.schedules"), name, one) fixture_skip(name, "drop path");
    ck_assert(ok);
    fixture_close(fixture);
}
END_TEST

START_TEST(the_decay_of_every_update_is_the_references)
{
    struct fixture *fixture = fixture_open("lr_schedule", FIXTURE_JSON);
    const char *name;
    json_t *one;
    bool ok = true;

    if (!fixture)
        return;
    json_object_foreach(fixture_json(fixture->doc, "ema"), name, one)
    {
        json_t *list = fixture_json(one, "decay_by_update"), *want;
        struct ema ema = {fixture_real(one, "decay"), fixture_real(one, "tau"), 1, 0};
        size_t i;

        json_array_foreach(list, i, want)
        {
            ema.updates = (int64_t)i; /* the first is null: a copy */
            ok &= compare_number(name, ema_next_decay(&ema), json_is_null(want) ? 0 : json_number_value(want),
                                 fixture_real(fixture->doc, "tolerance_abs"));
        }
    }
    ck_assert(ok);
    fixture_close(fixture);
}
END_TEST

TEST_MAIN("schedule", TEST(the_rate_of_every_step_is_the_references) TEST(the_decay_of_every_update_is_the_references))
