/* jobs/state.h: the states of a job and what moves it from one to the next. */
#pragma once
#include "jobs/job.h"

enum job_event {
    EV_START,
    EV_HELLO,
    EV_CANCEL,
    EV_ENDED,     /* it said done */
    EV_STOPPED,   /* it said stopped */
    EV_DIED,      /* any other end */
    EV_LOST,      /* its lock is free and nothing records its end */
    EV_UNSTARTED, /* its lock is free and it never wrote a manifest, so that starting it again is safe */
    EV_LATE,      /* it has not ended in time */
    JOB_EVENT_COUNT
};

/* Moves job by the table, in the database first, and does what the move calls for.  ERR_CONFLICT when its state knows
 * no such event.  When the act itself fails, the move stands. */
MUST_CHECK bool job_step(struct job *job, enum job_event event, struct err *err);
