/* storage/job_rows.c: see job_rows.h. */
#include "storage/job_rows.h"

#include "base/clock.h"
#include "storage/event_rows.h"
#include "storage/stmt.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

static const int64_t wiped_at_a_time = 2000; /* rows of a table: some milliseconds */

/* Adds an event of the daemon's own; takes data. */
static bool tell(struct store *store, int64_t job, int64_t attempt, enum event_type type, json_t *data, struct err *err)
{
    char *text = json_dumps(data, JSON_COMPACT);
    struct event_row event = {.job = job, .attempt = attempt, .time_ms = clock_wall_ms(), .type = type, .data = text};
    int64_t id;
    bool ok = store_event_add(store, &event, &id, err);

    free(text);
    json_decref(data);
    return ok;
}

static bool tell_state(struct store *store, int64_t job, enum job_state state, enum job_cause cause, const char *detail,
                       struct err *err)
{
    struct query query;
    int64_t attempt = 0;

    query_open(&query, store, SQL_ATTEMPT_READ, "i", job);
    if (query_next(&query))
        attempt = query_int(&query, 0);
    if (!query_close(&query, err))
        return false;
    return tell(store, job, attempt, EVENT_STATE,
                json_pack("{s:s, s:s?, s:s?}", "state", job_state_name(state), "cause",
                          cause ? job_cause_name(cause) : NULL, "detail", detail),
                err);
}

static bool tell_warnings(struct store *store, int64_t job, const struct job_new *new, struct err *err)
{
    for (size_t i = 0; i < new->warning_count; i++) {
        const struct job_warning *warning = &new->warnings[i];
        json_t *data = json_pack("{s:s, s:s*, s:s*}", "detail", warning->detail, "pointer", warning->pointer, "file",
                                 warning->file);

        if (warning->count)
            json_object_set_new(data, "count", json_integer(warning->count));
        if (!tell(store, job, 0, EVENT_WARNING, data, err))
            return false;
    }
    return true;
}

bool store_job_add(struct store *store, const struct job_new *job, int64_t *id, struct err *err)
{
    int64_t added;

    if (!store_begin(store, err))
        return false;
    if (!store_run(store, SQL_JOB_ADD, err, "isssiii", (int64_t)JOB_QUEUED, *job->name ? job->name : NULL, job->user,
                   job->spec, (int64_t)job->device_type, job->priority, clock_wall_ms()))
        goto fail;
    added = store_last_id(store);
    if (!tell_state(store, added, JOB_QUEUED, CAUSE_NONE, NULL, err) || !tell_warnings(store, added, job, err) ||
        !store_commit(store, err))
        goto fail;
    *id = added;
    return true;
fail:
    store_rollback(store);
    return false;
}

/* Seconds left at the pace since the first step, evaluations and checkpoints included. */
static double eta_s(int64_t steps, int64_t step, int64_t first_step, int64_t first_ms, int64_t last_ms)
{
    if (step <= first_step || last_ms <= first_ms || steps < step)
        return NAN;
    return (double)(steps - step) * (double)(last_ms - first_ms) / (double)(step - first_step) / 1000;
}

static const char *text_or_null(const char *text)
{
    return text && *text ? text : NULL;
}

/* The columns stand in JOB_COLUMNS of stmt.c. */
static void job_from_query(struct job_row *row, const struct query *query, struct arena *arena)
{
    *row = (struct job_row){
        .id = query_int(query, 0),
        .attempt = query_int(query, 1),
        .priority = query_int(query, 2),
        .state = (enum job_state)query_int(query, 3),
        .cause = (enum job_cause)query_int(query, 4),
        .device_type = (enum device_type)query_int(query, 5),
        .name = query_text(query, 6, arena),
        .detail = query_text(query, 7, arena),
        .user = query_text(query, 8, arena),
        .made_ms = query_int(query, 9),
        .started_ms = query_int(query, 10),
        .ended_ms = query_int(query, 11),
        .device = {.uuid = text_or_null(query_text(query, 12, arena)),
                   .name = query_text(query, 13, arena),
                   .libtorch = query_text(query, 14, arena)},
        .progress = {.known = query_int(query, 16) > 0,
                     .epochs = query_int(query, 15),
                     .steps = query_int(query, 16),
                     .epoch = query_int(query, 17),
                     .step = query_int(query, 18),
                     .images_per_s = query_real(query, 22),
                     .eta_s = eta_s(query_int(query, 16), query_int(query, 18), query_int(query, 19),
                                    query_int(query, 20), query_int(query, 21))},
        .best = {.known = query_int(query, 24) > 0, .value = query_real(query, 23), .epoch = query_int(query, 24)},
    };
    row->device.type = row->device_type;
}

bool store_job_read(struct store *store, struct arena *arena, int64_t id, struct job_row *row, struct err *err)
{
    struct query query;
    bool found;

    query_open(&query, store, SQL_JOB_READ, "i", id);
    found = query_next(&query);
    if (found) {
        job_from_query(row, &query, arena);
        row->spec = query_text(&query, 25, arena);
    }
    if (!query_close(&query, err))
        return false;
    if (found && row->state == JOB_NONE)
        return err_set(err, ERR_GONE, "job %" PRId64 " was deleted", id);
    return found || err_set(err, ERR_NOT_FOUND, "there is no job %" PRId64, id);
}

