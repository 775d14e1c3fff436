/* api/resources/series.c: see series.h. */
#include "api/resources/series.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS_MAX = 8192 /* read one by one for buckets */, BLOCKS_A_BUCKET = 4 };

static const char *const axis_names[AXIS_COUNT] = {[AXIS_STEP] = "step", [AXIS_EPOCH] = "epoch", [AXIS_TIME] = "time"};

enum series_axis series_axis_find(const char *name)
{
    int axis = 0;

    while (axis < AXIS_COUNT && strcmp(axis_names[axis], name) != 0)
        axis++;
    return (enum series_axis)axis;
}

static int64_t place(const struct metric_row *point, enum series_axis axis)
{
    const int64_t places[AXIS_COUNT] = {
        [AXIS_STEP] = point->step, [AXIS_EPOCH] = point->epoch, [AXIS_TIME] = point->time_ms};

    return places[axis];
}

void series_clip(struct series *series, enum series_axis axis, int64_t from, int64_t to)
{
    size_t kept = 0;

    for (size_t i = 0; i < series->count; i++)
        if (place(&series->points[i], axis) >= from && place(&series->points[i], axis) <= to)
            series->points[kept++] = series->points[i];
    series->count = kept;
}

void series_span(const struct series *series, enum series_axis axis, int64_t *from, int64_t *to)
{
    for (size_t i = 0; i < series->count; i++) {
        int64_t at = place(&series->points[i], axis);

        *from = at < *from ? at : *from;
        *to = at > *to ? at : *to;
    }
}

/* ---- reading ---- */

/* Where a part lies. */
struct stretch {
    struct metric_place first, last;
    int64_t after_id, last_id; /* its points have ids above after_id, up to last_id */
    int64_t points;
};

/* Narrows stretch to those of its blocks that hold points of the part: a block reaches from the one before it to its
 * own last point. */
static void narrow(struct stretch *stretch, const struct metric_row *blocks, size_t count, int64_t size,
                   const struct series_part *part)
{
    int64_t after_id = stretch->after_id;

    stretch->points = stretch->last_id = 0;
    for (size_t i = 0; i < count; i++) {
        const struct metric_row *block = &blocks[i], *before = i > 0 ? &blocks[i - 1] : NULL;

        if (place(block, part->axis) >= part->from &&
            (!before || before->attempt != block->attempt || place(before, part->axis) <= part->to)) {
            if (stretch->points == 0) {
                stretch->first = (struct metric_place){block->attempt, block->step / size * size};
                stretch->after_id = before ? before->id : after_id;
            }
            stretch->last = (struct metric_place){block->attempt, block->step};
            stretch->last_id = block->id;
            stretch->points += block->points;
        }
    }
}

bool series_read(struct store *store, struct arena *arena, int64_t job, const struct series_part *part, int64_t after,
                 struct series *series, int64_t *last_id, struct err *err)
{
    struct stretch stretch = {.last = {INT64_MAX, INT64_MAX}};

    *last_id = after;
    for (int64_t size = METRIC_BLOCK_MAX; size >= METRIC_BLOCK_MIN; size /= METRIC_BLOCK_FACTOR) {
        if (!store_metric_blocks(store, arena, job, series->name, size, stretch.first, stretch.last, &series->points,
                                 &series->count, err))
            return false;
        if (size == METRIC_BLOCK_MAX && series->count > 0 && series->points[series->count - 1].id > after)
            *last_id = series->points[series->count - 1].id;
        narrow(&stretch, series->points, series->count, size, part);
        if (after > 0 || part->buckets == 0)
            break; /* the points themselves are wanted: smaller blocks would only be read besides */
        if (stretch.points > POINTS_MAX && stretch.points / size >= BLOCKS_A_BUCKET * part->buckets)
            return true;
    }
    return store_metrics_between(store, arena, job, series->name, after > stretch.after_id ? after : stretch.after_id,
                                 stretch.last_id, &series->points, &series->count, err);
}

/* ---- buckets ---- */

static void merge(struct metric_row *bucket, const struct metric_row *point)
{
    struct metric_row sum = *point;

    sum.points += bucket->points;
    sum.finite += bucket->finite;
    sum.sum += bucket->sum;
    sum.min = fmin(bucket->min, point->min); /* one that is NAN does not count */
    sum.max = fmax(bucket->max, point->max);
    if (sum.finite > 0)
        sum.value = sum.sum / (double)sum.finite;
    *bucket = sum;
}

void series_cut(struct series *series, enum series_axis axis, int64_t from, int64_t to, int64_t buckets)
{
    bool keeps_all = series->count <= (size_t)buckets;
    double width = ((double)to - (double)from + 1) / (double)buckets, last = -1;
    size_t used = 0;

    for (size_t i = 0; i < series->count; i++) {
        const struct metric_row point = series->points[i];
        double index = floor(((double)place(&point, axis) - (double)from) / width);

        if (used > 0 && !keeps_all && index == last && point.attempt == series->points[used - 1].attempt)
            merge(&series->points[used - 1], &point);
        else
            series->points[used++] = point;
        last = index;
    }
    series->count = used;
    series->has_bounds = true;
}

/* ---- CSV ---- */

/* As few digits as bring the number back. */
static void print_number(FILE *out, double value)
{
    char text[32];

    if (isnan(value)) {
        (void)fputs("nan", out);
        return;
    }
    (void)snprintf(text, sizeof text, "%.15g", value);
    if (strtod(text, NULL) != value)
        (void)snprintf(text, sizeof text, "%.17g", value);
    (void)fputs(text, out);
}

static void print_name(FILE *out, const char *name)
{
    (void)fputc('"', out);
    for (; *name; name++) {
        if (*name == '"')
            (void)fputc('"', out);
        (void)fputc(*name, out);
    }
    (void)fputc('"', out);
}

static void print_point(FILE *out, const struct series *series, size_t i)
{
    const struct metric_row *point = &series->points[i];

    print_name(out, series->name);
    (void)fprintf(out, ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",", point->attempt, point->step, point->epoch,
                  point->time_ms);
    print_number(out, point->value);
    for (int bound = 0; series->has_bounds && bound < 2; bound++) {
        double value = bound == 0 ? point->min : point->max;

        (void)fputc(',', out);
        if (!isnan(value)) /* else there is none: empty */
            print_number(out, value);
    }
    (void)fputc('\n', out);
}

const char *series_csv(const struct series *series, size_t count, struct arena *arena)
{
    char *text = NULL;
    const char *kept;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort(); /* as when memory is out anywhere else */
    (void)fprintf(out, "name,attempt,step,epoch,time_ms,value%s\n", count > 0 && series->has_bounds ? ",min,max" : "");
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < series[i].count; k++)
            print_point(out, &series[i], k);
    (void)fclose(out);
    kept = arena_strdup(arena, text);
    free(text);
    return kept;
}
