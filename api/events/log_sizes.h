/* api/events/log_sizes.h: how long the logs of jobs are, each looked at once for all streams.  Loop thread only. */
#pragma once
#include "api/http/app.h"

struct log_size {
    int64_t job, attempt; /* attempt 0: there is none yet */
    int64_t bytes;
};

struct log_sizes; /* opaque: those of one moment */

/* Keeps app. */
struct log_sizes *log_sizes_new(const struct app *app);

/* NULL is fine. */
void log_sizes_free(struct log_sizes *sizes);

/* The log of a job's newest attempt; lives until the next call. */
const struct log_size *log_sizes_of(struct log_sizes *sizes, int64_t job);
