/* api/resources/series.h: the points of a series, cut down to what a chart can show or printed as CSV. */
#pragma once
#include "base/arena.h"
#include "storage/metric_rows.h"

/* What points are cut by. */
enum series_axis { AXIS_STEP, AXIS_EPOCH, AXIS_TIME, AXIS_COUNT };

/* "step", "epoch", "time" (in ms); AXIS_COUNT for any other name. */
enum series_axis series_axis_find(const char *name);

/* What of a series is asked for. */
struct series_part {
    enum series_axis axis;
    int64_t from, to; /* on the axis; INT64_MIN and INT64_MAX: its ends */
    int64_t buckets;  /* 0: as it is */
};

struct series {
    const char *name;
    struct metric_row *points; /* oldest first */
    size_t count;
    bool has_bounds; /* it was cut: min and max of its points count */
};

/* Reads the part of a job's series with ids above after, and where it ends: last_id is the newest point's id whatever
 * the part, after when there is none.  Where the part has more than 8,192 points and many more than buckets are asked
 * for, blocks stand for them: the edges of buckets lie at multiples of a block's steps then, a quarter of a bucket away
 * at most. */
MUST_CHECK bool series_read(struct store *store, struct arena *arena, int64_t job, const struct series_part *part,
                            int64_t after, struct series *series, int64_t *last_id, struct err *err);

/* Leaves out the points that do not lie in from ... to on the axis. */
void series_clip(struct series *series, enum series_axis axis, int64_t from, int64_t to);

/* Widens from ... to, so that it holds all points. */
void series_span(const struct series *series, enum series_axis axis, int64_t *from, int64_t *to);

/* Cuts from ... to into `buckets` equal parts and makes the points of each part one: their finite values' mean, min and
 * max, at the place of the last.  A part without points has none; a series that has no more points than that keeps
 * them; attempts are not mixed. */
void series_cut(struct series *series, enum series_axis axis, int64_t from, int64_t to, int64_t buckets);

/* Returns a line for each point, below a line of names: name, attempt, step, epoch, time_ms, value and, where there are
 * buckets, min and max. */
const char *series_csv(const struct series *series, size_t count, struct arena *arena);
