/* storage/metric_rows.h: the points of a job's series.  A point's id is that of the event it came with, so that a
 * reader of the event stream knows which points it has.  What is read lives in the caller's arena. */
#pragma once
#include "base/arena.h"
#include "storage/store.h"

struct metric_row {
    int64_t id, attempt, step, epoch, time_ms;
    double value; /* NAN and infinities too */
    const char *name;
};

/* Adds a point of a job; id is the event's. */
MUST_CHECK bool store_metric_add(struct store *store, int64_t job, const struct metric_row *point, struct err *err);

/* Reads the newest point of every series, by name. */
MUST_CHECK bool store_metrics_last(struct store *store, struct arena *arena, int64_t job, struct metric_row **rows,
                                   size_t *count, struct err *err);

/* Reads the points of one series with ids above after, oldest first. */
MUST_CHECK bool store_metrics_after(struct store *store, struct arena *arena, int64_t job, const char *name,
                                    int64_t after, struct metric_row **rows, size_t *count, struct err *err);
