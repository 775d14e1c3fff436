/* jobs/queue.h: which job runs next, on what, and why the others wait.
 * The queue is the database's: by priority, then age, apart for the CPU and for GPUs, so that a job that waits for one
 * holds up none that needs the other. */
#pragma once
#include "jobs/gpu.h"
#include "storage/job_rows.h"

/* Who has what: filled anew for each call. */
struct places {
    const struct gpus *gpus;
    int64_t *gpu_jobs; /* a job id for each GPU, 0: free */
    int64_t cpu_slots;
    const int64_t *cpu_jobs; /* jobs on the CPU */
    size_t cpu_count;
};

struct pick {
    int64_t id;            /* 0: nothing can start now */
    const char *spec;      /* its effective spec */
    const struct gpu *gpu; /* NULL: on the CPU */
    bool needs_bfloat16;   /* on a GPU: its AMP policy does */
};

/* Finds the job that starts next. */
MUST_CHECK bool queue_pick(struct store *store, struct arena *arena, const struct places *places, struct pick *pick,
                           struct err *err);

/* How far behind each queued job is, counted again only when a job has changed its state since. */
struct queue_order; /* opaque */

struct queue_order *queue_order_new(void);

/* NULL is fine. */
void queue_order_free(struct queue_order *order);

/* Why a queued job waits, in one sentence. */
const char *queue_reason(struct queue_order *order, struct store *store, struct arena *arena,
                         const struct places *places, const struct job_row *row);
