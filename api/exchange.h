/* api/exchange.h: a request while it comes in and until its reply is sent. */
#pragma once
#include "api/http/reply.h"
#include "api/http/request.h"

#include <microhttpd.h>

struct server;
struct ask;

struct exchange {
    struct request request;
    struct reply reply;
    struct request_pair *query;
    char *body;
    size_t body_room, body_seen;
    bool answered;
    struct MHD_Connection *connection;
    /* the server's, while it waits for its data set or for what the machine has */
    struct server *server;
    struct ask *check;
    bool is_suspended;
    struct exchange *next, **link;
};

/* Returns an exchange with all of the request but its body.  is_local: it came over a UNIX socket. */
struct exchange *exchange_new(struct MHD_Connection *connection, bool is_local, const char *id, const char *url,
                              const char *method);

/* Frees exchange, which waits for nothing. */
void exchange_free(struct exchange *exchange);

/* Keeps a piece of the body.  False when so much came that the connection is better closed. */
bool exchange_take_body(struct exchange *exchange, const char *data, size_t size);
