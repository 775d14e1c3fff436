/* storage/metric_rows.c: see metric_rows.h. */
#include "storage/metric_rows.h"

#include "storage/stmt.h"

bool store_metric_add(struct store *store, int64_t job, const struct metric_row *point, struct err *err)
{
    return store_run(store, SQL_METRIC_ADD, err, "iiiiiirs", job, point->id, point->attempt, point->step, point->epoch,
                     point->time_ms, point->value, point->name);
}

static bool read_points(struct query *query, struct arena *arena, struct metric_row **rows, size_t *count,
                        struct err *err)
{
    struct metric_row *list = NULL;
    size_t used = 0;

    while (query_next(query)) {
        list = rows_grow(arena, list, used, sizeof *list);
        list[used++] = (struct metric_row){.id = query_int(query, 0),
                                           .attempt = query_int(query, 1),
                                           .step = query_int(query, 2),
                                           .epoch = query_int(query, 3),
                                           .time_ms = query_int(query, 4),
                                           .value = query_real(query, 5),
                                           .name = query_text(query, 6, arena)};
    }
    if (!query_close(query, err))
        return false;
    *rows = list;
    *count = used;
    return true;
}

bool store_metrics_last(struct store *store, struct arena *arena, int64_t job, struct metric_row **rows, size_t *count,
                        struct err *err)
{
    struct query query;

    query_open(&query, store, SQL_METRICS_LAST, "i", job);
    return read_points(&query, arena, rows, count, err);
}

bool store_metrics_after(struct store *store, struct arena *arena, int64_t job, const char *name, int64_t after,
                         struct metric_row **rows, size_t *count, struct err *err)
{
    struct query query;

    query_open(&query, store, SQL_METRICS_AFTER, "isi", job, name, after);
    return read_points(&query, arena, rows, count, err);
}
