/* api/routes.c: every address of the API, and what is checked before a handler sees a request. */
#include "api/routes.h"

#include "base/log.h"
#include "spec/parse.h"

#include <string.h>
#include <strings.h>

// clang-format off
const struct route routes[] = {
    {"POST", "/v1/jobs", jobs_create, "validate", "", true,
     "Queues a training job: the body is its spec. 201, `Location` and the job; 422 names every fault of the spec at once. "
     "With `validate=true` nothing is queued: 200 and `{\"valid\": true, \"spec\", \"warnings\", \"dataset\": {\"train\": "
     "{\"images\", \"boxes\", …}, …, \"classes\", \"pixels\": \"not decoded\"}}`, once a process has read all annotations and "
     "every image's header; what it refuses is a 422 at `/dataset_dir`, and 503 means that it was not read within a minute. "
     "An image that is cut short behind its header is found by `detrd-worker check` or in training. "
     "The header `Idempotency-Key` makes a request that is sent again within 24 h answer with the job of the first; the same "
     "key with another body is 422."},
    {"GET",  "/v1/jobs", jobs_list, "state user limit cursor", "label q", false,
     "Jobs without their spec, newest first: `{\"jobs\": […], \"next_cursor\": … or null}`. `state` takes several, with "
     "commas; `limit` is 50, at most 500; `cursor` is the `next_cursor` of the page before."},
    {"GET",  "/v1/jobs/{id}", jobs_show, "", "", false, "One job, with its effective spec and `disk_bytes`, what its folder takes on disk."},
    {"DELETE", "/v1/jobs/{id}", jobs_delete_one, "", "", false,
     "Removes a job that has ended, with its folder: 204, and 410 afterwards. 409 while it has not ended."},
    {"POST", "/v1/jobs/{id}/cancel", jobs_cancel_one, "", "", false,
     "Asks a job to end, with a checkpoint when it runs. 202 and the job; 200 when it has been cancelled already; 409 when it "
     "ended otherwise."},
    {"GET",  "/v1/jobs/{id}/metrics", metrics_show, "name after points x from to", "", false,
     "The newest value of every series: `{\"metrics\": {\"train/loss\": {\"value\", \"step\", \"epoch\", \"time\"}}}`. With "
     "`name`, which may be repeated, the points of those series: `{\"x\": [{\"step\": [], \"epoch\": [], \"time_ms\": [], "
     "\"attempt\": []}], \"series\": [{\"name\", \"definition\", \"x\": 0, \"value\": []}], \"last_id\"}`, where `x` of a series "
     "is an index; `after` takes the `last_id` of the reply before and leaves out what that had. A value that is not finite "
     "is `\"nan\"`, `\"inf\"` or `\"-inf\"`. `x` (`step`, `epoch`, `time` in ms), `from` and `to` choose a part; `points=1000` cuts "
     "it into that many buckets: `value` is then a bucket's mean, at its last point, with `min` and `max` beside it (null where "
     "no value was finite), and a series with no more points than that keeps them; where a part has more than 8,192 points, buckets "
     "begin at multiples of 8 to 4,096 steps. `Accept: text/csv` gives a line for each "
     "point: name, attempt, step, epoch, time_ms, value and, with `points`, min and max."},
    {"GET",  "/v1/jobs/{id}/events", events_of_job, "after", "", false,
     "What happens to a job, as server-sent events, from its first on. `id:` is the event's id, `event:` its type, `data:` what "
     "the worker said with `job` and `attempt` added; of a `state` it is `{\"job\", \"attempt\", \"state\", \"cause\", "
     "\"detail\", \"reason\"}`. The header `Last-Event-ID`, or `after`, goes on behind that id without gap or repeat. `ping` "
     "comes every 15 s, without an id. A position that never was is answered by `reset`, `{\"after\"}`, which says behind which "
     "id it goes on. The stream ends once the final state is sent."},
    {"GET",  "/v1/events", events_of_topics, "topics after", "", false,
     "The same for several things in one stream. `topics` takes, with commas, `jobs` (the `state` and `deleted` events of all "
     "jobs), `job.17` (all events of one, and `log`, `{\"job\", \"attempt\", \"size_bytes\"}`, when its output grows) and "
     "`gpus` (`gpu`, a card as `/v1/gpus` shows it, when it changes); the last two have no id. Without a position it starts at "
     "what is new."},
    {"GET",  "/v1/jobs/{id}/log", log_show, "tail", "", false,
     "The worker's output as text, with `tail` its last lines; empty before it starts."},
    {"GET",  "/v1/jobs/{id}/amp", amp_show, "", "", false,
     "The precision policy and what really ran at each point of the model, in train and in eval, with the verdict: "
     "`{\"policy\": {…}, \"libtorch\", \"device\", \"train\": [{\"point\", \"device\", \"dtype\", \"depth\"}], \"eval\": […], \"equal\", "
     "\"as_policy\", \"first_difference\": null or {\"point\", \"pass\", \"policy\", \"ran\"}}`. Before the first evaluation `eval` is "
     "empty and `equal` null; before the first step it is 404."},
    {"GET",  "/v1/jobs/{id}/checkpoints", checkpoints_list, "", "", false, "The checkpoints of a job: `{\"checkpoints\": [{\"name\", \"kind\": \"last\" or \"best\", \"epoch\", \"step\", \"sha256\", \"bytes\", "
     "\"metrics\", \"made\"}]}`."},
    {"GET",  "/v1/jobs/{id}/checkpoints/{name}", checkpoint_send, "", "", false,
     "A checkpoint's file. `Range` gives a part (206; 416 beyond its end), `If-Range` with its `ETag` only while it is the same."},
    {"GET",  "/v1/schemas/job", schema_show, "", "", false, "The JSON Schema of the job spec, printed from the table below."},
    {"GET",  "/v1/gpus", gpus_show, "", "", false, "The GPUs, from NVML, and the CPU slots, with the jobs on them: `{\"gpus\": [{\"uuid\", \"index\", \"name\", "
     "\"compute_capability\", \"memory_total_bytes\", \"memory_used_bytes\", \"utilization_ratio\", \"job\"}], \"cpu\": {\"slots\", "
     "\"jobs\": []}}`. What NVML does not tell is null, and so is `job` of a free card; without NVML there are none."},
    {"GET",  "/healthz", health_show, "", "", false, "`{\"status\": \"ok\", \"version\": …}`, without touching the database."},
    {NULL, NULL, NULL, NULL, NULL, false, NULL},
};
// clang-format on

