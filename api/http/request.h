/* api/http/request.h: an HTTP request as handlers see it.  Everything it points to lives in its arena. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

struct request_pair {
    const char *key, *value;
};

struct request {
    struct arena *arena;
    const char *id; /* for people who compare a reply with the log */
    const char *method, *path;
    const char *host, *origin, *content_type, *accept_encoding, *if_none_match; /* NULL: not sent */
    const char *last_event_id, *idempotency_key, *accept, *range, *if_range;
    bool is_local; /* came over a UNIX socket, from uid */
    uid_t uid;
    const struct request_pair *query; /* decoded; a key may be there several times */
    size_t query_count;
    const char *body;
    size_t body_size;
    bool body_too_large; /* its body was not kept */

    /* from the path, by the route's {id} and {name} */
    int64_t job;
    const char *name;
};

/* The value of a query parameter, the first of several, or NULL. */
const char *request_query(const struct request *request, const char *key);

/* Reads a query parameter that is a whole number from min to max; fallback when it is not there.  ERR_BAD_QUERY. */
MUST_CHECK bool request_int(const struct request *request, const char *key, int64_t min, int64_t max, int64_t fallback,
                            int64_t *value, struct err *err);

/* Whether its Accept-Encoding has gzip. */
bool request_takes_gzip(const struct request *request);

/* The account that sent the request, NULL over TCP. */
const char *request_user(const struct request *request);

/* The name of an account; its number where it has none. */
const char *request_account(struct arena *arena, uid_t uid);

/* Checks Host and Origin, so that no page of another site reaches the API through a browser of this machine: Host is
 * localhost, 127.0.0.1 or [::1] with any port (or, over a UNIX socket, absent), Origin absent or the same.
 * ERR_FORBIDDEN. */
MUST_CHECK bool request_check_site(const struct request *request, struct err *err);

/* Reads the decimal digits of text as a number from 0 up.  False if text is anything else. */
bool request_digits(const char *text, int64_t *value);
