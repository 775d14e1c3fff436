/* api/resources/series.h: the points of a series, cut down to what a chart can show or printed as CSV. */
#pragma once
#include "base/arena.h"
#include "storage/metric_rows.h"

/* What points are cut by. */
enum series_axis { AXIS_STEP, AXIS_EPOCH, AXIS_TIME, AXIS_COUNT };

/* "step", "epoch", "time" (in ms); AXIS_COUNT for any other name. */
enum series_axis series_axis_find(const char *name);

struct series {
    const char *name;
    struct metric_row *points; /* oldest first */
    size_t count;
    double *min, *max; /* of each point; NULL when they were not cut into buckets, NAN where nothing was finite */
};

/* Leaves out the points that do not lie in from ... to on the axis. */
void series_clip(struct series *series, enum series_axis axis, int64_t from, int64_t to);

/* Widens from ... to, so that it holds all points. */
void series_span(const struct series *series, enum series_axis axis, int64_t *from, int64_t *to);

/* Cuts from ... to into `buckets` equal parts and makes the points of each part one: their finite values' mean, min and
 * max, at the place of the last.  A part without points has none; a series that has no more points than that keeps
 * them; attempts are not mixed. */
void series_cut(struct series *series, struct arena *arena, enum series_axis axis, int64_t from, int64_t to,
                int64_t buckets);

/* Returns a line for each point, below a line of names: name, attempt, step, epoch, time_ms, value and, where there are
 * buckets, min and max. */
const char *series_csv(const struct series *series, size_t count, struct arena *arena);