bool store_job_list(struct store *store, struct arena *arena, const struct job_filter *filter, struct job_row **rows,
                    size_t *count, struct err *err)
{
    int64_t before = filter->before ? filter->before : INT64_MAX;
    int64_t states = filter->states ? filter->states : ~INT64_C(0);
    struct job_row *list = NULL;
    size_t used = 0;
    struct query query;

    if (filter->user)
        query_open(&query, store, SQL_JOB_LIST_OF_USER, "iiis", before, states, filter->limit, filter->user);
    else
        query_open(&query, store, SQL_JOB_LIST, "iii", before, states, filter->limit);
    while (query_next(&query)) {
        list = rows_grow(arena, list, used, sizeof *list);
        job_from_query(&list[used++], &query, arena);
    }
    if (!query_close(&query, err))
        return false;
    *rows = list;
    *count = used;
    return true;
}

static bool move_row(struct store *store, int64_t id, enum job_state from, enum job_state to, enum job_cause cause,
                     const char *detail, struct err *err)
{
    int64_t now = clock_wall_ms();
    bool starts = to == JOB_STARTING, is_back = to == JOB_QUEUED;

    if (!store_run(store, SQL_JOB_MOVE, err, "iiiisiii", id, (int64_t)from, (int64_t)to, (int64_t)cause, detail,
                   (int64_t)(starts || is_back), starts ? now : INT64_C(0), job_state_is_final(to) ? now : INT64_C(0)))
        return false;
    if (store_changes(store) != 1)
        return err_set(err, ERR_CONFLICT, "job %" PRId64 " is not %s", id, job_state_name(from));
    return tell_state(store, id, to, cause, detail, err);
}

bool store_job_move(struct store *store, int64_t id, enum job_state from, enum job_state to, enum job_cause cause,
                    const char *detail, struct err *err)
{
    if (!store_begin(store, err))
        return false;
    if (move_row(store, id, from, to, cause, detail, err) && store_commit(store, err))
        return true;
    store_rollback(store);
    return false;
}

bool store_job_delete(struct store *store, int64_t id, struct err *err)
{
    if (!store_begin(store, err))
        return false;
    if (store_run(store, SQL_JOB_DELETE, err, "i", id) && tell(store, id, 0, EVENT_DELETED, json_object(), err) &&
        store_commit(store, err))
        return true;
    store_rollback(store);
    return false;
}

static bool find_deleted(struct store *store, int64_t *id, struct err *err)
{
    struct query query;

    *id = 0;
    query_open(&query, store, SQL_WIPE_NEXT, "");
    if (query_next(&query))
        *id = query_int(&query, 0);
    return query_close(&query, err);
}

static bool wipe(struct store *store, int64_t id, struct err *err)
{
    return store_run(store, SQL_WIPE_BLOCKS, err, "i", id) &&
           store_run(store, SQL_WIPE_METRICS, err, "ii", id, wiped_at_a_time) &&
           store_run(store, SQL_WIPE_EVENTS, err, "ii", id, wiped_at_a_time) &&
           store_run(store, SQL_WIPE_ATTEMPTS, err, "i", id);
}

bool store_wipe_some(struct store *store, bool *more, struct err *err)
{
    int64_t id;

    if (!find_deleted(store, &id, err))
        return false;
    *more = id != 0;
    if (!id)
        return true;
    if (!store_begin(store, err))
        return false;
    if (wipe(store, id, err) && store_commit(store, err))
        return true;
    store_rollback(store);
    return false;
}

bool store_queue_next(struct store *store, struct arena *arena, enum device_type device, const struct job_row *after,
                      struct job_row *next, struct err *err)
{
    struct job_row found = {0};
    struct query query;

    query_open(&query, store, SQL_QUEUE_NEXT, "iiii", (int64_t)JOB_QUEUED, (int64_t)device,
               after ? after->priority : INT64_MAX, after ? after->id : INT64_C(0));
    if (query_next(&query))
        found = (struct job_row){
            .id = query_int(&query, 0), .priority = query_int(&query, 1), .spec = query_text(&query, 2, arena)};
    if (!query_close(&query, err))
        return false;
    *next = found;
    return true;
}

bool store_queue_order(struct store *store, struct arena *arena, struct queue_place **places, size_t *count,
                       struct err *err)
{
    struct queue_place *list = NULL;
    size_t used = 0;
    struct query query;

    query_open(&query, store, SQL_QUEUE_ORDER, "i", (int64_t)JOB_QUEUED);
    while (query_next(&query)) {
        list = rows_grow(arena, list, used, sizeof *list);
        list[used++] = (struct queue_place){.id = query_int(&query, 0), .ahead = query_int(&query, 1)};
    }
    if (!query_close(&query, err))
        return false;
    *places = list;
    *count = used;
    return true;
}
