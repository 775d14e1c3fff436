/* tests/parity/training.c: see training.h. */
#include "tests/parity/training.h"

#include "base/arena.h"
#include "tests/parity/compare.h"
#include "tests/parity/fixture_tensor.h"

#include <check.h>
#include <stdlib.h>

struct job_spec training_spec(const char *model)
{
    const struct spec_env env = {.cpu_slots = 1, .cores = 1};
    json_t *user = json_pack("{s:s, s:s}", "model", model, "dataset_dir", "/data");
    json_t *faults = json_array(), *warnings = json_array();
    struct job_spec spec;
    struct err err = {0};

    ck_assert_msg(job_spec_read(user, &env, &spec, faults, warnings, &err), "%s", err.msg);
    json_decref(user);
    json_decref(faults);
    json_decref(warnings);
    return spec;
}

bool training_compare_rates(const struct job_spec *spec, const struct rows *rows, struct fixture *fixture)
{
    const struct optim_config config = optim_config_of(spec);
    const double *lr = fixture_doubles(fixture, fixture_get(fixture, "lr"));
    const double *decay = fixture_doubles(fixture, fixture_get(fixture, "weight_decay"));
    double *our_lr = arena_alloc(fixture->arena, rows->count * sizeof *our_lr);
    double *our_decay = arena_alloc(fixture->arena, rows->count * sizeof *our_decay);

    for (size_t i = 0; i < rows->count; i++) {
        struct optim_rates rates = optim_rates_of(&config, rows->names[i]);

        our_lr[i] = rates.lr;
        our_decay[i] = rates.weight_decay;
    }
    return compare_doubles("lr", our_lr, lr, rows->count, 1e-12) &&
           compare_doubles("weight_decay", our_decay, decay, rows->count, 1e-12);
}

static void put(struct rows *rows, size_t i, struct tensor *tensor, bool change)
{
    int n = tensor_ndim(tensor);
    size_t count = (size_t)tensor_numel(tensor);
    float *values = tensor_floats(tensor), *start = change ? malloc(count * sizeof *start) : NULL;
    int64_t dims[TENSOR_MAX_DIMS];

    for (int d = 0; d < n; d++)
        dims[d] = tensor_size(tensor, d);
    if (start)
        fill_values(rows->salt, rows->names[i], dims, n, start);
    rows_put(rows, i, values, start, count);
    free(start);
    free(values);
}

static void put_all(struct rows *rows, struct tensor *const *tensors, bool change)
{
    for (size_t i = 0; i < rows->count; i++)
        if (tensors[i])
            put(rows, i, tensors[i], change);
        else
            rows_put(rows, i, NULL, NULL, 0);
}

bool training_compare_change(struct rows *rows, struct fixture *fixture, const char *stem,
                             struct tensor *const *tensors)
{
    put_all(rows, tensors, true);
    return rows_compare(rows, fixture, stem);
}

bool training_compare(struct rows *rows, struct fixture *fixture, const char *stem, struct tensor *const *tensors)
{
    put_all(rows, tensors, false);
    return rows_compare(rows, fixture, stem);
}

bool training_compare_head(struct rows *rows, struct fixture *fixture, const char *stem, struct tensor *const *tensors)
{
    put_all(rows, tensors, false);
    return rows_compare_head(rows, fixture, stem);
}
