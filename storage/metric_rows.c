/* storage/metric_rows.c: see metric_rows.h. */
#include "storage/metric_rows.h"

#include "storage/stmt.h"

#include <math.h>

bool store_metric_add(struct store *store, int64_t job, const struct metric_row *point, struct err *err)
{
    return store_run(store, SQL_METRIC_ADD, err, "iiiiiirs", job, point->id, point->attempt, point->step, point->epoch,
                     point->time_ms, point->value, point->name);
}

static struct metric_row read_point(const struct query *query, struct arena *arena)
{
    struct metric_row row = {.id = query_int(query, 0),
                             .attempt = query_int(query, 1),
                             .step = query_int(query, 2),
                             .epoch = query_int(query, 3),
                             .time_ms = query_int(query, 4),
                             .value = query_real(query, 5),
                             .name = query_text(query, 6, arena),
                             .points = 1,
                             .min = NAN,
                             .max = NAN};

    if (isfinite(row.value)) {
        row.finite = 1;
        row.sum = row.min = row.max = row.value;
    }
    return row;
}

static struct metric_row read_block(const struct query *query, struct arena *arena)
{
    struct metric_row row = read_point(query, arena);

    row.points = query_int(query, 7);
    row.finite = query_int(query, 8);
    row.sum = query_real(query, 9);
    row.min = query_real(query, 10);
    row.max = query_real(query, 11);
    if (row.finite > 0)
        row.value = row.sum / (double)row.finite;
    return row;
}

static bool read_rows(struct query *query, struct metric_row (*read)(const struct query *query, struct arena *arena),
                      struct arena *arena, struct metric_row **rows, size_t *count, struct err *err)
{
    struct metric_row *list = NULL;
    size_t used = 0;

    while (query_next(query)) {
        list = rows_grow(arena, list, used, sizeof *list);
        list[used++] = read(query, arena);
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
    return read_rows(&query, read_point, arena, rows, count, err);
}

bool store_metrics_between(struct store *store, struct arena *arena, int64_t job, const char *name, int64_t after,
                           int64_t last, struct metric_row **rows, size_t *count, struct err *err)
{
    struct query query;

    query_open(&query, store, SQL_METRICS_BETWEEN, "isii", job, name, after, last);
    return read_rows(&query, read_point, arena, rows, count, err);
}

bool store_metric_blocks(struct store *store, struct arena *arena, int64_t job, const char *name, int64_t size,
                         struct metric_place first, struct metric_place last, struct metric_row **rows, size_t *count,
                         struct err *err)
{
    struct query query;

    query_open(&query, store, SQL_METRIC_BLOCKS, "isiiiii", job, name, size, first.attempt, first.step, last.attempt,
               last.step);
    return read_rows(&query, read_block, arena, rows, count, err);
}
