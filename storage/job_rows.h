/* storage/job_rows.h: jobs, what was submitted and where each stands.  What is read lives in the caller's arena. */
#pragma once
#include "base/arena.h"
#include "spec/amp_policy.h"
#include "spec/job_state.h"
#include "storage/store.h"

struct job_warning {
    const char *detail, *pointer, *file; /* the last two NULL where they do not apply */
    int64_t count;                       /* 0 where it does not apply */
};

struct job_new {
    const char *name; /* "": none */
    const char *user; /* NULL: not known */
    const char *spec; /* the effective spec, a JSON object */
    enum device_type device_type;
    int64_t priority;
    const struct job_warning *warnings;
    size_t warning_count;
};

struct job_progress {
    bool known; /* once there is a plan */
    int64_t epoch, epochs, step, steps;
    double images_per_s, eta_s; /* NAN: not known yet */
};

struct job_best {
    bool known; /* once there was an evaluation; the metric is METRIC_VAL_MAP */
    double value;
    int64_t epoch;
};

/* Where the newest attempt runs or ran. */
struct job_device {
    enum device_type type;
    const char *name;     /* NULL before the worker's hello */
    const char *uuid;     /* of the GPU; NULL on a CPU */
    const char *libtorch; /* its version; NULL before the hello */
};

struct job_row {
    int64_t id, attempt, priority; /* attempt: 0 before the first */
    enum job_state state;
    enum job_cause cause;
    enum device_type device_type;          /* that it asked for */
    const char *name, *detail, *user;      /* NULL: none */
    int64_t made_ms, started_ms, ended_ms; /* 0: not yet */
    struct job_device device;              /* meaningless while attempt is 0 */
    struct job_progress progress;
    struct job_best best;
    const char *spec; /* NULL in lists */
};

struct job_filter {
    unsigned states;  /* bits 1 << enum job_state; 0: all */
    const char *user; /* NULL: all */
    int64_t before;   /* only ids below this one; 0: from the newest */
    int64_t limit;
};

/* Adds a queued job, its warnings and its first event.  Returns its id through id. */
MUST_CHECK bool store_job_add(struct store *store, const struct job_new *job, int64_t *id, struct err *err);

/* Reads a job.  ERR_NOT_FOUND if there is none, ERR_GONE if it was deleted. */
MUST_CHECK bool store_job_read(struct store *store, struct arena *arena, int64_t id, struct job_row *row,
                               struct err *err);

/* Reads jobs, newest first, without their spec.  The next page starts before the last one's id. */
MUST_CHECK bool store_job_list(struct store *store, struct arena *arena, const struct job_filter *filter,
                               struct job_row **rows, size_t *count, struct err *err);

/* Moves a job from one state to another and adds the event that says so; cause and detail (may be NULL) stay with it.
 * ERR_CONFLICT if it is not in the first one (any more). */
MUST_CHECK bool store_job_move(struct store *store, int64_t id, enum job_state from, enum job_state to,
                               enum job_cause cause, const char *detail, struct err *err);

/* Takes out a job and adds the event that says so, which stays.  Its id is never used again; its other rows are left to
 * store_wipe_some. */
MUST_CHECK bool store_job_delete(struct store *store, int64_t id, struct err *err);

/* Removes some of the rows that a deleted job has left, since many take seconds.  more: there may be others. */
MUST_CHECK bool store_wipe_some(struct store *store, bool *more, struct err *err);

/* The queued job for that device that comes next in the queue, behind the job `after` (NULL: the first): by priority,
 * then age.  Only id, priority and spec of next are filled; its id is 0 when there is none. */
MUST_CHECK bool store_queue_next(struct store *store, struct arena *arena, enum device_type device,
                                 const struct job_row *after, struct job_row *next, struct err *err);

struct queue_place {
    int64_t id, ahead; /* how many queued jobs for its device come before this one */
};

/* Reads the places of all queued jobs, lowest id first. */
MUST_CHECK bool store_queue_order(struct store *store, struct arena *arena, struct queue_place **places, size_t *count,
                                  struct err *err);
