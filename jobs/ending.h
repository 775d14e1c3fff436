/* jobs/ending.h: how a job whose worker has ended did end: by its bye, else by exit.json, else nobody knows. */
#pragma once
#include "jobs/state.h"

/* Fills job's cause and detail and returns the event that it ends by. */
enum job_event ending_of(struct job *job);

/* Tells, as a warning, of a crash behind the bye, which is no other end.  To be called in the transaction of the end.
 */
MUST_CHECK bool ending_tell(struct job *job, struct err *err);
