/* api/events/stream.c: see stream.h.  One message at a time is held as text, so that a stream stays small however much
 * there is to send; the rows are read one by one, the lowest id of all topics first. */
#include "api/events/stream.h"

#include "api/events/gpu_view.h"
#include "api/http/reply.h"
#include "base/log.h"
#include "spec/parse.h"
#include "storage/event_rows.h"
#include "storage/job_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct topic {
    int64_t job; /* 0: state and deleted of all jobs */
    bool has_log;
    int64_t attempt, log_bytes, log_sent; /* -1: no log yet; none sent */
};

struct stream {
    const struct app *app;
    struct topic topics[STREAM_TOPICS_MAX];
    size_t topic_count;
    int64_t last_id;
    bool is_reset, is_ping_due;
    bool is_alone; /* one job's: ends behind its final state */
    bool is_final, is_failed;
    bool wants_gpus, has_gpu_news;
    char *gpus; /* as they were told last */
    char *text; /* what is being sent */
    size_t size, sent;
};

struct stream *stream_new(const struct app *app, int64_t after, struct err *err)
{
    struct stream *stream;
    int64_t newest;

    if (!store_event_newest(app->store, &newest, err))
        return NULL;
    stream = xcalloc(1, sizeof *stream);
    stream->app = app;
    stream->is_reset = after > newest;
    stream->last_id = after < 0 || after > newest ? newest : after;
    return stream;
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    free(stream->gpus);
    free(stream->text);
    free(stream);
}

static void add(struct stream *stream, struct topic topic)
{
    topic.log_bytes = topic.log_sent = -1;
    if (stream->topic_count < STREAM_TOPICS_MAX)
        stream->topics[stream->topic_count++] = topic;
}

void stream_add_alone(struct stream *stream, int64_t job, bool is_final)
{
    add(stream, (struct topic){.job = job});
    stream->is_alone = true;
    stream->is_final = is_final;
    if (stream->is_reset)
        stream->last_id = 0;
}

void stream_add_job(struct stream *stream, int64_t job)
{
    add(stream, (struct topic){.job = job, .has_log = true});
    (void)stream_look_at_logs(stream);
}

void stream_add_jobs(struct stream *stream)
{
    add(stream, (struct topic){.job = 0});
}

void stream_add_gpus(struct stream *stream)
{
    stream->wants_gpus = true;
}

/* ---- messages ---- */

/* Takes text as what is sent next. */
static bool send_text(struct stream *stream, char *text)
{
    free(stream->text);
    stream->text = text;
    stream->size = strlen(text);
    stream->sent = 0;
    return true;
}

/* A message without an id; takes data. */
static char *message(const char *type, json_t *data)
{
    char *text = parse_text(data), *all = xasprintf("event: %s\ndata: %s\n\n", type, text);

    free(text);
    json_decref(data);
    return all;
}

static bool send_reset(struct stream *stream)
{
    if (!stream->is_reset)
        return false;
    stream->is_reset = false;
    return send_text(stream, message("reset", json_pack("{sI}", "after", (json_int_t)stream->last_id)));
}

static json_t *reason_of(const struct stream *stream, int64_t job)
{
    struct arena *arena = arena_new();
    const char *reason = NULL;
    struct job_row row;
    struct err err;
    json_t *json;

    if (store_job_read(stream->app->store, arena, job, &row, &err)) /* else it was deleted since */
        reason = jobs_reason(stream->app->jobs, arena, &row);
    json = reason ? reply_text(reason) : json_null();
    arena_free(arena);
    return json;
}

/* What a row says, with what the stream adds. */
static json_t *data_of(struct stream *stream, const struct event_row *row)
{
    struct err err;
    json_t *json = parse_json(row->data, strlen(row->data), &err);
    const char *state;

    if (!json)
        json = json_object();
    (void)json_object_set_new(json, "job", json_integer(row->job));
    (void)json_object_set_new(json, "attempt", json_integer(row->attempt));
    if (row->type != EVENT_STATE)
        return json;
    state = json_string_value(json_object_get(json, "state"));
    (void)json_object_set_new(json, "reason",
                              state && job_state_find(state) == JOB_QUEUED ? reason_of(stream, row->job) : json_null());
    stream->is_final = stream->is_final || (state && job_state_is_final(job_state_find(state)));
    return json;
}

static void send_row(struct stream *stream, const struct event_row *row)
{
    char *text = message(event_type_name(row->type), data_of(stream, row));

    stream->last_id = row->id;
    (void)send_text(stream, xasprintf("id: %" PRId64 "\n%s", row->id, text));
    free(text);
}

