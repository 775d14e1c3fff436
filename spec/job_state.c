/* spec/job_state.c: see job_state.h. */
#include "spec/job_state.h"

#include <string.h>

static const char *const state_names[JOB_STATE_COUNT] = {
    [JOB_NONE] = "",           [JOB_QUEUED] = "queued",       [JOB_STARTING] = "starting",
    [JOB_RUNNING] = "running", [JOB_STOPPING] = "stopping",   [JOB_DONE] = "done",
    [JOB_FAILED] = "failed",   [JOB_CANCELLED] = "cancelled",
};

// clang-format off
static const char *const cause_names[CAUSE_COUNT] = {
    [CAUSE_NONE]         = "",
    [CAUSE_BAD_SPEC]     = "bad_spec",
    [CAUSE_DATASET]      = "dataset",
    [CAUSE_WEIGHTS]      = "weights",
    [CAUSE_GPU_OOM]      = "gpu_oom",
    [CAUSE_HOST_OOM]     = "host_oom",
    [CAUSE_NON_FINITE]   = "non_finite",
    [CAUSE_AMP_MISMATCH] = "amp_mismatch",
    [CAUSE_GPU_ERROR]    = "gpu_error",
    [CAUSE_DISK_FULL]    = "disk_full",
    [CAUSE_TIME_LIMIT]   = "time_limit",
    [CAUSE_NO_PROGRESS]  = "no_progress",
    [CAUSE_KILLED]       = "killed",
    [CAUSE_CRASHED]      = "crashed",
    [CAUSE_LOST]         = "lost",
    [CAUSE_LIBTORCH]     = "libtorch",
    [CAUSE_INTERNAL]     = "internal",
};

static const char *const event_names[EVENT_TYPE_COUNT] = {
    [EVENT_NONE]       = "",
    [EVENT_STATE]      = "state",
    [EVENT_PLAN]       = "plan",
    [EVENT_METRIC]     = "metric",
    [EVENT_EVAL]       = "eval",
    [EVENT_AMP]        = "amp",
    [EVENT_CHECKPOINT] = "checkpoint",
    [EVENT_WARNING]    = "warning",
    [EVENT_DELETED]    = "deleted",
};

/* Those without an entry are no worker's: CAUSE_INTERNAL. */
static const enum job_cause causes_of_err[ERR_COUNT] = {
    [ERR_NOT_JSON]     = CAUSE_BAD_SPEC,
    [ERR_BAD_SPEC]     = CAUSE_BAD_SPEC,
    [ERR_DATASET]      = CAUSE_DATASET,
    [ERR_WEIGHTS]      = CAUSE_WEIGHTS,
    [ERR_GPU_OOM]      = CAUSE_GPU_OOM,
    [ERR_HOST_OOM]     = CAUSE_HOST_OOM,
    [ERR_NON_FINITE]   = CAUSE_NON_FINITE,
    [ERR_AMP_MISMATCH] = CAUSE_AMP_MISMATCH,
    [ERR_GPU]          = CAUSE_GPU_ERROR,
    [ERR_DISK_FULL]    = CAUSE_DISK_FULL,
    [ERR_LIBTORCH]     = CAUSE_LIBTORCH,
};
// clang-format on

static int find(const char *const *names, int count, const char *name)
{
    for (int i = 1; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return 0;
}

const char *job_state_name(enum job_state state)
{
    return state_names[state];
}

const char *job_cause_name(enum job_cause cause)
{
    return cause_names[cause];
}

const char *event_type_name(enum event_type type)
{
    return event_names[type];
}

enum job_state job_state_find(const char *name)
{
    return (enum job_state)find(state_names, JOB_STATE_COUNT, name);
}

enum job_cause job_cause_find(const char *name)
{
    return (enum job_cause)find(cause_names, CAUSE_COUNT, name);
}

enum event_type event_type_find(const char *name)
{
    return (enum event_type)find(event_names, EVENT_TYPE_COUNT, name);
}

enum job_cause job_cause_of_err(enum err_code code)
{
    return causes_of_err[code] ? causes_of_err[code] : CAUSE_INTERNAL;
}

bool job_state_is_final(enum job_state state)
{
    return state == JOB_DONE || state == JOB_FAILED || state == JOB_CANCELLED;
}
