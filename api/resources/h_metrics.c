/* api/resources/h_metrics.c: the series of a job: newest values, and points. */
#include "api/http/reply.h"
#include "api/resources/handlers.h"
#include "api/resources/series.h"
#include "spec/metric.h"
#include "storage/event_rows.h"
#include "storage/job_rows.h"
#include "storage/metric_rows.h"

#include <inttypes.h>
#include <string.h>

enum { NAMES_MAX = 100, EVAL_MAX_DETS = 100, BUCKETS_MAX = 100000 };

static bool wants_csv(const struct request *request)
{
    return request->accept && strcasestr(request->accept, "text/csv");
}

static bool reply_csv(const struct request *request, struct reply *reply, const struct series *series, size_t count)
{
    const char *text = series_csv(series, count, request->arena);

    reply->content_type = "text/csv; charset=utf-8";
    reply->data = text;
    reply->size = strlen(text);
    return true;
}

static bool newest(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    json_t *metrics;
    struct metric_row *rows;
    size_t count;

    if (!store_metrics_last(app->store, request->arena, request->job, &rows, &count, err))
        return false;
    if (wants_csv(request)) {
        struct series *series = arena_alloc(request->arena, (count + 1) * sizeof *series);

        for (size_t i = 0; i < count; i++)
            series[i] = (struct series){.name = rows[i].name, .points = &rows[i], .count = 1};
        return reply_csv(request, reply, series, count);
    }
    metrics = json_object();
    for (size_t i = 0; i < count; i++)
        (void)json_object_set_new(metrics, rows[i].name,
                                  json_pack("{sosIsIso}", "value", reply_number(rows[i].value), "step",
                                            (json_int_t)rows[i].step, "epoch", (json_int_t)rows[i].epoch, "time",
                                            reply_time(rows[i].time_ms)));
    return reply_json(reply, json_pack("{so}", "metrics", metrics));
}

/* What a series means.  A validation's says besides by which split, weights and maxDets it was computed. */
static const char *definition_of(const struct request *request, const char *name, const json_t *eval)
{
    const char *definition = metric_definition(name), *at = strrchr(name, '@');
    const char *split = json_string_value(json_object_get(eval, "split"));
    const char *weights = json_string_value(json_object_get(eval, "weights"));
    int64_t max_dets = EVAL_MAX_DETS;

    if (strncmp(name, "val/", 4) != 0 || !split || !weights)
        return definition;
    if (at)
        (void)request_digits(at + 1, &max_dets);
    return arena_printf(request->arena, "%s Split %s, %s weights, maxDets %" PRId64 ".", definition, split,
                        strcmp(weights, "ema") == 0 ? "EMA" : "model", max_dets);
}

static bool same_sampling(const struct series *a, const struct series *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->points[i].attempt != b->points[i].attempt || a->points[i].step != b->points[i].step ||
            a->points[i].epoch != b->points[i].epoch || a->points[i].time_ms != b->points[i].time_ms)
            return false;
    return true;
}

static json_t *x_of(const struct series *series)
{
    json_t *step = json_array(), *epoch = json_array(), *time_ms = json_array(), *attempt = json_array();

    for (size_t i = 0; i < series->count; i++) {
        const struct metric_row *point = &series->points[i];

        (void)json_array_append_new(step, json_integer(point->step));
        (void)json_array_append_new(epoch, json_integer(point->epoch));
        (void)json_array_append_new(time_ms, json_integer(point->time_ms));
        (void)json_array_append_new(attempt, json_integer(point->attempt));
    }
    return json_pack("{sosososo}", "step", step, "epoch", epoch, "time_ms", time_ms, "attempt", attempt);
}

static json_t *value_of(const struct metric_row *point)
{
    return reply_number(point->value);
}

static json_t *min_of(const struct metric_row *point)
{
    return reply_known(point->min);
}

static json_t *max_of(const struct metric_row *point)
{
    return reply_known(point->max);
}

static json_t *each(const struct series *series, json_t *(*of)(const struct metric_row *point))
{
    json_t *values = json_array();

    for (size_t i = 0; i < series->count; i++)
        (void)json_array_append_new(values, of(&series->points[i]));
    return values;
}

static json_t *one_reply(const struct request *request, const struct series *series, size_t x, const json_t *eval)
{
    json_t *one =
        json_pack("{sssssIso}", "name", series->name, "definition", definition_of(request, series->name, eval), "x",
                  (json_int_t)x, "value", each(series, value_of));

    if (series->has_bounds) {
        (void)json_object_set_new(one, "min", each(series, min_of));
        (void)json_object_set_new(one, "max", each(series, max_of));
    }
    return one;
}

