/* trainer/setup.c: see setup.h. */
#include "trainer/setup.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "spec/parse.h"
#include "trainer/checkpoint.h"
#include "trainer/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the spec ---- */

static void append_faults(struct err *err, const json_t *faults)
{
    size_t i, used = 0;
    json_t *fault;

    json_array_foreach(faults, i, fault)
    {
        int more = snprintf(err->msg + used, sizeof err->msg - used, "%s%s: %s",
                            i ? "; " : "spec.json: ", json_string_value(json_object_get(fault, "pointer")),
                            json_string_value(json_object_get(fault, "detail")));

        if (more < 0 || (size_t)more >= sizeof err->msg - used)
            break;
        used += (size_t)more;
    }
}

static bool send_warnings(struct report *report, json_t *warnings, struct err *err)
{
    size_t i;
    json_t *warning;

    json_array_foreach(warnings, i, warning)
    {
        log_warning("%s", json_string_value(json_object_get(warning, "detail")));
        if (!report_send(report, "warning", json_incref(warning), err))
            return false;
    }
    return true;
}

static bool read_effective(const char *text, size_t size, struct job_spec *spec, struct report *report, struct err *err)
{
    json_t *faults = json_array(), *warnings = json_array(), *json = parse_json(text, size, err);
    struct spec_env env;
    bool ok = json && devices_env(&env, err);

    if (!json) {
        char detail[sizeof err->msg];

        (void)snprintf(detail, sizeof detail, "%s", err->msg);
        err_set(err, ERR_BAD_SPEC, "spec.json: %.700s", detail);
    } else if (ok && !job_spec_read(json, &env, spec, faults, warnings, err)) {
        append_faults(err, faults);
        ok = false;
    }
    ok = ok && send_warnings(report, warnings, err);
    json_decref(faults);
    json_decref(warnings);
    json_decref(json);
    return ok;
}

bool setup_spec(int dir, struct job_spec *spec, struct report *report, struct err *err)
{
    size_t size;
    char *text = file_read(dir, "spec.json", PARSE_SIZE, &size, err);
    json_t *json;
    bool ok;

    if (!text) {
        err->code = ERR_BAD_SPEC;
        return false;
    }
    ok = read_effective(text, size, spec, report, err);
    free(text);
    if (!ok)
        return false;
    json = job_spec_write(spec);
    text = parse_text(json);
    json_decref(json);
    ok = file_replace(dir, "spec.json", text, strlen(text), err);
    free(text);
    return ok;
}

/* ---- the device ---- */

static bool check_policy(const struct job_spec *spec, const struct device_info *device, struct err *err)
{
    struct amp_fault faults[AMP_RULES];

    if (amp_policy_check(&spec->amp, device->type, device->type == DEVICE_CPU || device->bfloat16, faults) == 0)
        return true;
    return err_at(err, ERR_BAD_SPEC, faults[0].pointer, "%s: %s", faults[0].pointer, faults[0].detail);
}

static bool setup_device(struct run *run, struct err *err)
{
    struct device_info device = device_cpu();

    run->device = amp_device(&run->spec->amp);
    if (run->device != TENSOR_CPU) {
        if (tensor_device_count() == 0)
            return err_set(err, ERR_GPU, "this libtorch sees no GPU");
        if (!devices_check_assigned(err) || !device_gpu(run->device, &device, err))
            return false;
        (void)tensor_set_matmul_tf32(true);
    }
    (void)snprintf(run->device_name, sizeof run->device_name, "%s", device.name);
    (void)tensor_set_threads((int)run->spec->threads);
    if (!tensor_check(err) || !check_policy(run->spec, &device, err))
        return false;
    return report_send(run->report, "hello",
                       json_pack("{s{ss ss} s{ss ss ss*} si}", "versions", "detrd", DETRD_VERSION, "libtorch",
                                 tensor_libtorch_built(), "device", "type", device_type_name(device.type), "name",
                                 device.name, "uuid", *device.uuid ? device.uuid : NULL, "pid", (int)getpid()),
                       err);
}

/* ---- data ---- */

struct warner {
    struct report *report;
    struct err err; /* the first failure to tell one */
};

static void warn(void *arg, const struct data_warning *warning)
{
    struct warner *warner = arg;

    log_warning("%s: %s (%s)", warning->file ? warning->file : "", warning->detail,
                warning->pointer ? warning->pointer : "");
    if (warner->err.code == ERR_NONE)
        (void)!report_send(warner->report, "warning",
                           json_pack("{ss ss* ss* sI}", "detail", warning->detail, "pointer", warning->pointer, "file",
                                     warning->file, "count", (json_int_t)warning->count),
                           &warner->err);
}

const char *setup_dataset_roots(void)
{
    const char *roots = getenv("DETRD_DATASET_ROOTS");

    return roots ? roots : "/";
}

