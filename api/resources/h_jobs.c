/* api/resources/h_jobs.c: jobs: list, one, cancel, delete.  How one is submitted: h_submit.c. */
#include "api/resources/handlers.h"
#include "api/resources/job_view.h"

#include <inttypes.h>
#include <string.h>

enum { LIST_LIMIT = 50, LIST_LIMIT_MAX = 500 };

/* Reads "running,queued" into the bits of a filter. */
static bool read_states(const struct request *request, unsigned *states, struct err *err)
{
    const char *text = request_query(request, "state");

    for (*states = 0; text; text = strchr(text, ',') ? strchr(text, ',') + 1 : NULL) {
        const char *name = arena_printf(request->arena, "%.*s", (int)strcspn(text, ","), text);
        enum job_state state = job_state_find(name);

        if (state == JOB_NONE)
            return err_set(err, ERR_BAD_QUERY,
                           "'%.50s' is not a state; state takes queued, starting, running, stopping, done, failed and "
                           "cancelled, several with commas",
                           name);
        *states |= 1U << state;
    }
    return true;
}

static bool read_filter(const struct request *request, struct job_filter *filter, struct err *err)
{
    *filter = (struct job_filter){.user = request_query(request, "user")};
    if (!read_states(request, &filter->states, err) ||
        !request_int(request, "limit", 1, LIST_LIMIT_MAX, LIST_LIMIT, &filter->limit, err))
        return false;
    if (!request_int(request, "cursor", 1, INT64_MAX, 0, &filter->before, err))
        return err_set(err, ERR_BAD_QUERY, "cursor must be the next_cursor of an earlier reply");
    return true;
}

bool jobs_list(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    json_t *jobs = json_array(), *cursor;
    struct job_filter filter;
    struct job_row *rows;
    size_t count;
    int64_t limit;

    if (!read_filter(request, &filter, err))
        goto failed;
    limit = filter.limit++; /* one more tells whether there is another page */
    if (!store_job_list(app->store, request->arena, &filter, &rows, &count, err))
        goto failed;
    for (size_t i = 0; i < count && i < (size_t)limit; i++) {
        json_t *job = job_view(app, request, &rows[i], err);

        if (!job)
            goto failed;
        (void)json_array_append_new(jobs, job);
    }
    cursor =
        count > (size_t)limit ? json_string(arena_printf(request->arena, "%" PRId64, rows[limit - 1].id)) : json_null();
    return reply_json(reply, json_pack("{soso}", "jobs", jobs, "next_cursor", cursor));
failed:
    json_decref(jobs);
    return false;
}

bool jobs_show(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    return job_view_reply(app, request, request->job, reply, err);
}

bool jobs_cancel_one(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    bool ended;

    if (!jobs_cancel(app->jobs, request->job, &ended, err))
        return false;
    reply->status = ended ? 200 : 202;
    return job_view_reply(app, request, request->job, reply, err);
}

bool jobs_delete_one(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    if (!jobs_delete(app->jobs, request->job, err))
        return false;
    reply->status = 204;
    return true;
}
