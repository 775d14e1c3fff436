/* api/events/hub.c: see hub.h.  Nothing here runs on a clock unless a client is there: a ping every 15 s, since a
 * parked connection does not notice that its client has left, and a look at the GPUs for those who asked. */
#include "api/events/hub.h"

#include "base/clock.h"
#include "base/log.h"
#include "storage/event_rows.h"

#include <stdlib.h>

enum {
    CLIENTS_MAX = 1000, /* below the connections that the server takes, so that requests come through */
    PING_MS = 15000,
    GPUS_MS = 2000,
    LOGS_MS = 1000,
    BLOCK_BYTES = 4096,
};

struct client {
    struct hub *hub;
    struct client *next, **link; /* link: what points to it */
    struct stream *stream;
    struct MHD_Connection *connection;
    bool is_parked;
};

struct hub {
    const struct app *app;
    struct client *clients;
    size_t client_count;
    struct tail *tail;
    struct loop_source *turn, *ping, *gpus;
    int64_t newest; /* event that the clients were resumed for */
    double logs_due_s;
    bool is_closing, has_resumed;
    void (*resumed)(void *arg);
    void *resumed_arg;
};

static void resume(struct client *client)
{
    if (!client->is_parked)
        return;
    client->is_parked = false;
    client->hub->has_resumed = true;
    MHD_resume_connection(client->connection);
}

/* Ends each function that resumes. */
static void tell_resumed(struct hub *hub)
{
    if (!hub->has_resumed)
        return;
    hub->has_resumed = false;
    hub->resumed(hub->resumed_arg);
}

static void look_at_logs(struct hub *hub)
{
    double left_s = hub->logs_due_s - clock_monotonic_s();
    struct log_sizes *sizes;

    if (left_s > 0) {
        loop_timer_set(hub->turn, (int64_t)(left_s * 1000) + 1);
        return;
    }
    hub->logs_due_s = clock_monotonic_s() + LOGS_MS / 1000.0;
    sizes = log_sizes_new(hub->app);
    for (struct client *client = hub->clients; client; client = client->next)
        if (stream_look_at_logs(client->stream, sizes))
            resume(client);
    log_sizes_free(sizes);
}

/* Brings the tail up to the newest event. */
static bool update_tail(struct hub *hub, int64_t *newest)
{
    struct err err;

    if (store_event_newest(hub->app->store, newest, &err) && tail_update(hub->tail, *newest, &err))
        return true;
    log_err("event streams wait: %s", err.msg);
    return false;
}

static void on_turn(void *arg)
{
    struct hub *hub = arg;
    int64_t newest;

    if (!hub->clients)
        return;
    if (!update_tail(hub, &newest))
        return;
    if (newest != hub->newest)
        for (struct client *client = hub->clients; client; client = client->next)
            resume(client);
    hub->newest = newest;
    look_at_logs(hub);
    tell_resumed(hub);
}

static void on_ping(void *arg)
{
    struct hub *hub = arg;

    for (struct client *client = hub->clients; client; client = client->next) {
        stream_ping(client->stream);
        resume(client);
    }
    if (hub->clients)
        loop_timer_set(hub->ping, PING_MS);
    tell_resumed(hub);
}

static void on_gpus(void *arg)
{
    struct hub *hub = arg;
    char *text = stream_gpus_text(hub->app);
    bool is_wanted = false;

    for (struct client *client = hub->clients; client; client = client->next) {
        is_wanted = is_wanted || stream_wants_gpus(client->stream);
        if (stream_tell_gpus(client->stream, text))
            resume(client);
    }
    free(text);
    if (is_wanted && gpus_count(hub->app->gpus) > 0)
        loop_timer_set(hub->gpus, GPUS_MS);
    tell_resumed(hub);
}

/* Once a turn of the loop, whatever happened in it. */
static void wake(void *arg)
{
    struct hub *hub = arg;

    if (hub->clients)
        loop_timer_set(hub->turn, 0);
}

struct hub *hub_new(const struct app *app, struct loop *loop, void (*resumed)(void *arg), void *arg)
{
    struct hub *hub = xcalloc(1, sizeof *hub);

    hub->app = app;
    hub->tail = tail_new(app);
    hub->resumed = resumed;
    hub->resumed_arg = arg;
    hub->turn = loop_timer(loop, on_turn, hub);
    hub->ping = loop_timer(loop, on_ping, hub);
    hub->gpus = loop_timer(loop, on_gpus, hub);
    jobs_on_event(app->jobs, wake, hub);
    return hub;
}

void hub_free(struct hub *hub)
{
    if (!hub)
        return;
    jobs_on_event(hub->app->jobs, NULL, NULL);
    loop_remove(hub->turn);
    loop_remove(hub->ping);
    loop_remove(hub->gpus);
    tail_free(hub->tail);
    free(hub);
}

bool hub_is_full(const struct hub *hub)
{
    return hub->client_count >= CLIENTS_MAX;
}

static ssize_t read_client(void *arg, uint64_t position, char *buffer, size_t max)
{
    struct client *client = arg;
    size_t size = client->hub->is_closing ? 0 : stream_fill(client->stream, buffer, max);

    (void)position;
    if (size > 0)
        return (ssize_t)size;
    if (client->hub->is_closing || stream_is_over(client->stream))
        return MHD_CONTENT_READER_END_OF_STREAM;
    client->is_parked = true;
    MHD_suspend_connection(client->connection); /* returning 0 without this would spin */
    return 0;
}

static void free_client(void *arg)
{
    struct client *client = arg;

    *client->link = client->next;
    if (client->next)
        client->next->link = client->link;
    client->hub->client_count--;
    stream_free(client->stream);
    free(client);
}

static void link_client(struct hub *hub, struct client *client)
{
    int64_t newest;

    client->next = hub->clients;
    client->link = &hub->clients;
    if (client->next)
        client->next->link = &client->next;
    hub->clients = client;
    if (update_tail(hub, &newest)) /* it may have slept */
        stream_follow(client->stream, hub->tail);
    wake(hub); /* for its logs */
    if (hub->client_count++ == 0)
        loop_timer_set(hub->ping, PING_MS);
    if (stream_wants_gpus(client->stream))
        loop_timer_set(hub->gpus, 0);
}

struct MHD_Response *hub_response(struct hub *hub, struct stream *stream, struct MHD_Connection *connection)
{
    struct client *client = xcalloc(1, sizeof *client);
    struct MHD_Response *response;

    *client = (struct client){.hub = hub, .stream = stream, .connection = connection};
    link_client(hub, client);
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_client, client, free_client);
    if (!response)
        free_client(client);
    return response;
}

void hub_end(struct hub *hub)
{
    hub->is_closing = true;
    for (struct client *client = hub->clients; client; client = client->next)
        resume(client);
    tell_resumed(hub);
}
