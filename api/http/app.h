/* api/http/app.h: what the handlers of the HTTP API work on.  Plain: the daemon fills it, and it outlives the server.
 */
#pragma once
#include "jobs/devices.h"
#include "jobs/gpu.h"
#include "jobs/jobs.h"
#include "storage/store.h"

struct app {
    struct store *store;
    struct jobs *jobs;
    const struct gpus *gpus;
    const struct devices *devices;
    int64_t cpu_slots;
    const char *const *dataset_roots; /* absolute; a data set must lie in one of them */
    size_t dataset_root_count;        /* 0: anywhere */
    const char *version;              /* of detrd */
};
