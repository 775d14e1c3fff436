/* api/server.c: see server.h.  One libmicrohttpd daemon a listener, without a thread of its own: the loop waits on its
 * epoll descriptor.  How an exchange goes;
 * nothing here knows what is asked. */
#include "api/server.h"

#include "api/dribble.h"
#include "api/events/hub.h"
#include "api/exchange.h"
#include "api/listener.h"
#include "api/response.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"
#include "spec/parse.h"

#include <inttypes.h>
#include <malloc.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LISTENERS_MAX = 8,
    CONNECTIONS_MAX = 1200, /* a listener */
    CHECKS_MAX = 4,         /* data sets read at a time */
    TIMEOUT_S = 60,         /* without a byte in either direction */
    HEADERS_MAX = 32 * 1024,
    TIDY_MS = 1000, /* after a request */
    FREE_MAX = 4 * 1024 * 1024,
};

struct port {
    struct server *server;
    struct listener listener;
    struct MHD_Daemon *daemon;
    struct loop_source *ready, *timer;
};

struct server {
    const struct app *app;
    struct loop *loop;
    struct hub *hub;
    struct dribble *dribble;
    struct loop_source *tidy;
    struct port ports[LISTENERS_MAX];
    size_t port_count;
    struct exchange *waiting; /* those whose connection is suspended, or was and has not gone on yet */
    int check_count;
    bool is_closing;
    int64_t started_ms, requests; /* make request ids */
};

static struct exchange *start_exchange(struct port *port, struct MHD_Connection *connection, const char *url,
                                       const char *method)
{
    struct server *server = port->server;
    struct exchange *exchange;
    char id[48];

    (void)snprintf(id, sizeof id, "%" PRIx64 "-%" PRId64, server->started_ms, ++server->requests);
    exchange = exchange_new(connection, port->listener.socket_path != NULL, id, url, method);
    exchange->server = server;
    return exchange;
}

/* Ends the reading of its data set. */
static void end_check(struct exchange *exchange)
{
    if (!exchange->check)
        return;
    ask_free(exchange->check);
    exchange->check = NULL;
    exchange->server->check_count--;
}

static void end_wait(struct exchange *exchange)
{
    if (!exchange->link)
        return;
    *exchange->link = exchange->next;
    if (exchange->next)
        exchange->next->link = exchange->link;
    exchange->link = NULL;
    end_check(exchange);
}

/* Suspends its connection until something else resumes it. */
static void wait_for(struct exchange *exchange)
{
    struct server *server = exchange->server;

    exchange->next = server->waiting;
    exchange->link = &server->waiting;
    if (exchange->next)
        exchange->next->link = &exchange->next;
    server->waiting = exchange;
    exchange->is_suspended = true;
    MHD_suspend_connection(exchange->connection);
}

static void refuse(struct exchange *exchange, const char *words)
{
    struct err err;

    (void)err_set(&err, ERR_UNAVAILABLE, "%s", words);
    stream_free(exchange->reply.stream);
    exchange->reply.stream = NULL;
    reply_problem(&exchange->reply, &exchange->request, &err);
}

static enum MHD_Result send_reply(struct server *server, struct MHD_Connection *connection, struct exchange *exchange)
{
    struct MHD_Response *response;
    enum MHD_Result queued;

    if (exchange->reply.stream && hub_is_full(server->hub))
        refuse(exchange, "there are too many event streams; close one, or ask again later");
    response = response_make(server->hub, connection, &exchange->request, &exchange->reply);
    if (!response)
        return MHD_NO;
    queued = MHD_queue_response(connection, exchange->reply.status, response);
    MHD_destroy_response(response);
    return queued;
}

static void resume(struct exchange *exchange)
{
    if (!exchange->is_suspended)
        return;
    exchange->is_suspended = false;
    MHD_resume_connection(exchange->connection);
}

static void on_resumed(void *arg);

static void on_checked(void *arg)
{
    struct exchange *exchange = arg;

    resume(exchange);
    on_resumed(exchange->server);
}

/* Has the data set of a reply read, and its connection wait for that.  False when the reply says why not. */
static bool start_check(struct server *server, struct exchange *exchange)
{
    struct err err;

    if (server->check_count == CHECKS_MAX)
        (void)err_set(&err, ERR_UNAVAILABLE, "%d data sets are being read; ask again later", CHECKS_MAX);
    else
        exchange->check = jobs_check(server->app->jobs, exchange->reply.dataset, on_checked, exchange, &err);
    if (!exchange->check) {
        reply_problem(&exchange->reply, &exchange->request, &err);
        return false;
    }
    server->check_count++;
    wait_for(exchange);
    return true;
}

static enum MHD_Result answer(struct server *server, struct MHD_Connection *connection, struct exchange *exchange)
{
    end_wait(exchange);
    routes_answer(server->app, &exchange->request, &exchange->reply);
    if (exchange->reply.awaits_devices && !server->is_closing) {
        wait_for(exchange);
        return MHD_YES;
    }
    if (exchange->reply.awaits_devices)
        refuse(exchange, "detrd is about to end");
    exchange->answered = true;
    if (exchange->reply.dataset && start_check(server, exchange))
        return MHD_YES;
    return send_reply(server, connection, exchange);
}

/* Its data set has been read, or the server ends. */
static enum MHD_Result answer_checked(struct server *server, struct MHD_Connection *connection,
                                      struct exchange *exchange)
{
    validate_answer(exchange->check, &exchange->request, &exchange->reply);
    end_wait(exchange);
    return send_reply(server, connection, exchange);
}

