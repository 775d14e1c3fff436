/* jobs/active.h: the jobs that are starting, running or stopping, and the places that they take. */
#pragma once
#include "jobs/job.h"
#include "jobs/queue.h"

struct active {
    struct job **jobs;
    size_t count;
};

/* A job that is in no list yet. */
struct job *job_new(const struct jobs_env *env, int64_t id, enum job_state state);

/* Frees job and leaves its worker running. */
void job_free(struct job *job);

/* Takes job. */
void active_add(struct active *active, struct job *job);

/* Frees the i-th job; the last one takes its place. */
void active_remove(struct active *active, size_t i);

void active_done(struct active *active);

/* The job of that id, or NULL. */
struct job *active_find(const struct active *active, int64_t id);

/* The id of the job on that GPU, or 0. */
int64_t active_on_gpu(const struct active *active, const char *uuid);

/* Writes the ids of the jobs on the CPU, max at most, and returns how many there are. */
size_t active_on_cpu(const struct active *active, int64_t *ids, size_t max);

/* Who has what now. */
struct places active_places(const struct active *active, struct arena *arena, const struct gpus *gpus,
                            int64_t cpu_slots);
