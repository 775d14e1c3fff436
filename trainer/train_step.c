/* trainer/train_step.c: see train_step.h. */
#include "trainer/train_step.h"

#include "base/arena.h"
#include "base/clock.h"
#include "spec/amp_trace.h"
#include "spec/metric.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- a micro-batch ---- */

static bool batch_loss(struct run *run, const struct batch *batch, const struct model_output *out,
                       struct losses *losses, struct err *err)
{
    const struct criterion criterion = {.groups = (int)run->spec->group_detr,
                                        .cls_loss_coef = run->spec->cls_loss_coef};
    struct image_targets *targets = xcalloc((size_t)batch->count, sizeof *targets);
    struct output_set sets[CRITERION_MAX_SETS];
    int n = 0, depth = tensor_autocast_depth();
    bool ok;

    sets[n++] = (struct output_set){out->logits[out->layers - 1], out->boxes[out->layers - 1]};
    for (int i = 0; i < out->layers - 1; i++)
        sets[n++] = (struct output_set){out->logits[i], out->boxes[i]};
    sets[n++] = (struct output_set){out->enc_logits, out->enc_boxes};
    for (int i = 0; i < batch->count; i++)
        targets[i] = (struct image_targets){.count = batch->targets[i].count,
                                            .boxes = (const float(*)[4])batch->targets[i].boxes,
                                            .labels = batch->targets[i].labels};
    ok = criterion_loss(&criterion, sets, n, targets, losses);
    if (ok && !run->traced[PASS_TRAIN])
        amp_trace_add(&run->traces[PASS_TRAIN], AMP_POINT_CRITERION, losses->total, depth);
    free(targets);
    return tensor_check(err);
}

static bool micro_batch(struct run *run, struct train_step *step, struct err *err)
{
    double share = 1.0 / (double)run->spec->grad_accum_steps;
    struct loss_values values;
    struct model_output out;
    struct losses losses;
    struct batch batch;

    if (!data_next(run->loaders[PASS_TRAIN], &batch, err))
        return false;
    step->wait_s += batch.wait_s;
    step->images += batch.count;
    if (!run_forward(run, PASS_TRAIN, &batch, &out, err) || !batch_loss(run, &batch, &out, &losses, err) ||
        !run_settle_trace(run, PASS_TRAIN, err))
        return false;
    (void)tensor_backward(tensor_mul_k(losses.total, run->spec->amp.grad_scaler ? share * run->scaler.scale : share));
    (void)!losses_read(&losses, &values);
    step->loss += share * values.total;
    step->loss_ce += share * values.terms[0][LOSS_CE];
    step->loss_bbox += share * values.terms[0][LOSS_BBOX];
    step->loss_giou += share * values.terms[0][LOSS_GIOU];
    return tensor_check(err);
}

/* ---- weights ---- */

static void update_average(struct run *run)
{
    int n = params_count(run->model->params);
    struct tensor **average, **weights;

    if (!run->average)
        return;
    average = xcalloc((size_t)n, sizeof *average);
    weights = xcalloc((size_t)n, sizeof *weights);
    for (int i = 0; i < n; i++) {
        average[i] = params_at(run->average->params, i)->value;
        weights[i] = params_at(run->model->params, i)->value;
    }
    (void)ema_update(&run->ema, average, weights, n, run->step + 1);
    free(average);
    free(weights);
}

static bool update_weights(struct run *run, struct train_step *step, struct err *err)
{
    double factor = schedule_factor(&run->schedule, run->step);
    bool take = true;

    step->lr = run->spec->lr * factor;
    if (run->spec->amp.grad_scaler)
        (void)optim_scale(run->optim, 1 / run->scaler.scale);
    step->grad_norm = tensor_item(optim_clip(run->optim));
    if (run->spec->amp.grad_scaler)
        take = grad_scaler_update(&run->scaler, isfinite(step->grad_norm));
    if (take) {
        (void)optim_step(run->optim, factor);
        update_average(run);
    }
    return tensor_check(err);
}

/* ---- report ---- */

static double rss_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long pages = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    (void)fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static json_t *values_json(const struct run *run, const struct train_step *step, double seconds)
{
    const struct {
        const char *name;
        double value;
    } values[] = {
        {METRIC_TRAIN_LOSS, step->loss},
        {METRIC_TRAIN_LOSS_CE, step->loss_ce},
        {METRIC_TRAIN_LOSS_BBOX, step->loss_bbox},
        {METRIC_TRAIN_LOSS_GIOU, step->loss_giou},
        {METRIC_TRAIN_LR, step->lr},
        {METRIC_TRAIN_GRAD_NORM, step->grad_norm},
        {METRIC_SYS_RSS, rss_bytes()},
        {METRIC_TRAIN_IMAGES_RATE, (double)step->images / seconds},
        {METRIC_TRAIN_DATA_WAIT, fmin(1, step->wait_s / seconds)},
    };
    struct tensor_memory memory;
    json_t *json = json_object();

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        json_object_set_new(json, values[i].name, report_number(values[i].value));
    if (run->spec->amp.grad_scaler)
        json_object_set_new(json, METRIC_AMP_SCALE, report_number(run->scaler.scale));
    if (run->device != TENSOR_CPU && tensor_memory_stats(run->device, &memory))
        json_object_set_new(json, METRIC_SYS_GPU_MEMORY, report_number((double)memory.allocated_bytes));
    return json;
}

static bool tell(struct run *run, const struct train_step *step, double seconds, struct err *err)
{
    if (!report_send(run->report, "metric",
                     json_pack("{sI sI so}", "step", (json_int_t)(run->step + 1), "epoch", (json_int_t)run->epoch,
                               "values", values_json(run, step, seconds)),
                     err))
        return false;
    if (isfinite(step->loss))
        return true;
    return err_set(err, ERR_NON_FINITE, "the loss is %f at step %" PRId64 " (epoch %" PRId64 ")", step->loss,
                   run->step + 1, run->epoch);
}

bool train_step(struct run *run, struct train_step *step, struct err *err)
{
    double start = clock_monotonic_s();
    size_t scope = tensor_scope_open();
    bool ok = true;

    *step = (struct train_step){0};
    (void)optim_zero_grad(run->optim);
    for (int64_t i = 0; ok && i < run->spec->grad_accum_steps; i++)
        ok = micro_batch(run, step, err);
    if (ok && isfinite(step->loss)) /* else the weights stay as they are: the run ends here */
        ok = update_weights(run, step, err);
    tensor_scope_close(scope);
    ok = ok && tell(run, step, clock_monotonic_s() - start, err);
    if (ok)
        run->step++;
    return ok;
}
