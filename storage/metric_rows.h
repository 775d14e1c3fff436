/* storage/metric_rows.h: the points of a job's series.  A point's id is that of the event it came with, so that a
 * reader of the event stream knows which points it has.  What is read lives in the caller's arena. */
#pragma once
#include "base/arena.h"
#include "storage/store.h"

struct metric_row {
    int64_t id, attempt, step, epoch, time_ms;
    double value; /* NAN and infinities too; of a block the mean of what is finite, else its last value */
    const char *name;
    /* what is finite: of the point itself, or of the points that a block stands for; id to time_ms are its last one's
     */
    int64_t points, finite;
    double sum, min, max; /* min and max NAN where nothing is */
};

/* Series are summed up in blocks of that many steps, too: METRIC_BLOCK_MIN, each size METRIC_BLOCK_FACTOR times the one
 * below it, METRIC_BLOCK_MAX. */
enum { METRIC_BLOCK_MIN = 8, METRIC_BLOCK_FACTOR = 8, METRIC_BLOCK_MAX = 4096 };

/* Adds a point of a job; id is the event's.  Of point, what is from id to name counts. */
MUST_CHECK bool store_metric_add(struct store *store, int64_t job, const struct metric_row *point, struct err *err);

/* Reads the newest point of every series, by name. */
MUST_CHECK bool store_metrics_last(struct store *store, struct arena *arena, int64_t job, struct metric_row **rows,
                                   size_t *count, struct err *err);

/* Reads the points of one series with ids above after, up to last, oldest first. */
MUST_CHECK bool store_metrics_between(struct store *store, struct arena *arena, int64_t job, const char *name,
                                      int64_t after, int64_t last, struct metric_row **rows, size_t *count,
                                      struct err *err);

struct metric_place {
    int64_t attempt, step;
};

/* Reads the blocks of one size from the one that first lies in to the one that last lies in, oldest first. */
MUST_CHECK bool store_metric_blocks(struct store *store, struct arena *arena, int64_t job, const char *name,
                                    int64_t size, struct metric_place first, struct metric_place last,
                                    struct metric_row **rows, size_t *count, struct err *err);
