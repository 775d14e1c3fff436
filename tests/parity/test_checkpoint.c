/* tests/parity/test_checkpoint.c: each variant's weights go through last.safetensors and pretrain_weights unchanged,
 * and evaluate to the reference's numbers afterwards. */
#include "base/arena.h"
#include "tests/parity/compare.h"
#include "tests/parity/test_model.h"
#include "tests/unit/check_main.h"
#include "trainer/checkpoint.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {"pico", "nano", "small", "medium", "base", "large"};

/* Writes the model as a run would that has not taken a step yet. */
static void write_checkpoint(struct model *model, const char *folder)
{
    int n = params_count(model->params), dir = open(folder, O_RDONLY | O_DIRECTORY);
    struct optim_param *params = xcalloc((size_t)n, sizeof *params);
    struct job_spec *spec = xcalloc(1, sizeof *spec);
    struct data_class *classes = xcalloc((size_t)model->config.num_classes, sizeof *classes);
    struct dataset data = {.classes = classes, .class_count = model->config.num_classes};
    struct run run = {.spec = spec, .variant = model->config.variant, .dir = dir, .data = &data, .model = model};
    struct err err = {0};

    while (strcmp(variants[spec->model].name, model->config.variant->name) != 0)
        spec->model++;
    spec->num_queries = model->config.num_queries;
    spec->amp.device_type = DEVICE_CPU;
    for (int i = 0; i < data.class_count; i++)
        classes[i] = (struct data_class){.id = i, .name = "class"};
    for (int i = 0; i < n; i++)
        params[i] = (struct optim_param){params_at(model->params, i)->name, params_at(model->params, i)->value};
    run.optim = optim_new(&(struct optim_config){.variant = model->config.variant}, params, n);
    run.report = report_open(dir, &err);
    ck_assert_msg(run.report && checkpoint_write(&run, CHECKPOINT_LAST, NULL, &err), "%s", err.msg);
    report_close(run.report);
    optim_free(run.optim);
    free(classes);
    free(spec);
    free(params);
    (void)close(dir);
}

static bool compare_output(struct fixture *fixture, const char *name, struct tensor *got)
{
    const struct st_tensor *want = fixture_get(fixture, "%s", name);
    float *values = tensor_floats(got);
    bool ok = compare_floats(name, values, fixture_floats(fixture, want), fixture_elements(want),
                             fixture_tolerance(fixture, name));

    free(values);
    return ok;
}

static bool evaluates_alike(const struct model *model, struct fixture *fixture)
{
    struct tensor *images = model_images(fixture_text(fixture->meta, "salt"), fixture_json(fixture->meta, "images"),
                                         fixture_int(fixture->meta, "size"));
    struct model_output out = model_forward(model, images, false, &(struct probe){0});
    bool ok = compare_output(fixture, "pred_logits", out.logits[out.layers - 1]);

    return compare_output(fixture, "pred_boxes", out.boxes[out.layers - 1]) && ok;
}

static bool is_copy(const struct model *a, const struct model *b)
{
    for (int i = 0; i < params_count(a->params); i++) {
        struct tensor *difference = tensor_sub(params_at(a->params, i)->value, params_at(b->params, i)->value);

        if (tensor_item(tensor_sum_all(tensor_abs(difference))) != 0)
            return false;
    }
    return true;
}

START_TEST(weights_survive_a_checkpoint_and_evaluate_to_the_reference_s_numbers)
{
    struct model *model = model_from_manifest(names[_i]), *loaded;
    char folder[] = "/tmp/detrd-test-XXXXXX", name[64], *path, *command;
    struct fixture *fixture;
    struct err err = {0};

    (void)snprintf(name, sizeof name, "forward_%s", names[_i]);
    fixture = model ? fixture_open(name, FIXTURE_TENSORS) : NULL;
    if (!fixture)
        return;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    path = xasprintf("%s/checkpoints/last.safetensors", folder);
    (void)tensor_scope_open();
    (void)tensor_grad_mode(false);
    model_fill(model, fixture_text(fixture->meta, "salt"));
    write_checkpoint(model, folder);
    loaded = model_new(&model->config, TENSOR_CPU, &err);
    ck_assert_msg(loaded && checkpoint_load_weights(loaded, path, &err), "%s", err.msg);
    command = xasprintf("rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
    ck_assert(is_copy(model, loaded));
    ck_assert(evaluates_alike(loaded, fixture));
    ck_assert_msg(tensor_check(&err), "%s", err.msg);
    model_free(loaded);
    model_free(model);
    fixture_close(fixture);
    free(command);
    free(path);
}
END_TEST

TEST_MAIN("checkpoint",
          TEST_LOOP(weights_survive_a_checkpoint_and_evaluate_to_the_reference_s_numbers, sizeof names / sizeof *names))
