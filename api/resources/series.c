/* api/resources/series.c: see series.h. */
#include "api/resources/series.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- buckets ---- */

struct bucket {
    double index, sum, min, max;
    int64_t attempt, finite;
};

static void bucket_add(struct bucket *bucket, double value)
{
    if (!isfinite(value))
        return;
    bucket->min = bucket->finite > 0 ? fmin(bucket->min, value) : value;
    bucket->max = bucket->finite > 0 ? fmax(bucket->max, value) : value;
    bucket->sum += value;
    bucket->finite++;
}

void series_cut(struct series *series, struct arena *arena, enum series_axis axis, int64_t from, int64_t to,
                int64_t buckets)
{
    bool keeps_all = series->count <= (size_t)buckets;
    double width = ((double)to - (double)from + 1) / (double)buckets;
    struct bucket bucket = {.index = -1};
    size_t used = 0;

    series->min = arena_alloc(arena, (series->count + 1) * sizeof *series->min);
    series->max = arena_alloc(arena, (series->count + 1) * sizeof *series->max);
    for (size_t i = 0; i < series->count; i++) {
        struct metric_row point = series->points[i];
        double index = floor(((double)place(&point, axis) - (double)from) / width);

        if (keeps_all || index != bucket.index || point.attempt != bucket.attempt) {
            bucket = (struct bucket){.index = index, .attempt = point.attempt, .min = NAN, .max = NAN};
            used++;
        }
        bucket_add(&bucket, point.value);
        if (bucket.finite > 0)
            point.value = bucket.sum / (double)bucket.finite;
        series->points[used - 1] = point;
        series->min[used - 1] = bucket.min;
        series->max[used - 1] = bucket.max;
    }
    series->count = used;
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
    for (int bound = 0; series->min && bound < 2; bound++) {
        double value = bound == 0 ? series->min[i] : series->max[i];

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
    (void)fprintf(out, "name,attempt,step,epoch,time_ms,value%s\n", count > 0 && series->min ? ",min,max" : "");
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < series[i].count; k++)
            print_point(out, &series[i], k);
    (void)fclose(out);
    kept = arena_strdup(arena, text);
    free(text);
    return kept;
}
