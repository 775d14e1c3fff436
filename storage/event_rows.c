/* storage/event_rows.c: see event_rows.h. */
#include "storage/event_rows.h"

#include "storage/stmt.h"

bool store_event_add(struct store *store, const struct event_row *event, int64_t *id, struct err *err)
{
    if (!store_run(store, SQL_EVENT_ADD, err, "iiiiis", event->job, event->attempt, event->seq, event->time_ms,
                   (int64_t)event->type, event->data))
        return false;
    *id = store_changes(store) == 1 ? store_last_id(store) : 0;
    return true;
}

static void event_from_query(struct event_row *row, const struct query *query, struct arena *arena)
{
    *row = (struct event_row){.id = query_int(query, 0),
                              .job = query_int(query, 1),
                              .attempt = query_int(query, 2),
                              .seq = query_int(query, 3),
                              .time_ms = query_int(query, 4),
                              .type = (enum event_type)query_int(query, 5),
                              .data = query_text(query, 6, arena)};
}

static bool read_events(struct query *query, struct arena *arena, struct event_row **rows, size_t *count,
                        struct err *err)
{
    struct event_row *list = NULL;
    size_t used = 0;

    while (query_next(query)) {
        list = rows_grow(arena, list, used, sizeof *list);
        event_from_query(&list[used++], query, arena);
    }
    if (!query_close(query, err))
        return false;
    *rows = list;
    *count = used;
    return true;
}

bool store_events_of(struct store *store, struct arena *arena, int64_t job, enum event_type type,
                     struct event_row **rows, size_t *count, struct err *err)
{
    struct query query;

    query_open(&query, store, SQL_EVENTS_OF, "ii", job, (int64_t)type);
    return read_events(&query, arena, rows, count, err);
}

bool store_event_last(struct store *store, struct arena *arena, int64_t job, enum event_type type,
                      struct event_row *row, struct err *err)
{
    struct event_row last = {0};
    struct query query;

    query_open(&query, store, SQL_EVENT_LAST, "ii", job, (int64_t)type);
    if (query_next(&query))
        event_from_query(&last, &query, arena);
    if (!query_close(&query, err))
        return false;
    *row = last;
    return true;
}

bool store_event_next(struct store *store, struct arena *arena, int64_t job, int64_t after, struct event_row *row,
                      struct err *err)
{
    struct event_row next = {0};
    struct query query;

    if (job)
        query_open(&query, store, SQL_EVENT_NEXT_OF_JOB, "ii", job, after);
    else
        query_open(&query, store, SQL_EVENT_NEXT_OF_JOBS, "i", after);
    if (query_next(&query))
        event_from_query(&next, &query, arena);
    if (!query_close(&query, err))
        return false;
    *row = next;
    return true;
}

bool store_events_between(struct store *store, struct arena *arena, int64_t after, int64_t last,
                          struct event_row **rows, size_t *count, struct err *err)
{
    struct query query;

    query_open(&query, store, SQL_EVENTS_BETWEEN, "ii", after, last);
    return read_events(&query, arena, rows, count, err);
}

static bool read_newest(struct store *store, enum sql sql, int64_t *id, struct err *err)
{
    struct query query;
    int64_t newest = 0;

    query_open(&query, store, sql, "");
    if (query_next(&query))
        newest = query_int(&query, 0);
    if (!query_close(&query, err))
        return false;
    *id = newest;
    return true;
}

bool store_event_newest(struct store *store, int64_t *id, struct err *err)
{
    return read_newest(store, SQL_EVENT_NEWEST, id, err);
}

bool store_event_newest_of_jobs(struct store *store, int64_t *id, struct err *err)
{
    return read_newest(store, SQL_EVENT_NEWEST_OF_JOBS, id, err);
}

bool store_checkpoints(struct store *store, struct arena *arena, int64_t job, struct event_row **rows, size_t *count,
                       struct err *err)
{
    struct query query;

    query_open(&query, store, SQL_CHECKPOINTS, "ii", job, (int64_t)EVENT_CHECKPOINT);
    return read_events(&query, arena, rows, count, err);
}
