/* tests/parity/test_model.h: the reference's model, rebuilt from a manifest and filled by the formula. */
#pragma once
#include "tests/parity/fixture_tensor.h"
#include "trainer/model/model.h"

#include <check.h>

/* Returns the variant as manifest_<variant>.json describes it, or NULL when the test is to be skipped. */
static inline struct model *model_from_manifest(const char *variant)
{
    struct model_config config = {.variant = variant_find(variant)};
    struct fixture *fixture;
    struct model *model;
    struct err err = {0};
    char name[64];

    if (!config.variant) {
        fixture_skip(variant, "this variant is not built yet");
        return NULL;
    }
    (void)snprintf(name, sizeof name, "manifest_%s", variant);
    fixture = fixture_open(name, FIXTURE_JSON);
    if (!fixture)
        return NULL;
    config.num_classes = (int)fixture_int(fixture->doc, "config.num_classes");
    config.num_queries = (int)fixture_int(fixture->doc, "config.num_queries");
    config.group_detr = (int)fixture_int(fixture->doc, "config.group_detr");
    config.positional_encoding_size = (int)fixture_int(fixture->doc, "config.positional_encoding_size");
    model = model_new(&config, TENSOR_CPU, &err);
    ck_assert_msg(model != NULL, "%s", err.msg);
    fixture_close(fixture);
    return model;
}

static inline void model_fill(struct model *model, const char *salt)
{
    for (int i = 0; i < params_count(model->params); i++) {
        const struct param *param = params_at(model->params, i);
        int64_t dims[TENSOR_MAX_DIMS];
        int n = tensor_ndim(param->value);
        size_t scope = tensor_scope_open();

        for (int d = 0; d < n; d++)
            dims[d] = tensor_size(param->value, d);
        (void)tensor_copy_(param->value, fill_tensor(salt, param->name, dims, n));
        tensor_scope_close(scope);
    }
}

/* The images whose names stand in the list, [n, 3, size, size], in the open scope. */
static inline struct tensor *model_images(const char *salt, const json_t *names, int64_t size)
{
    struct tensor *images[16];
    int n = (int)json_array_size(names);

    ck_assert_int_le(n, 16);
    for (int i = 0; i < n; i++)
        images[i] = fill_tensor(salt, json_string_value(json_array_get(names, (size_t)i)), DIMS(3, size, size));
    return tensor_stack(images, n, 0);
}
