/* jobs/jobs.h: the jobs of this daemon: what runs next, where, and what an end means.  Owns the worker processes, which
 * outlive it.  Loop thread only. */
#pragma once
#include "base/loop.h"
#include "jobs/ask.h"
#include "jobs/gpu.h"
#include "storage/job_rows.h"

struct jobs; /* opaque */

struct jobs_config {
    const char *state_dir; /* absolute */
    const char *worker;    /* path of detrd-worker */
    int64_t cpu_slots;     /* jobs on the CPU at a time; each GPU takes one besides */
    int64_t stop_grace_s;  /* from SIGTERM to SIGKILL */
};

/* Returns the jobs of store, having adopted the workers that still run.  Keeps store, loop and gpus, and the strings of
 * config.  Nothing is started before the loop runs. */
MUST_CHECK struct jobs *jobs_open(const struct jobs_config *config, struct store *store, struct loop *loop,
                                  struct gpus *gpus, struct err *err);

/* Frees jobs and leaves the workers running.  NULL is fine. */
void jobs_close(struct jobs *jobs);

/* Stores a job as queued; it starts when its turn comes. */
MUST_CHECK bool jobs_submit(struct jobs *jobs, const struct job_new *job, int64_t *id, struct err *err);

/* Asks a job to end: a queued one is cancelled at once, a running one after its checkpoint.  ended is true when it had
 * been cancelled before.  ERR_NOT_FOUND; ERR_CONFLICT when it ended otherwise. */
MUST_CHECK bool jobs_cancel(struct jobs *jobs, int64_t id, bool *ended, struct err *err);

/* Takes out a job that has ended: its folder, then its rows.  ERR_NOT_FOUND, ERR_GONE; ERR_CONFLICT while it has not
 * ended. */
MUST_CHECK bool jobs_delete(struct jobs *jobs, int64_t id, struct err *err);

/* Has a data set read by `detrd-worker check --brief`, as ask_start does. */
MUST_CHECK struct ask *jobs_check(const struct jobs *jobs, const char *dataset, void (*done)(void *arg), void *arg,
                                  struct err *err);

/* Calls wake(arg) whenever events may have been added, after they are on disk, and at each look while a job runs.  wake
 * changes nothing here. */
void jobs_on_event(struct jobs *jobs, void (*wake)(void *arg), void *arg);

/* Bytes on disk of a job's folder, all attempts. */
int64_t jobs_disk_bytes(const struct jobs *jobs, int64_t id);

/* The one sentence why a queued job waits; NULL for one that does not. */
const char *jobs_reason(struct jobs *jobs, struct arena *arena, const struct job_row *row);

/* The job that has the GPU of that uuid, or 0. */
int64_t jobs_on_gpu(const struct jobs *jobs, const char *uuid);

/* Writes the ids of the jobs on the CPU, max at most, and returns how many there are. */
size_t jobs_on_cpu(const struct jobs *jobs, int64_t *ids, size_t max);

/* The folder of a job's attempt: state_dir/jobs/<id>/<attempt>. */
char *jobs_folder(const struct jobs *jobs, struct arena *arena, int64_t id, int64_t attempt);

/* Starts nothing any more, asks every worker to checkpoint and end, and calls done(arg) when all have. */
void jobs_stop_workers(struct jobs *jobs, void (*done)(void *arg), void *arg);
