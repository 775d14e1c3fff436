/* trainer/train_step.h: one optimiser step: grad_accum_steps micro-batches, clipping, AdamW, schedule, EMA. */
#pragma once
#include "trainer/model/criterion.h"
#include "trainer/run.h"

struct train_step {                             /* means over the micro-batches */
    double loss, loss_ce, loss_bbox, loss_giou; /* the last layer's terms, unweighted */
    double grad_norm;                           /* before clipping */
    double lr;                                  /* base rate times the schedule's factor */
    double wait_s;                              /* for data */
    int64_t images;
};

/* Takes the step and tells it in the spool.  ERR_NON_FINITE when the loss is not finite. */
MUST_CHECK bool train_step(struct run *run, struct train_step *step, struct err *err);
