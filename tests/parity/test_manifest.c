/* tests/parity/test_manifest.c: the parameters' keys, order and shapes are the reference's state_dict. */
#include "tests/parity/test_model.h"
#include "tests/unit/check_main.h"

static const char *const names[] = {"pico", "nano", "small", "medium", "base", "large"};

static void check_param(const struct param *param, const json_t *key)
{
    const json_t *shape = json_object_get(key, "shape");

    ck_assert_int_eq(tensor_ndim(param->value), (int)json_array_size(shape));
    for (int d = 0; d < tensor_ndim(param->value); d++)
        ck_assert_msg(tensor_size(param->value, d) == json_integer_value(json_array_get(shape, (size_t)d)),
                      "%s: another shape", param->name);
}

START_TEST(keys_order_and_shapes_are_the_manifest_s)
{
    struct model *model = model_from_manifest(names[_i]);
    struct fixture *fixture;
    const json_t *order, *key;
    int64_t parameters = 0;
    char name[64];
    size_t i;

    if (!model)
        return;
    (void)snprintf(name, sizeof name, "manifest_%s", names[_i]);
    fixture = fixture_open(name, FIXTURE_JSON);
    order = fixture_json(fixture->doc, "state_order");
    json_array_foreach(fixture_json(fixture->doc, "keys"), i, key)
    {
        const char *text = json_string_value(json_object_get(key, "key"));

        if (strcmp(json_string_value(json_object_get(key, "kind")), "parameter") != 0)
            continue; /* the one buffer, empty in a detection model */
        ck_assert_msg(params_find(model->params, text) != NULL, "%s is missing", text);
        check_param(params_find(model->params, text), key);
        parameters++;
    }
    ck_assert_int_eq(params_count(model->params), parameters);
    ck_assert_int_eq(params_elements(model->params), fixture_int(fixture->doc, "parameter_count"));
    for (int at = 0, p = 0; p < params_count(model->params); at++) {
        const char *text = json_string_value(json_array_get(order, (size_t)at));

        if (strcmp(text, "_kp_active_mask") != 0)
            ck_assert_str_eq(params_at(model->params, p++)->name, text);
    }
    fixture_close(fixture);
    model_free(model);
}
END_TEST

TEST_MAIN("manifest", TEST_LOOP(keys_order_and_shapes_are_the_manifest_s, sizeof names / sizeof *names))
