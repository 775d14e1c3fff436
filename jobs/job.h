/* jobs/job.h: a job that is starting, running or stopping, for the modules of jobs/ only. */
#pragma once
#include "base/arena.h"
#include "base/loop.h"
#include "jobs/gpu.h"
#include "spec/job_state.h"
#include "storage/attempt_rows.h"

#include <sys/types.h>

/* What all jobs share. */
struct jobs_env {
    struct store *store;
    struct loop *loop;
    struct loop_source *turn; /* the timer of the next look at all jobs */
    const char *state_dir, *worker;
    double stop_grace_s;
};

/* The keeper process and its folder. */
struct worker {
    int dir;                 /* the job folder; -1: not open */
    int spool;               /* events.jsonl; -1: not open */
    pid_t child;             /* the keeper when it is our child and not waited for yet, else 0 */
    bool was_child;          /* status is valid */
    int status;              /* waitpid's */
    int pidfd;               /* the keeper's; -1: not known yet */
    struct loop_source *end; /* watches pidfd */
    double stop_asked_s;     /* monotonic; 0: not asked */
    bool is_stop_sent;
    double next_kill_s; /* monotonic, once stop is asked */
};

enum { JOB_DETAIL_SIZE = 1024, JOB_FAULT_SIZE = 256 };

struct job {
    const struct jobs_env *env;
    struct arena *arena; /* of attempt's and spec's text */
    int64_t id;
    enum job_state state;
    struct attempt_row attempt; /* as it is in the database */
    const struct gpu *gpu;      /* NULL on the CPU, and when NVML does not show it any more */
    const char *spec;           /* of a job that starts */
    bool needs_bfloat16;        /* of a job that starts on a GPU */
    struct worker worker;
    bool is_line_skipped;             /* the spool is amid an oversized line */
    int reports;                      /* faults of the spool told so far */
    double spool_retry_s;             /* monotonic: the spool could not be read and is left alone until then */
    char spool_fault[JOB_FAULT_SIZE]; /* why it could not; "": it could */
    /* how it ends, set before the step that ends it */
    enum job_cause cause;
    char detail[JOB_DETAIL_SIZE]; /* "": none */
};
