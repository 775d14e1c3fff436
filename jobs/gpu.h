/* jobs/gpu.h: the GPUs of this machine, from NVML (libnvidia-ml.so.1, opened at run time; no header of it needed).
 * Loop thread only. */
#pragma once
#include "base/err.h"

#include <stdint.h>

struct gpu {
    char uuid[96], name[96];
    int index;                        /* NVML's */
    int compute_major, compute_minor; /* 0 and 0: not told */
    int64_t memory_total_bytes;
};

struct gpu_usage {
    int64_t memory_used_bytes; /* -1: not told */
    double utilization_ratio;  /* 0..1; NAN: not told */
};

struct gpus; /* opaque */

/* Returns the list of GPUs; an empty one where there is no NVML or it does not work (which is logged). */
struct gpus *gpus_open(void);

/* Frees gpus.  NULL is fine. */
void gpus_close(struct gpus *gpus);

size_t gpus_count(const struct gpus *gpus);
const struct gpu *gpus_at(const struct gpus *gpus, size_t i);

/* The GPU of that uuid, or NULL. */
const struct gpu *gpus_find(const struct gpus *gpus, const char *uuid);

/* Whether it computes bfloat16: compute capability 8.0 or more.  One that is not told is not doubted: the trainer sees.
 */
bool gpu_has_bfloat16(const struct gpu *gpu);

/* Asks what GPU i uses now. */
void gpus_usage(const struct gpus *gpus, size_t i, struct gpu_usage *usage);
