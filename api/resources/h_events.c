/* api/resources/h_events.c: what happens, as server-sent events: of one job, and of several topics in one stream. */
#include "api/events/stream.h"
#include "api/resources/handlers.h"
#include "storage/job_rows.h"

#include <inttypes.h>
#include <string.h>

/* The id behind which to go on: the header, which a browser sends when it comes again, goes before the parameter. */
static bool read_position(const struct request *request, int64_t fallback, int64_t *after, struct err *err)
{
    const char *header = request->last_event_id;

    if (!header || !*header)
        return request_int(request, "after", 0, INT64_MAX, fallback, after, err);
    return request_digits(header, after) ||
           err_set(err, ERR_BAD_QUERY, "Last-Event-ID is '%.50s'; it must be the id of an event", header);
}

static bool send_stream(struct reply *reply, struct stream *stream)
{
    reply->content_type = "text/event-stream";
    reply->stream = stream;
    return true;
}

bool events_of_job(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    struct stream *stream;
    struct job_row row;
    int64_t after;

    if (!read_position(request, 0, &after, err) ||
        !store_job_read(app->store, request->arena, request->job, &row, err) || !(stream = stream_new(app, after, err)))
        return false;
    stream_add_alone(stream, row.id, job_state_is_final(row.state));
    return send_stream(reply, stream);
}

static bool add_topic(const struct app *app, const struct request *request, struct stream *stream, const char *topic,
                      struct err *err)
{
    struct job_row row;
    int64_t job;

    if (strcmp(topic, "jobs") == 0)
        stream_add_jobs(stream);
    else if (strcmp(topic, "gpus") == 0)
        stream_add_gpus(stream);
    else if (strncmp(topic, "job.", 4) != 0 || !request_digits(topic + 4, &job))
        return err_set(err, ERR_BAD_QUERY, "'%.50s' is not a topic; topics takes jobs, job.17 and gpus, with commas",
                       topic);
    else if (!store_job_read(app->store, request->arena, job, &row, err))
        return false;
    else
        stream_add_job(stream, job);
    return true;
}

static bool add_topics(const struct app *app, const struct request *request, struct stream *stream, struct err *err)
{
    const char *text = request_query(request, "topics");
    int count = 0;

    for (text = text ? text : ""; text; text = strchr(text, ',') ? strchr(text, ',') + 1 : NULL) {
        const char *topic = arena_printf(request->arena, "%.*s", (int)strcspn(text, ","), text);

        if (count++ == STREAM_TOPICS_MAX)
            return err_set(err, ERR_BAD_QUERY, "topics takes %d topics at most", STREAM_TOPICS_MAX);
        if (!add_topic(app, request, stream, topic, err))
            return false;
    }
    return true;
}

bool events_of_topics(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    struct stream *stream;
    int64_t after;

    if (!read_position(request, -1, &after, err) || !(stream = stream_new(app, after, err)))
        return false;
    if (add_topics(app, request, stream, err))
        return send_stream(reply, stream);
    stream_free(stream);
    return false;
}
