/* jobs/spool.h: what the worker of a job says, from its spool into the database. */
#pragma once
#include "jobs/job.h"

/* Takes what is whole of the spool, at most a few MB: rows of event and metric, and the new offset, in one transaction.
 * A line that cannot be taken becomes a warning of the job.  Stops behind a hello, so that the job's state changes
 * before what follows.  more: there may be more to take at once.  After a failure nothing is taken and job is as it
 * was.  A spool that cannot be read is no failure: the job's events tell of it, and until spool_retry_s it is left
 * alone. */
MUST_CHECK bool spool_take(struct job *job, bool *more, struct err *err);

/* Tells of what is left behind the last whole line, once the worker has ended. */
MUST_CHECK bool spool_finish(struct job *job, struct err *err);

/* Adds a warning to the job's events. */
MUST_CHECK bool spool_warn(struct job *job, const char *detail, struct err *err);