/* Whether word is one of the words in list. */
static bool is_word_of(const char *word, const char *list)
{
    size_t size = strlen(word);

    for (const char *at = list; size > 0 && (at = strstr(at, word)); at++)
        if ((at == list || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0'))
            return true;
    return false;
}

static const char *segment_end(const char *text)
{
    return text + strcspn(text, "/");
}

/* Matches path with a route's; the job id and the name go into request. */
static bool matches(const char *pattern, const char *path, struct request *request)
{
    while (*pattern && *path) {
        const char *end = segment_end(path);
        size_t size = (size_t)(end - path);

        if (pattern[0] == '/' && path[0] == '/') {
            pattern++, path++;
            continue;
        }
        if (strncmp(pattern, "{id}", 4) == 0) {
            if (!request_digits(arena_printf(request->arena, "%.*s", (int)size, path), &request->job))
                return false;
        } else if (strncmp(pattern, "{name}", 6) == 0) {
            request->name = arena_printf(request->arena, "%.*s", (int)size, path);
        } else if ((size_t)(segment_end(pattern) - pattern) != size || strncmp(pattern, path, size) != 0) {
            return false;
        }
        pattern = segment_end(pattern);
        path = end;
    }
    return *pattern == *path; /* both at their end */
}

static bool is_get(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* Finds the route of request.  ERR_NOT_FOUND, or ERR_METHOD with reply's allow filled. */
static const struct route *find(struct request *request, struct reply *reply, struct err *err)
{
    const char *allow = "";

    for (const struct route *route = routes; route->path; route++) {
        if (!matches(route->path, request->path, request))
            continue;
        if (strcmp(route->method, request->method) == 0 || (is_get(request->method) && is_get(route->method)))
            return route;
        allow = arena_printf(request->arena, "%s%s%s", allow, *allow ? ", " : "",
                             is_get(route->method) ? "GET, HEAD" : route->method);
    }
    if (!*allow) {
        (void)err_set(err, ERR_NOT_FOUND, "there is no address %.200s; docs/api.md lists them", request->path);
        return NULL;
    }
    reply->allow = allow;
    (void)err_set(err, ERR_METHOD, "%.20s is not a method of %.200s; it has %s", request->method, request->path, allow);
    return NULL;
}

static bool check_query(const struct route *route, const struct request *request, struct err *err)
{
    for (size_t i = 0; i < request->query_count; i++) {
        const char *key = request->query[i].key;

        if (is_word_of(key, route->later))
            return err_set(err, ERR_BAD_QUERY, "the parameter '%s' comes later; this version does not have it", key);
        if (!is_word_of(key, route->query))
            return err_set(err, ERR_BAD_QUERY, "unknown parameter '%.100s'; %s has %s", key, route->path,
                           *route->query ? route->query : "none");
        if (request_query(request, key) != request->query[i].value && strcmp(key, "name") != 0)
            return err_set(err, ERR_BAD_QUERY, "the parameter '%s' is given twice", key);
    }
    return true;
}

/* Whether a Content-Type is JSON, with or without parameters. */
static bool is_json(const char *type)
{
    static const char json[] = "application/json";

    if (!type || strncasecmp(type, json, sizeof json - 1) != 0)
        return false;
    type += sizeof json - 1;
    return *type == '\0' || *type == ';' || *type == ' ';
}

static bool check_body(const struct route *route, const struct request *request, struct err *err)
{
    if (request->body_too_large)
        return err_set(err, ERR_TOO_LARGE, "a body may have %d bytes at most", PARSE_SIZE);
    if (request->body_size == 0)
        return true;
    if (!is_json(request->content_type))
        return err_set(err, ERR_MEDIA_TYPE,
                       "the body must come as application/json, here as %.100s; with curl say --json @job.json, or "
                       "-H 'Content-Type: application/json'",
                       request->content_type ? request->content_type : "nothing");
    return route->takes_body || err_set(err, ERR_BAD_SPEC, "%s takes no body", route->path);
}

static bool answer_api(const struct app *app, struct request *request, struct reply *reply, struct err *err)
{
    const struct route *route = find(request, reply, err);

    return route && check_query(route, request, err) && check_body(route, request, err) &&
           route->handle(app, request, reply, err);
}

static bool is_api(const char *path)
{
    return strcmp(path, "/healthz") == 0 || strcmp(path, "/v1") == 0 || strncmp(path, "/v1/", 4) == 0;
}

static bool answer_page(const struct app *app, struct request *request, struct reply *reply, struct err *err)
{
    if (is_get(request->method))
        return page_show(app, request, reply, err);
    reply->allow = "GET, HEAD";
    return err_set(err, ERR_METHOD, "%.20s is not a method of %.200s; it has GET, HEAD", request->method,
                   request->path);
}

void routes_answer(const struct app *app, struct request *request, struct reply *reply)
{
    struct err err = {0};

    *reply = reply_empty();
    if (!request_check_site(request, &err) ||
        !(is_api(request->path) ? answer_api : answer_page)(app, request, reply, &err))
        reply_problem(reply, request, &err);
    if (reply->status >= 500)
        log_err("request failed id=%s method=%s path='%s' status=%u: %s", request->id, request->method, request->path,
                reply->status, err.msg);
    else if (!is_get(request->method) && !reply->awaits_devices)
        log_info("request id=%s method=%s path='%s' status=%u", request->id, request->method, request->path,
                 reply->status);
}
