/* trainer/run.h: one job, from its spec to its last checkpoint.
 * The train and the eval loop share one forward pass, run_forward, under one AMP policy. */
#pragma once
#include "spec/job_spec.h"
#include "trainer/amp.h"
#include "trainer/data/loader.h"
#include "trainer/data/multi_scale.h"
#include "trainer/metrics/coco_eval.h"
#include "trainer/model/model.h"
#include "trainer/optim/ema.h"
#include "trainer/optim/grad_scaler.h"
#include "trainer/optim/optim.h"
#include "trainer/optim/schedule.h"
#include "trainer/report.h"

enum pass { PASS_TRAIN, PASS_EVAL, PASS_COUNT };
extern const char *const pass_names[PASS_COUNT]; /* "train", "eval" */

struct run {
    const struct job_spec *spec;
    const struct variant *variant;
    int dir;    /* the job's folder */
    int device; /* of tensor.h */
    char device_name[256];
    struct report *report;

    struct dataset *data;
    struct loader *loaders[PASS_COUNT];
    struct multi_scale_sizes sizes; /* count 0: always the resolution */

    struct model *model, *average; /* average: the EMA's weights; NULL without EMA */
    struct optim *optim;
    struct ema ema;
    struct grad_scaler scaler;
    struct schedule schedule;
    int64_t epoch, step, steps, steps_per_epoch; /* step: finished optimiser steps */
    bool finished;                               /* all steps, the evaluation after the last one included */

    struct amp_trace traces[PASS_COUNT];
    bool traced[PASS_COUNT];

    double best;        /* val/mAP_50_95 of best.safetensors */
    int64_t best_epoch; /* 0: no evaluation yet */
};

/* Runs the job whose spec.json lies in the directory dir, saying all that happens in its spool, the end included.
 * SIGTERM, SIGINT and SIGHUP ask for a checkpoint and an end.  False: err is what bye says too. */
MUST_CHECK bool run_job(int dir, struct err *err);

/* Runs the model on a batch under the job's policy: the only way to its forward.  Outputs are float32 and live in the
 * open scope.  In evaluation the EMA's weights where there are any, and no gradients. */
MUST_CHECK bool run_forward(struct run *run, enum pass pass, const struct batch *batch, struct model_output *out,
                            struct err *err);

/* After the first forward of a pass (and, in training, its criterion): tells the trace and holds it against the policy
 * and the other pass.  ERR_AMP_MISMATCH. */
MUST_CHECK bool run_settle_trace(struct run *run, enum pass pass, struct err *err);

/* Whether a signal asked for the end. */
bool run_should_stop(void);
