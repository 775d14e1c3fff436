/* jobs/ending.h: how a job whose worker has ended did end: by its bye, else by exit.json, else nobody knows. */
#pragma once
#include "jobs/state.h"

/* Fills job's cause and detail and returns the event that it ends by. */
enum job_event ending_of(struct job *job);
