/* trainer/run.c: see run.h. */
#include "trainer/run.h"

#include "base/arena.h"
#include "base/log.h"
#include "spec/amp_trace.h"
#include "spec/job_state.h"
#include "spec/metric.h"
#include "trainer/checkpoint.h"
#include "trainer/evaluate.h"
#include "trainer/setup.h"
#include "trainer/train_step.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

const char *const pass_names[PASS_COUNT] = {[PASS_TRAIN] = "train", [PASS_EVAL] = "eval"};

static volatile sig_atomic_t stop_signal;

static void on_signal(int sig)
{
    stop_signal = sig;
}

bool run_should_stop(void)
{
    return stop_signal != 0;
}

static void watch_signals(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        (void)sigaction(signals[i], &action, NULL);
}

/* ---- the forward pass ---- */

/* Multi-scale: one size for all micro-batches of an optimiser step. */
static struct tensor *batch_images(const struct run *run, enum pass pass, const struct batch *batch)
{
    struct tensor *images =
        tensor_from_data(batch->images, DIMS(batch->count, 3, batch->size, batch->size), TENSOR_F32, run->device);
    int size = pass == PASS_TRAIN && run->sizes.count > 0 ? multi_scale_choose(&run->sizes, run->step) : batch->size;

    return size == batch->size ? images : tensor_resize_bilinear(images, size, size);
}

bool run_forward(struct run *run, enum pass pass, const struct batch *batch, struct model_output *out, struct err *err)
{
    const struct model *model = pass == PASS_EVAL && run->average ? run->average : run->model;
    struct probe probe = {0};
    struct tensor *images = batch_images(run, pass, batch);
    bool had_gradients = tensor_grad_mode(pass == PASS_TRAIN);

    if (!run->traced[pass])
        probe = amp_trace_probe(&run->traces[pass]);
    (void)amp_enter(&run->spec->amp);
    *out = model_forward(model, images, pass == PASS_TRAIN, &probe);
    amp_leave(&run->spec->amp);
    for (int i = 0; i < out->layers; i++) {
        out->logits[i] = tensor_cast(out->logits[i], TENSOR_F32);
        out->boxes[i] = tensor_cast(out->boxes[i], TENSOR_F32);
    }
    out->enc_logits = tensor_cast(out->enc_logits, TENSOR_F32);
    out->enc_boxes = tensor_cast(out->enc_boxes, TENSOR_F32);
    (void)tensor_grad_mode(had_gradients);
    return tensor_check(err);
}

bool run_settle_trace(struct run *run, enum pass pass, struct err *err)
{
    const json_t *eval = pass == PASS_EVAL ? run->traces[PASS_EVAL].points : NULL;
    struct amp_verdict verdict;

    if (run->traced[pass])
        return true;
    run->traced[pass] = true;
    if (!report_send(run->report, "amp_trace",
                     json_pack("{ss sO}", "pass", pass_names[pass], "points", run->traces[pass].points), err))
        return false;
    if (*run->traces[pass].unequal)
        return err_set(err, ERR_AMP_MISMATCH, "%s", run->traces[pass].unequal);
    verdict = amp_trace_judge(run->traces[PASS_TRAIN].points, eval, &run->spec->amp, run->variant);
    if (!verdict.as_policy)
        return err_set(err, ERR_AMP_MISMATCH, "%s: policy says %s, %s ran %s", verdict.first_difference.point,
                       verdict.first_difference.policy, verdict.first_difference.pass, verdict.first_difference.ran);
    if (pass == PASS_EVAL && !verdict.equal)
        return err_set(err, ERR_AMP_MISMATCH, "train and eval did not run in the same precision");
    return true;
}

/* ---- an epoch ---- */

static bool train_epoch(struct run *run, struct err *err)
{
    struct train_step step;

    data_rewind(run->loaders[PASS_TRAIN], run->epoch);
    for (int64_t i = 0; i < run->steps_per_epoch && run->step < run->steps && !run_should_stop(); i++)
        if (!train_step(run, &step, err))
            return false;
    return true;
}

static void log_evaluation(const struct run *run, const json_t *metrics)
{
    log_info("evaluated epoch=%lld step=%lld mAP_50_95=%.3f mAP_50=%.3f", (long long)run->epoch, (long long)run->step,
             json_real_value(json_object_get(metrics, METRIC_VAL_MAP)),
             json_real_value(json_object_get(metrics, METRIC_VAL_MAP_50)));
}

/* An evaluation and what it leaves: best when it is the best, and last in any case; nothing when a signal ended it. */
static bool evaluate_and_keep(struct run *run, struct err *err)
{
    json_t *metrics;
    double value;
    bool ok = evaluate(run, &metrics, err);

    if (!ok || !metrics)
        return ok;
    log_evaluation(run, metrics);
    value = json_real_value(json_object_get(metrics, METRIC_VAL_MAP));
    if (run->best_epoch == 0 || value > run->best) {
        run->best = value;
        run->best_epoch = run->epoch;
        ok = checkpoint_write(run, CHECKPOINT_BEST, metrics, err);
    }
    ok = ok && checkpoint_write(run, CHECKPOINT_LAST, metrics, err);
    json_decref(metrics);
    run->finished = ok && run->step >= run->steps;
    return ok;
}

static bool run_epochs(struct run *run, struct err *err)
{
    while (run->step < run->steps && !run_should_stop()) {
        run->epoch++;
        if (!train_epoch(run, err))
            return false;
        if (!run_should_stop() && (run->step >= run->steps || run->epoch % run->spec->eval_interval == 0) &&
            !evaluate_and_keep(run, err))
            return false;
    }
    return run->finished || checkpoint_write(run, CHECKPOINT_LAST, NULL, err);
}

/* ---- the job ---- */

static json_t *bye(const struct run *run, bool ok, const struct err *err)
{
    char detail[128];

    if (!ok)
        return json_pack("{ss ss ss}", "result", "failed", "cause", job_cause_name(job_cause_of_err(err->code)),
                         "detail", err->msg);
    if (run->finished)
        return json_pack("{ss}", "result", "done");
    (void)snprintf(detail, sizeof detail, "stopped by SIG%s at step %lld, checkpoint last.safetensors",
                   sigabbrev_np(stop_signal), (long long)run->step);
    return json_pack("{ss ss ss}", "result", "stopped", "cause", job_cause_name(CAUSE_KILLED), "detail", detail);
}

bool run_job(int dir, struct err *err)
{
    struct job_spec *spec = xcalloc(1, sizeof *spec);
    struct run run = {.dir = dir, .spec = spec};
    struct err told = {0};
    bool ok;

    watch_signals();
    run.report = report_open(dir, err);
    if (!run.report) {
        free(spec);
        return false;
    }
    ok = setup_spec(dir, spec, run.report, err) && setup_run(&run, err) && run_epochs(&run, err);
    if (!report_send(run.report, "bye", bye(&run, ok, err), &told)) {
        log_err("the end could not be told: %s", told.msg);
        if (ok)
            *err = told;
        ok = false;
    }
    setup_undo(&run);
    report_close(run.report);
    free(spec);
    return ok;
}
