/* api/http/reply.c: see reply.h. */
#include "api/http/reply.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is not here is a worker's. */
// clang-format off
static const struct problem problems[ERR_COUNT] = {
    [ERR_NOT_JSON]    = {400, "not_json",    "The body is not one JSON value"},
    [ERR_BAD_SPEC]    = {422, "bad_spec",    "The job spec has faults"},
    [ERR_BAD_QUERY]   = {400, "bad_query",   "The query has faults"},
    [ERR_NOT_FOUND]   = {404, "not_found",   "There is no such thing"},
    [ERR_METHOD]      = {405, "method",      "The address does not have this method"},
    [ERR_MEDIA_TYPE]  = {415, "media_type",  "The body is not said to be JSON"},
    [ERR_TOO_LARGE]   = {413, "too_large",   "The body is too large"},
    [ERR_CONFLICT]    = {409, "conflict",    "The job's state does not allow this"},
    [ERR_FORBIDDEN]   = {403, "forbidden",   "This may not be done"},
    [ERR_GONE]        = {410, "gone",        "It was deleted"},
    [ERR_UNAVAILABLE] = {503, "unavailable", "This cannot be done now"},
    [ERR_DISK_FULL]   = {503, "unavailable", "The disk is full"},
    [ERR_INTERNAL]    = {500, "internal",    "detrd could not do this"},
};
// clang-format on

bool reply_problem_of(enum err_code code, struct problem *problem)
{
    bool is_known = problems[code].word != NULL;

    *problem = problems[is_known ? code : ERR_INTERNAL];
    return is_known;
}

struct reply reply_empty(void)
{
    return (struct reply){.status = 200, .fd = -1};
}

void reply_done(struct reply *reply)
{
    json_decref(reply->json);
    json_decref(reply->faults);
    if (reply->fd >= 0)
        (void)close(reply->fd);
    *reply = reply_empty();
}

bool reply_json(struct reply *reply, json_t *json)
{
    reply->json = json;
    reply->content_type = "application/json";
    return true;
}

json_t *reply_text(const char *text)
{
    json_t *json = json_string(text);
    char *copy;

    if (json)
        return json;
    copy = xstrdup(text);
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    json = json_string(copy);
    free(copy);
    return json;
}

json_t *reply_time(int64_t wall_ms)
{
    char text[CLOCK_TEXT_SIZE];

    return wall_ms ? json_string(clock_text(wall_ms, text)) : json_null();
}

json_t *reply_number(double value)
{
    if (isnan(value))
        return json_string("nan");
    if (isinf(value))
        return json_string(value > 0 ? "inf" : "-inf");
    return json_real(value);
}

json_t *reply_known(double value)
{
    return isnan(value) ? json_null() : reply_number(value);
}

static json_t *errors_of(struct reply *reply, const struct err *err)
{
    json_t *errors = reply->faults;

    reply->faults = NULL;
    if (json_array_size(errors) == 0) {
        json_decref(errors);
        errors = NULL;
    }
    if (!errors && err->where[0])
        errors = json_pack("[{soso}]", "pointer", reply_text(err->where), "detail", reply_text(err->msg));
    return errors;
}

void reply_problem(struct reply *reply, const struct request *request, const struct err *err)
{
    const char *allow = reply->allow;
    json_t *errors = errors_of(reply, err), *json;
    struct problem problem;
    char type[64];

    (void)reply_problem_of(err->code, &problem);
    reply_done(reply);
    (void)snprintf(type, sizeof type, "urn:detrd:%s", problem.word);
    json = json_pack("{sssssisoss}", "type", type, "title", problem.title, "status", (int)problem.status, "detail",
                     reply_text(err->msg), "request_id", request->id);
    if (errors)
        (void)json_object_set_new(json, "errors", errors);
    (void)reply_json(reply, json);
    reply->content_type = "application/problem+json";
    reply->status = problem.status;
    reply->allow = allow;
}