static bool open_loaders(struct run *run, struct err *err)
{
    const struct job_spec *spec = run->spec;
    bool on_cpu = run->device == TENSOR_CPU;
    int resolution = (int)spec->resolution;
    struct loader_options options = {.data = run->data,
                                     .seed = spec->seed,
                                     .scale_jitter = spec->scale_jitter,
                                     .flip = spec->aug_config == AUG_FLIP,
                                     .grad_accum_steps = (int)spec->grad_accum_steps,
                                     .threads = on_cpu ? 1 : (int)spec->threads,
                                     .prefetch = 2,
                                     .nice = on_cpu ? 10 : 0};

    if (spec->multi_scale == MULTI_SCALE_PER_BATCH)
        run->sizes = multi_scale_sizes(resolution, variant_block(run->variant), spec->expanded_scales);
    options.split = SPLIT_TRAIN;
    options.train = true;
    options.batch_size = (int)spec->batch_size;
    options.size = run->sizes.count ? run->sizes.size[run->sizes.count - 1] : resolution;
    run->loaders[PASS_TRAIN] = data_open(&options, err);
    options.split = SPLIT_VALID;
    options.train = false;
    options.batch_size = (int)spec->eval_batch_size;
    options.size = resolution;
    run->loaders[PASS_EVAL] = run->loaders[PASS_TRAIN] ? data_open(&options, err) : NULL;
    return run->loaders[PASS_EVAL] != NULL;
}

static bool setup_data(struct run *run, struct err *err)
{
    struct warner warner = {.report = run->report};
    struct dataset_options options = {
        .dir = run->spec->dataset_dir, .roots = setup_dataset_roots(), .warn = warn, .warn_arg = &warner};

    run->data = dataset_open(&options, err);
    if (!run->data)
        return false;
    if (warner.err.code != ERR_NONE) {
        *err = warner.err;
        return false;
    }
    return open_loaders(run, err);
}

/* ---- model and optimiser ---- */

static bool setup_model(struct run *run, struct err *err)
{
    const struct job_spec *spec = run->spec;
    const struct model_config config = {.variant = run->variant,
                                        .positional_encoding_size =
                                            variant_positions(run->variant, (int)spec->resolution),
                                        .num_classes = run->data->num_classes,
                                        .num_queries = (int)spec->num_queries,
                                        .group_detr = (int)spec->group_detr};

    (void)tensor_seed((uint64_t)spec->seed);
    run->model = model_new(&config, run->device, err);
    if (!run->model || !model_init(run->model, err))
        return false;
    if (*spec->pretrain_weights && !checkpoint_load_weights(run->model, spec->pretrain_weights, err))
        return false;
    if (!spec->use_ema)
        return true;
    run->average = model_new(&config, run->device, err);
    return run->average && params_copy(run->average->params, run->model->params, err);
}

static void setup_optim(struct run *run)
{
    const struct job_spec *spec = run->spec;
    const struct optim_config config = {.variant = run->variant,
                                        .lr = spec->lr,
                                        .lr_encoder = spec->lr_encoder,
                                        .weight_decay = spec->weight_decay,
                                        .lr_vit_layer_decay = spec->lr_vit_layer_decay,
                                        .lr_component_decay = spec->lr_component_decay,
                                        .clip_max_norm = spec->clip_max_norm};
    int n = params_count(run->model->params);
    struct optim_param *params = xcalloc((size_t)n, sizeof *params);

    for (int i = 0; i < n; i++)
        params[i] = (struct optim_param){.name = params_at(run->model->params, i)->name,
                                         .value = params_at(run->model->params, i)->value};
    run->optim = optim_new(&config, params, n);
    free(params);
    run->ema = (struct ema){.decay = spec->ema_decay, .tau = spec->ema_tau, .interval = spec->ema_update_interval};
    run->scaler = grad_scaler_start();
}

static bool send_plan(struct run *run, struct err *err)
{
    const struct job_spec *spec = run->spec;
    json_t *classes = json_array();

    for (int i = 0; i < run->data->class_count; i++)
        json_array_append_new(classes, json_pack("{sI si ss}", "id", (json_int_t)run->data->classes[i].id, "index",
                                                 run->data->classes[i].column, "name", run->data->classes[i].name));
    return report_send(run->report, "plan",
                       json_pack("{sI sI sI s{sI sI} so sI sI}", "epochs", (json_int_t)spec->epochs, "steps",
                                 (json_int_t)run->steps, "steps_per_epoch", (json_int_t)run->steps_per_epoch, "images",
                                 "train", (json_int_t)run->data->splits[SPLIT_TRAIN].image_count, "valid",
                                 (json_int_t)run->data->splits[SPLIT_VALID].image_count, "classes", classes,
                                 "effective_batch", (json_int_t)(spec->batch_size * spec->grad_accum_steps), "seed",
                                 (json_int_t)spec->seed),
                       err);
}

bool setup_run(struct run *run, struct err *err)
{
    const struct job_spec *spec = run->spec;
    int64_t total;

    run->variant = &variants[spec->model];
    for (int pass = 0; pass < PASS_COUNT; pass++)
        amp_trace_init(&run->traces[pass]);
    if (!setup_device(run, err) || !setup_data(run, err) || !setup_model(run, err))
        return false;
    setup_optim(run);
    run->steps_per_epoch = data_batches(run->loaders[PASS_TRAIN]) / spec->grad_accum_steps;
    total = run->steps_per_epoch * spec->epochs;
    run->schedule = schedule_make(spec, total);
    run->steps = spec->max_steps > 0 && spec->max_steps < total ? spec->max_steps : total;
    log_info("training model=%s classes=%d images=%lld steps=%lld device='%s' threads=%lld", run->variant->name,
             run->data->class_count, (long long)run->data->splits[SPLIT_TRAIN].image_count, (long long)run->steps,
             run->device_name, (long long)spec->threads);
    return tensor_check(err) && send_plan(run, err);
}

void setup_undo(struct run *run)
{
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        data_close(run->loaders[pass]);
        amp_trace_done(&run->traces[pass]);
    }
    optim_free(run->optim);
    model_free(run->average);
    model_free(run->model);
    dataset_free(run->data);
}
