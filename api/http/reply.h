/* api/http/reply.h: an HTTP reply as handlers make it.  At most one of json, data, fd and stream is its body. */
#pragma once
#include "api/http/request.h"

#include <jansson.h>

struct stream;

struct reply {
    unsigned status;
    const char *content_type;
    const char *location, *allow, *etag, *encoding, *disposition, *cache_control, *content_range, *accept_ranges,
        *vary; /* headers; NULL: none */

    json_t *json; /* taken */
    const void *data;
    size_t size;           /* of data, or of what is sent from fd */
    int fd;                /* taken; -1: none */
    int64_t start;         /* where in fd */
    struct stream *stream; /* events are its body; who sends the reply frees it */

    bool awaits_devices; /* it cannot be said before it is known what the machine has; the request is answered again */
    const char *dataset; /* to be read before the reply is sent: validate_answer makes it whole; NULL: none */

    json_t *faults; /* of a job spec: for the problem's "errors"; taken */
};

struct problem {
    unsigned status;
    const char *word, *title; /* its type is urn:detrd:<word> */
};

/* The problem that an error is told as.  False for those that a request does not meet: they are told as internal. */
bool reply_problem_of(enum err_code code, struct problem *problem);

/* A reply with status 200 and no body. */
struct reply reply_empty(void);

/* Frees what reply has taken; a stream is for who sends the reply. */
void reply_done(struct reply *reply);

/* Makes the body json, which is taken. */
bool reply_json(struct reply *reply, json_t *json);

/* Makes reply the application/problem+json that says err, with the faults in it as its "errors". */
void reply_problem(struct reply *reply, const struct request *request, const struct err *err);

/* text as JSON; bytes that are not UTF-8 become '?'. */
json_t *reply_text(const char *text);

/* A time as JSON text in RFC 3339, null for 0. */
json_t *reply_time(int64_t wall_ms);

/* A number that may not be finite: JSON has no word for those, so they become "nan", "inf" and "-inf". */
json_t *reply_number(double value);

/* A number, or null where it is NAN: not known. */
json_t *reply_known(double value);
