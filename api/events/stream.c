/* api/events/stream.c: see stream.h.  One message at a time is held as text, so that a stream stays small however much
 * there is to send; rows older than the tail are read one by one, the lowest id of all topics first. */
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
    const struct tail *tail; /* NULL: not followed */
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

static bool send_reset(struct stream *stream)
{
    if (!stream->is_reset)
        return false;
    stream->is_reset = false;
    return send_text(stream, event_message("reset", json_pack("{sI}", "after", (json_int_t)stream->last_id)));
}

static void send_event(struct stream *stream, const struct event_text *event, char *text)
{
    stream->last_id = event->id;
    stream->is_final = stream->is_final || event->is_final;
    (void)send_text(stream, text);
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
    if (row.id) {
        struct event_text event = event_text_of(stream->app, &row);

        send_event(stream, &event, event.text);
    }
    arena_free(arena);
    return row.id != 0;
}

static bool is_of_a_topic(const void *arg, const struct event_text *event)
{
    const struct stream *stream = arg;
    bool is_of_jobs = event->type == EVENT_STATE || event->type == EVENT_DELETED;

    for (size_t i = 0; i < stream->topic_count; i++)
        if (stream->topics[i].job == event->job || (stream->topics[i].job == 0 && is_of_jobs))
            return true;
    return false;
}

static bool send_next_event(struct stream *stream)
{
    const struct event_text *event;

    if (!stream->tail || !tail_reaches(stream->tail, stream->last_id))
        return send_next_row(stream);
    event = tail_next(stream->tail, stream->last_id, is_of_a_topic, stream);
    if (event)
        send_event(stream, event, xstrdup(event->text));
    return event != NULL;
}

static bool send_log(struct stream *stream)
{
    for (size_t i = 0; i < stream->topic_count; i++) {
        struct topic *topic = &stream->topics[i];

        if (topic->log_bytes == topic->log_sent)
            continue;
        topic->log_sent = topic->log_bytes;
        return send_text(stream, event_message("log", json_pack("{sIsIsI}", "job", (json_int_t)topic->job, "attempt",
                                                                (json_int_t)topic->attempt, "size_bytes",
                                                                (json_int_t)topic->log_bytes)));
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
    return send_text(stream, event_message("ping", json_object()));
}

/* Makes the next message; false when there is none. */
static bool send_next(struct stream *stream)
{
    static bool (*const sources[])(struct stream * stream) = {send_reset, send_next_event, send_log, send_gpus,
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

bool stream_look_at_logs(struct stream *stream, struct log_sizes *sizes)
{
    bool has_changed = false;

    for (size_t i = 0; i < stream->topic_count; i++) {
        struct topic *topic = &stream->topics[i];
        const struct log_size *log = topic->has_log ? log_sizes_of(sizes, topic->job) : NULL;

        if (!log || log->attempt == 0)
            continue;
        has_changed = has_changed || topic->log_bytes != log->bytes;
        topic->log_bytes = log->bytes;
        topic->attempt = log->attempt;
    }
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
        char *one = event_message("gpu", gpu_view(app, i)), *more = xasprintf("%s%s", all, one);

        free(one);
        free(all);
        all = more;
    }
    return all;
}

void stream_follow(struct stream *stream, const struct tail *tail)
{
    stream->tail = tail;
}

void stream_ping(struct stream *stream)
{
    stream->is_ping_due = true;
}
