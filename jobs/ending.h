/* jobs/ending.h: how a job whose worker has ended did end: by its bye, else by exit.json, else nobody knows. */
#pragma once
#include "jobs/state.h"

/* Fills job's cause and detail and returns the event that it ends by. */
enum job_event ending_of(struct job *job);

/* Ends job by event.  What is to be told of its end, a crash behind the bye for one, comes to disk together with it, so
 * that it is told once. */
MUST_CHECK bool ending_record(struct job *job, enum job_event event, struct err *err);
