/* spec/job_state.h: states of a job, causes of a failure and types of an event, with their names.
 * The numbers are on disk: never reuse or reorder them. */
#pragma once
#include "base/err.h"

enum job_state {
    JOB_NONE,
    JOB_QUEUED,
    JOB_STARTING,
    JOB_RUNNING,
    JOB_STOPPING,
    JOB_DONE,
    JOB_FAILED,
    JOB_CANCELLED,
    JOB_STATE_COUNT
};

enum job_cause {
    CAUSE_NONE,
    CAUSE_BAD_SPEC,
    CAUSE_DATASET,
    CAUSE_WEIGHTS,
    CAUSE_GPU_OOM,
    CAUSE_HOST_OOM,
    CAUSE_NON_FINITE,
    CAUSE_AMP_MISMATCH,
    CAUSE_GPU_ERROR,
    CAUSE_DISK_FULL,
    CAUSE_TIME_LIMIT,
    CAUSE_NO_PROGRESS,
    CAUSE_KILLED,  /* by SIGKILL, SIGTERM, SIGINT or SIGHUP */
    CAUSE_CRASHED, /* by another signal, or a non-zero status without a bye */
    CAUSE_LOST,    /* nothing records its end */
    CAUSE_LIBTORCH,
    CAUSE_INTERNAL,
    CAUSE_COUNT
};

enum event_type {
    EVENT_NONE,
    EVENT_STATE,
    EVENT_PLAN,
    EVENT_METRIC,
    EVENT_EVAL,
    EVENT_AMP, /* the spool's amp_trace */
    EVENT_CHECKPOINT,
    EVENT_WARNING,
    EVENT_DELETED,
    EVENT_TYPE_COUNT
};

/* Names as in the HTTP API; "" for the NONE of each. */
const char *job_state_name(enum job_state state);
const char *job_cause_name(enum job_cause cause);
const char *event_type_name(enum event_type type);

/* The value of that name, or the NONE of each. */
enum job_state job_state_find(const char *name);
enum job_cause job_cause_find(const char *name);
enum event_type event_type_find(const char *name);

/* The cause that an error of a worker is told under; CAUSE_INTERNAL for those no worker should meet. */
enum job_cause job_cause_of_err(enum err_code code);

/* Done, failed or cancelled: nothing follows. */
bool job_state_is_final(enum job_state state);
