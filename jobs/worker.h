/* jobs/worker.h: the worker process of a job: started, adopted, asked to stop, killed, and whether it still lives.
 * The lock file in its folder tells that to whoever asks; our own child's end is waited for besides. */
#pragma once
#include "jobs/job.h"

#include <jansson.h>

/* The acts of the state table. */
MUST_CHECK bool worker_start(struct job *job, struct err *err);
MUST_CHECK bool worker_ask_stop(struct job *job, struct err *err);
MUST_CHECK bool worker_kill(struct job *job, struct err *err);

/* Opens the folder of a job that an earlier daemon has started.  ERR_NOT_FOUND when it is gone. */
MUST_CHECK bool worker_adopt(struct job *job, struct err *err);

/* A worker that is closed or not open yet. */
void worker_init(struct worker *worker);

/* Whether no process works on the folder any more. */
bool worker_has_ended(struct job *job);

/* Sends the stop that was asked for before the worker had written who it is.  To be called now and then. */
void worker_keep_asking(struct worker *worker);

/* Whether it was asked to stop and has had its time; worker_kill gives it some more before the next. */
bool worker_is_late(const struct worker *worker);

/* Empties and removes the folder of a worker that never wrote a manifest, so that a process of it that is still on its
 * way finds nothing to run.  Leaves alone a folder that is locked meanwhile, and then returns false. */
bool worker_discard(struct job *job);

/* Reads a JSON object from the job folder, or returns NULL.  Free it with json_decref. */
json_t *worker_read_json(const struct job *job, const char *name);

/* Closes what is open; the process runs on. */
void worker_close(struct worker *worker);

/* The folder of a job's attempt; free it. */
char *worker_folder(const struct jobs_env *env, int64_t id, int64_t attempt);