/* The first row of any topic. */
static bool find_row(struct stream *stream, struct arena *arena, struct event_row *first, struct err *err)
{
    *first = (struct event_row){0};
    for (size_t i = 0; i < stream->topic_count; i++) {
        struct event_row row;

        if (!store_event_next(stream->app->store, arena, stream->topics[i].job, stream->last_id, &row, err))
            return false;
        if (row.id && (first->id == 0 || row.id < first->id))
            *first = row;
    }
    return true;
}

/* A client whose events cannot be read is let go: it comes again and says where it was. */
static bool send_next_row(struct stream *stream)
{
    struct arena *arena = arena_new();
    struct event_row row;
    struct err err;

    if (!find_row(stream, arena, &row, &err)) {
        log_err("an event stream ends, its events cannot be read reason='%s'", err.msg);
        stream->is_failed = true;
        row.id = 0;
    }
    if (row.id)
        send_row(stream, &row);
    arena_free(arena);
    return row.id != 0;
}

static bool send_log(struct stream *stream)
{
    for (size_t i = 0; i < stream->topic_count; i++) {
        struct topic *topic = &stream->topics[i];

        if (topic->log_bytes == topic->log_sent)
            continue;
        topic->log_sent = topic->log_bytes;
        return send_text(
            stream, message("log", json_pack("{sIsIsI}", "job", (json_int_t)topic->job, "attempt",
                                             (json_int_t)topic->attempt, "size_bytes", (json_int_t)topic->log_bytes)));
    }
    return false;
}

static bool send_gpus(struct stream *stream)
{
    if (!stream->has_gpu_news)
        return false;
    stream->has_gpu_news = false;
    return send_text(stream, xstrdup(stream->gpus));
}

static bool send_ping(struct stream *stream)
{
    if (!stream->is_ping_due)
        return false;
    stream->is_ping_due = false;
    return send_text(stream, message("ping", json_object()));
}

/* Makes the next message; false when there is none. */
static bool send_next(struct stream *stream)
{
    static bool (*const sources[])(struct stream * stream) = {send_reset, send_next_row, send_log, send_gpus,
                                                              send_ping};

    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (sources[i](stream))
            return true;
    return false;
}

size_t stream_fill(struct stream *stream, char *buffer, size_t max)
{
    size_t used = 0;

    while (used < max && !stream->is_failed && (stream->sent < stream->size || send_next(stream))) {
        size_t left = stream->size - stream->sent, room = max - used, size = left < room ? left : room;

        memcpy(buffer + used, stream->text + stream->sent, size);
        stream->sent += size;
        used += size;
    }
    return used;
}

bool stream_is_over(const struct stream *stream)
{
    return stream->is_failed || (stream->is_alone && stream->is_final && stream->sent == stream->size);
}

/* ---- what has no row ---- */

static bool look_at_log(const struct app *app, struct topic *topic)
{
    struct arena *arena = arena_new();
    struct job_row row;
    struct stat status;
    struct err err;
    bool has_changed = false;

    if (store_job_read(app->store, arena, topic->job, &row, &err) && row.attempt > 0 &&
        stat(arena_printf(arena, "%s/log.txt", jobs_folder(app->jobs, arena, row.id, row.attempt)), &status) == 0) {
        has_changed = topic->log_bytes != (int64_t)status.st_size;
        topic->log_bytes = (int64_t)status.st_size;
        topic->attempt = row.attempt;
    }
    arena_free(arena);
    return has_changed;
}

bool stream_look_at_logs(struct stream *stream)
{
    bool has_changed = false;

    for (size_t i = 0; i < stream->topic_count; i++)
        if (stream->topics[i].has_log && look_at_log(stream->app, &stream->topics[i]))
            has_changed = true;
    return has_changed;
}

bool stream_wants_gpus(const struct stream *stream)
{
    return stream->wants_gpus;
}

bool stream_tell_gpus(struct stream *stream, const char *text)
{
    if (!stream->wants_gpus || (stream->gpus ? strcmp(stream->gpus, text) == 0 : *text == '\0'))
        return false;
    free(stream->gpus);
    stream->gpus = xstrdup(text);
    stream->has_gpu_news = true;
    return true;
}

char *stream_gpus_text(const struct app *app)
{
    char *all = xstrdup("");

    for (size_t i = 0; i < gpus_count(app->gpus); i++) {
        char *one = message("gpu", gpu_view(app, i)), *more = xasprintf("%s%s", all, one);

        free(one);
        free(all);
        all = more;
    }
    return all;
}

void stream_ping(struct stream *stream)
{
    stream->is_ping_due = true;
}
