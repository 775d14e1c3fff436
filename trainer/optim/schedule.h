/* trainer/optim/schedule.h: the learning rate over a run, as a factor that all rates share.
 * Source: rfdetr 1.11.2 `training/module_model.py`.  No state, any thread. */
#pragma once
#include "spec/job_spec.h"

struct schedule {
    enum lr_scheduler kind;
    int64_t total_steps, steps_per_epoch; /* optimiser steps */
    int64_t warmup_steps;
    double lr_drop;    /* epochs, for LR_STEP */
    double min_factor; /* for LR_COSINE */
};

/* The schedule of a job that takes total_steps optimiser steps. */
struct schedule schedule_make(const struct job_spec *spec, int64_t total_steps);

/* The factor in force during optimiser step number step (from 0).  Warm-up is a line from 0, so its first step changes
 * nothing; then it is 1 until lr_drop and 0.1 after it, or a half cosine from 1 to min_factor. */
double schedule_factor(const struct schedule *schedule, int64_t step);