/* Series that are sampled alike share one entry of x: the first one's. */
static json_t *series_reply(const struct request *request, const struct series *series, size_t count, int64_t last_id,
                            const json_t *eval)
{
    json_t *x = json_array(), *list = json_array();
    size_t *entry = arena_alloc(request->arena, (count + 1) * sizeof *entry);

    for (size_t i = 0; i < count; i++) {
        size_t like = 0;

        while (like < i && !same_sampling(&series[like], &series[i]))
            like++;
        entry[i] = like < i ? entry[like] : json_array_size(x);
        if (like == i)
            (void)json_array_append_new(x, x_of(&series[i]));
        (void)json_array_append_new(list, one_reply(request, &series[i], entry[i], eval));
    }
    return json_pack("{sososI}", "x", x, "series", list, "last_id", (json_int_t)last_id);
}

/* Reads the part of the series that the query names, with the points behind the id `after`. */
static bool read_series(const struct app *app, const struct request *request, const struct series_part *part,
                        int64_t after, struct series *series, size_t *count, int64_t *last_id, struct err *err)
{
    *count = 0;
    *last_id = after;
    for (size_t i = 0; i < request->query_count; i++) {
        struct series *one = &series[*count];
        int64_t last;

        if (strcmp(request->query[i].key, "name") != 0)
            continue;
        one->name = request->query[i].value;
        if (!metric_name_is_valid(one->name) || *count == NAMES_MAX)
            return err_set(err, ERR_BAD_QUERY, "name must be the name of a series, 1 to %d bytes, %d times at most",
                           METRIC_NAME_MAX, NAMES_MAX);
        if (!series_read(app->store, request->arena, request->job, part, after, one, &last, err))
            return false;
        *last_id = last > *last_id ? last : *last_id;
        ++*count;
    }
    return true;
}

static bool read_part(const struct request *request, struct series_part *part, struct err *err)
{
    const char *axis = request_query(request, "x");

    part->axis = series_axis_find(axis ? axis : "step");
    if (part->axis == AXIS_COUNT)
        return err_set(err, ERR_BAD_QUERY, "x is '%.50s'; it must be step, epoch or time", axis);
    return request_int(request, "points", 1, BUCKETS_MAX, 0, &part->buckets, err) &&
           request_int(request, "from", 0, INT64_MAX, INT64_MIN, &part->from, err) &&
           request_int(request, "to", 0, INT64_MAX, INT64_MAX, &part->to, err) &&
           (part->from <= part->to || err_set(err, ERR_BAD_QUERY, "from lies behind to"));
}

/* All series are cut alike, so that those that are sampled alike still are. */
static void cut_series(const struct series_part *part, struct series *series, size_t count)
{
    bool has_from = part->from != INT64_MIN, has_to = part->to != INT64_MAX;
    int64_t from = INT64_MAX, to = INT64_MIN;

    for (size_t i = 0; i < count; i++) {
        series_clip(&series[i], part->axis, part->from, part->to);
        series_span(&series[i], part->axis, &from, &to);
    }
    from = has_from ? part->from : from;
    to = has_to ? part->to : to;
    for (size_t i = 0; part->buckets > 0 && i < count; i++)
        series_cut(&series[i], part->axis, from, to, part->buckets);
}

static bool points(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    struct series *series = arena_alloc(request->arena, (NAMES_MAX + 1) * sizeof *series);
    struct series_part part;
    int64_t after, last_id;
    struct event_row event;
    json_t *eval;
    size_t count;

    if (!read_part(request, &part, err) || !request_int(request, "after", 0, INT64_MAX, 0, &after, err) ||
        !read_series(app, request, &part, after, series, &count, &last_id, err) ||
        !store_event_last(app->store, request->arena, request->job, EVENT_EVAL, &event, err))
        return false;
    cut_series(&part, series, count);
    if (wants_csv(request))
        return reply_csv(request, reply, series, count);
    eval = event.id ? json_loads(event.data, 0, NULL) : NULL;
    (void)reply_json(reply, series_reply(request, series, count, last_id, eval));
    json_decref(eval);
    return true;
}

bool metrics_show(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    static const char *const with_name[] = {"after", "points", "x", "from", "to"};
    struct job_row row;

    if (!store_job_read(app->store, request->arena, request->job, &row, err))
        return false;
    reply->vary = "Accept";
    if (request_query(request, "name"))
        return points(app, request, reply, err);
    for (size_t i = 0; i < sizeof with_name / sizeof *with_name; i++)
        if (request_query(request, with_name[i]))
            return err_set(err, ERR_BAD_QUERY, "%s goes with name: ?name=train/loss&%s=…", with_name[i], with_name[i]);
    return newest(app, request, reply, err);
}