/* Whether the client waits for leave to send a body that is too large: it is told no before it sends it. */
static bool announces_too_large(struct MHD_Connection *connection)
{
    const char *size = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    const char *expect = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Expect");
    int64_t bytes;

    return expect && size && (!request_digits(size, &bytes) || bytes > PARSE_SIZE);
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **slot)
{
    struct port *port = arg;
    struct exchange *exchange = *slot;

    (void)version;
    if (!exchange) {
        *slot = exchange = start_exchange(port, connection, url, method);
        if (!announces_too_large(connection))
            return MHD_YES;
        exchange->request.body_too_large = true;
        dribble_whole(connection);
        return answer(port->server, connection, exchange);
    }
    if (*size > 0) {
        bool go_on = exchange->answered || exchange_take_body(exchange, data, *size);

        *size = 0;
        return go_on ? MHD_YES : MHD_NO;
    }
    dribble_whole(connection);
    if (exchange->check)
        return answer_checked(port->server, connection, exchange);
    return exchange->answered ? MHD_YES : answer(port->server, connection, exchange);
}

static void completed(void *arg, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode code)
{
    struct port *port = arg;

    (void)code;
    loop_timer_set(port->server->tidy, TIDY_MS);
    dribble_replied(connection);
    if (*slot) {
        end_wait(*slot);
        exchange_free(*slot);
    }
    *slot = NULL;
}

/* What a long reply took goes back to the system: malloc alone would keep it for days. */
static void on_tidy(void *arg)
{
    (void)arg;
    if (mallinfo2().fordblks > FREE_MAX)
        (void)malloc_trim(0);
}

/* Lets libmicrohttpd do what it can, and comes back when it says. */
static void turn(struct port *port)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;

    (void)MHD_run(port->daemon);
    if (MHD_get_timeout(port->daemon, &timeout_ms) == MHD_YES)
        loop_timer_set(port->timer, timeout_ms < INT32_MAX ? (int64_t)timeout_ms : INT32_MAX);
    else
        loop_timer_set(port->timer, -1);
}

static void on_ready(void *arg, uint32_t events)
{
    (void)events;
    turn(arg);
}

static void on_due(void *arg)
{
    turn(arg);
}

/* Connections that were resumed go on only in MHD_run. */
static void on_resumed(void *arg)
{
    struct server *server = arg;

    for (size_t i = 0; i < server->port_count; i++)
        turn(&server->ports[i]);
}

struct server *server_new(const struct app *app, struct loop *loop)
{
    struct server *server = xcalloc(1, sizeof *server);

    server->app = app;
    server->loop = loop;
    server->started_ms = clock_wall_ms();
    server->hub = hub_new(app, loop, on_resumed, server);
    server->dribble = dribble_new(loop);
    server->tidy = loop_timer(loop, on_tidy, server);
    return server;
}

static void port_close(struct port *port)
{
    loop_remove(port->ready);
    loop_remove(port->timer);
    MHD_stop_daemon(port->daemon); /* closes its socket */
    listener_done(&port->listener);
}

static bool port_start(struct port *port, struct loop *loop, struct err *err)
{
    const union MHD_DaemonInfo *info;

    port->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, port,
                                    MHD_OPTION_LISTEN_SOCKET, port->listener.fd, MHD_OPTION_NOTIFY_COMPLETED, completed,
                                    port, MHD_OPTION_NOTIFY_CONNECTION, dribble_notify, port->server->dribble,
                                    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT,
                                    (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
                                    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_MAX, MHD_OPTION_END);
    if (!port->daemon) {
        (void)close(port->listener.fd);
        listener_done(&port->listener);
        return err_set(err, ERR_INTERNAL, "libmicrohttpd does not start");
    }
    info = MHD_get_daemon_info(port->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    port->timer = loop_timer(loop, on_due, port);
    port->ready = loop_fd(loop, info->epoll_fd, EPOLLIN, on_ready, port, err);
    if (!port->ready) {
        port_close(port);
        return false;
    }
    return true;
}

bool server_listen(struct server *server, const char *address, struct err *err)
{
    struct port *port = &server->ports[server->port_count];

    if (server->port_count == LISTENERS_MAX)
        return err_set(err, ERR_BAD_SPEC, "listen: at most %d addresses", LISTENERS_MAX);
    *port = (struct port){.server = server};
    if (!listener_open(&port->listener, address, err) || !port_start(port, server->loop, err))
        return false;
    server->port_count++;
    log_info("listening address='%s'", address);
    return true;
}

void server_devices_known(struct server *server)
{
    for (struct exchange *exchange = server->waiting; exchange; exchange = exchange->next)
        if (!exchange->check)
            resume(exchange);
    on_resumed(server);
}

const char *server_url(const struct server *server)
{
    for (size_t i = 0; i < server->port_count; i++)
        if (server->ports[i].listener.url)
            return server->ports[i].listener.url;
    return NULL;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    server->is_closing = true;
    for (struct exchange *exchange = server->waiting; exchange; exchange = exchange->next)
        resume(exchange);
    hub_end(server->hub);
    on_resumed(server);
    for (size_t i = 0; i < server->port_count; i++)
        port_close(&server->ports[i]);
    hub_free(server->hub);
    dribble_free(server->dribble);
    loop_remove(server->tidy);
    free(server);
}

const char *server_http_version(void)
{
    return MHD_get_version();
}
