/* storage/attempt_rows.c: see attempt_rows.h. */
#include "storage/attempt_rows.h"

#include "base/clock.h"
#include "storage/stmt.h"

#include <inttypes.h>
#include <math.h>

bool store_attempt_add(struct store *store, struct attempt_row *row, struct err *err)
{
    struct attempt_row added = {
        .job = row->job, .uuid = row->uuid, .started_ms = clock_wall_ms(), .images_per_s = NAN, .best = NAN};
    struct query query;

    query_open(&query, store, SQL_ATTEMPT_ADD, "isi", added.job, added.uuid, added.started_ms);
    if (query_next(&query))
        added.attempt = query_int(&query, 0);
    if (!query_close(&query, err))
        return false;
    *row = added;
    return true;
}

bool store_attempt_read(struct store *store, struct arena *arena, int64_t job, struct attempt_row *row, struct err *err)
{
    struct query query;
    bool found;

    query_open(&query, store, SQL_ATTEMPT_READ, "i", job);
    found = query_next(&query);
    if (found)
        *row = (struct attempt_row){
            .job = job,
            .attempt = query_int(&query, 0),
            .uuid = query_text(&query, 1, arena),
            .started_ms = query_int(&query, 2),
            .spool_offset = query_int(&query, 3),
            .last_seq = query_int(&query, 4),
            .has_hello = query_int(&query, 5) != 0,
            .device_name = query_text(&query, 6, arena),
            .libtorch = query_text(&query, 7, arena),
            .epochs = query_int(&query, 8),
            .steps = query_int(&query, 9),
            .first_step = query_int(&query, 10),
            .first_ms = query_int(&query, 11),
            .step = query_int(&query, 12),
            .epoch = query_int(&query, 13),
            .last_ms = query_int(&query, 14),
            .images_per_s = query_real(&query, 15),
            .best = query_real(&query, 16),
            .best_epoch = query_int(&query, 17),
            .bye = query_text(&query, 18, arena),
        };
    if (!query_close(&query, err))
        return false;
    return found || err_set(err, ERR_NOT_FOUND, "job %" PRId64 " was never started", job);
}

bool store_attempt_save(struct store *store, const struct attempt_row *row, struct err *err)
{
    return store_run(store, SQL_ATTEMPT_SAVE, err, "iiiiissiiiiiiirris", row->job, row->attempt, row->spool_offset,
                     row->last_seq, (int64_t)row->has_hello, row->device_name, row->libtorch, row->epochs, row->steps,
                     row->first_step, row->first_ms, row->step, row->epoch, row->last_ms, row->images_per_s, row->best,
                     row->best_epoch, row->bye);
}

bool store_attempt_remove(struct store *store, int64_t job, int64_t attempt, struct err *err)
{
    return store_run(store, SQL_ATTEMPT_REMOVE, err, "ii", job, attempt);
}
