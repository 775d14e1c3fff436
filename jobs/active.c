/* jobs/active.c: see active.h.  A place is taken by whoever is in the list; nothing else is counted. */
#include "jobs/active.h"

#include "jobs/worker.h"

#include <stdlib.h>
#include <string.h>

struct job *job_new(const struct jobs_env *env, int64_t id, enum job_state state)
{
    struct job *job = xcalloc(1, sizeof *job);

    *job = (struct job){.env = env, .arena = arena_new(), .id = id, .state = state, .attempt.job = id};
    worker_init(&job->worker);
    return job;
}

void job_free(struct job *job)
{
    worker_close(&job->worker);
    arena_free(job->arena);
    free(job);
}

void active_add(struct active *active, struct job *job)
{
    active->jobs = xrealloc(active->jobs, (active->count + 1) * sizeof(struct job *));
    active->jobs[active->count++] = job;
}

void active_remove(struct active *active, size_t i)
{
    job_free(active->jobs[i]);
    active->jobs[i] = active->jobs[--active->count];
}

void active_done(struct active *active)
{
    while (active->count > 0)
        active_remove(active, active->count - 1);
    free(active->jobs);
}

struct job *active_find(const struct active *active, int64_t id)
{
    for (size_t i = 0; i < active->count; i++)
        if (active->jobs[i]->id == id)
            return active->jobs[i];
    return NULL;
}

int64_t active_on_gpu(const struct active *active, const char *uuid)
{
    for (size_t i = 0; i < active->count; i++)
        if (strcmp(active->jobs[i]->attempt.uuid, uuid) == 0)
            return active->jobs[i]->id;
    return 0;
}

size_t active_on_cpu(const struct active *active, int64_t *ids, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < active->count; i++) {
        if (*active->jobs[i]->attempt.uuid)
            continue;
        if (count < max)
            ids[count] = active->jobs[i]->id;
        count++;
    }
    return count;
}

struct places active_places(const struct active *active, struct arena *arena, const struct gpus *gpus,
                            int64_t cpu_slots)
{
    size_t gpu_count = gpus_count(gpus);
    int64_t *gpu_jobs = arena_alloc(arena, gpu_count * sizeof *gpu_jobs);
    int64_t *cpu_jobs = arena_alloc(arena, active->count * sizeof *cpu_jobs);

    for (size_t i = 0; i < gpu_count; i++)
        gpu_jobs[i] = active_on_gpu(active, gpus_at(gpus, i)->uuid);
    return (struct places){.gpus = gpus,
                           .gpu_jobs = gpu_jobs,
                           .cpu_slots = cpu_slots,
                           .cpu_jobs = cpu_jobs,
                           .cpu_count = active_on_cpu(active, cpu_jobs, active->count)};
}
