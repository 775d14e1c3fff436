/* api/events/tail.c: see tail.h.  A ring, bounded in events and in bytes: an evaluation of many classes is long. */
#include "api/events/tail.h"

#include "api/http/reply.h"
#include "spec/parse.h"
#include "storage/job_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 512, BYTES_MAX = 2 * 1024 * 1024 };

struct tail {
    const struct app *app;
    struct event_text events[EVENTS_MAX]; /* from first on, around the end */
    size_t first, count, bytes;
    int64_t base, newest; /* it has all events behind base, up to newest */
};

/* ---- text ---- */

char *event_message(const char *type, json_t *data)
{
    char *text = parse_text(data), *all = xasprintf("event: %s\ndata: %s\n\n", type, text);

    free(text);
    json_decref(data);
    return all;
}

static json_t *reason_of(const struct app *app, int64_t job)
{
    struct arena *arena = arena_new();
    const char *reason = NULL;
    struct job_row row;
    struct err err;
    json_t *json;

    if (store_job_read(app->store, arena, job, &row, &err)) /* else it was deleted since */
        reason = jobs_reason(app->jobs, arena, &row);
    json = reason ? reply_text(reason) : json_null();
    arena_free(arena);
    return json;
}

struct event_text event_text_of(const struct app *app, const struct event_row *row)
{
    struct event_text event = {.id = row->id, .job = row->job, .type = row->type};
    struct err err;
    json_t *data = parse_json(row->data, strlen(row->data), &err);
    enum job_state state;
    char *text;

    if (!data)
        data = json_object();
    (void)json_object_set_new(data, "job", json_integer(row->job));
    (void)json_object_set_new(data, "attempt", json_integer(row->attempt));
    if (row->type == EVENT_STATE) {
        const char *name = json_string_value(json_object_get(data, "state"));

        state = job_state_find(name ? name : "");
        event.is_final = job_state_is_final(state);
        (void)json_object_set_new(data, "reason", state == JOB_QUEUED ? reason_of(app, row->job) : json_null());
    }
    text = event_message(event_type_name(row->type), data);
    event.text = xasprintf("id: %" PRId64 "\n%s", row->id, text);
    event.size = strlen(event.text);
    free(text);
    return event;
}

/* ---- the ring ---- */

static const struct event_text *at(const struct tail *tail, size_t i)
{
    return &tail->events[(tail->first + i) % EVENTS_MAX];
}

static void drop_first(struct tail *tail)
{
    struct event_text *event = &tail->events[tail->first];

    tail->base = event->id;
    tail->bytes -= event->size;
    free(event->text);
    tail->first = (tail->first + 1) % EVENTS_MAX;
    tail->count--;
}

static void append(struct tail *tail, struct event_text event)
{
    if (tail->count == EVENTS_MAX)
        drop_first(tail);
    tail->events[(tail->first + tail->count++) % EVENTS_MAX] = event;
    tail->bytes += event.size;
    while (tail->bytes > BYTES_MAX)
        drop_first(tail);
}

struct tail *tail_new(const struct app *app)
{
    struct tail *tail = xcalloc(1, sizeof *tail);

    tail->app = app;
    return tail;
}

void tail_free(struct tail *tail)
{
    if (!tail)
        return;
    while (tail->count > 0)
        drop_first(tail);
    free(tail);
}

/* What lies too far back is left to who asks for it. */
static void skip_to(struct tail *tail, int64_t id)
{
    while (tail->count > 0)
        drop_first(tail);
    tail->base = tail->newest = id;
}

bool tail_update(struct tail *tail, int64_t newest, struct err *err)
{
    struct arena *arena;
    struct event_row *rows;
    size_t count;
    bool ok;

    if (newest == tail->newest)
        return true;
    if (newest - tail->newest > EVENTS_MAX)
        skip_to(tail, newest - EVENTS_MAX);
    arena = arena_new();
    ok = store_events_between(tail->app->store, arena, tail->newest, newest, &rows, &count, err);
    for (size_t i = 0; ok && i < count; i++)
        append(tail, event_text_of(tail->app, &rows[i]));
    if (ok)
        tail->newest = newest;
    arena_free(arena);
    return ok;
}

bool tail_reaches(const struct tail *tail, int64_t after)
{
    return after >= tail->base;
}

const struct event_text *tail_next(const struct tail *tail, int64_t after,
                                   bool (*matches)(const void *arg, const struct event_text *event), const void *arg)
{
    size_t low = 0, high = tail->count;

    while (low < high) { /* the first behind `after` */
        size_t middle = low + (high - low) / 2;

        if (at(tail, middle)->id <= after)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < tail->count && !matches(arg, at(tail, low)))
        low++;
    return low < tail->count ? at(tail, low) : NULL;
}
