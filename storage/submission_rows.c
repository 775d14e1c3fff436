/* storage/submission_rows.c: see submission_rows.h. */
#include "storage/submission_rows.h"

#include "base/clock.h"
#include "storage/stmt.h"

bool store_submissions_forget(struct store *store, int64_t before_ms, struct err *err)
{
    return store_run(store, SQL_SUBMISSIONS_FORGET, err, "i", before_ms);
}

bool store_submission_add(struct store *store, const struct submission_row *row, struct err *err)
{
    return store_run(store, SQL_SUBMISSION_ADD, err, "sssii", row->user, row->key, row->body, row->job,
                     clock_wall_ms());
}

bool store_submission_find(struct store *store, struct arena *arena, struct submission_row *row, struct err *err)
{
    const char *body = NULL;
    struct query query;
    int64_t job = 0;

    query_open(&query, store, SQL_SUBMISSION_FIND, "ss", row->user, row->key);
    if (query_next(&query)) {
        body = query_text(&query, 0, arena);
        job = query_int(&query, 1);
    }
    if (!query_close(&query, err))
        return false;
    row->body = body;
    row->job = job;
    return true;
}
