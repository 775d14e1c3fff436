/* api/exchange.c: see exchange.h. */
#include "api/exchange.h"

#include "api/events/stream.h"
#include "spec/parse.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BODY_DROPPED_MAX = 8 * PARSE_SIZE }; /* of a body too large, until the connection is closed without a reply */

static enum MHD_Result count_pair(void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
    (void)kind, (void)key, (void)value;
    ++*(size_t *)arg;
    return MHD_YES;
}

static enum MHD_Result keep_pair(void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct exchange *exchange = arg;
    struct request *request = &exchange->request;

    (void)kind;
    exchange->query[request->query_count++] =
        (struct request_pair){arena_strdup(request->arena, key), arena_strdup(request->arena, value ? value : "")};
    return MHD_YES;
}

static void fill_headers(struct MHD_Connection *connection, struct request *request)
{
    const struct {
        const char *name, **value;
    } headers[] = {
        {"Host", &request->host},
        {"Origin", &request->origin},
        {"Content-Type", &request->content_type},
        {"Accept", &request->accept},
        {"Accept-Encoding", &request->accept_encoding},
        {"If-None-Match", &request->if_none_match},
        {"If-Range", &request->if_range},
        {"Range", &request->range},
        {"Idempotency-Key", &request->idempotency_key},
        {"Last-Event-ID", &request->last_event_id},
    };

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, headers[i].name);

        *headers[i].value = value ? arena_strdup(request->arena, value) : NULL;
    }
}

static void fill_peer(struct MHD_Connection *connection, struct request *request)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (info && getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
        request->uid = peer.uid;
}

struct exchange *exchange_new(struct MHD_Connection *connection, bool is_local, const char *id, const char *url,
                              const char *method)
{
    struct exchange *exchange = xcalloc(1, sizeof *exchange);
    struct request *request = &exchange->request;
    size_t count = 0;

    exchange->connection = connection;
    exchange->reply = reply_empty();
    request->arena = arena_new();
    request->id = arena_strdup(request->arena, id);
    request->method = arena_strdup(request->arena, method);
    request->path = arena_strdup(request->arena, url);
    fill_headers(connection, request);
    request->is_local = is_local;
    if (is_local)
        fill_peer(connection, request);
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, count_pair, &count);
    exchange->query = arena_alloc(request->arena, (count + 1) * sizeof *exchange->query);
    request->query = exchange->query;
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, keep_pair, exchange);
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    stream_free(exchange->reply.stream);
    reply_done(&exchange->reply);
    free(exchange->body);
    arena_free(exchange->request.arena);
    free(exchange);
}

bool exchange_take_body(struct exchange *exchange, const char *data, size_t size)
{
    struct request *request = &exchange->request;

    exchange->body_seen += size;
    if (exchange->body_seen > PARSE_SIZE) {
        request->body_too_large = true;
        return exchange->body_seen <= BODY_DROPPED_MAX;
    }
    if (exchange->body_seen > exchange->body_room) {
        exchange->body_room = 2 * exchange->body_seen;
        exchange->body = xrealloc(exchange->body, exchange->body_room);
    }
    memcpy(exchange->body + request->body_size, data, size);
    request->body_size += size;
    request->body = exchange->body;
    return true;
}
