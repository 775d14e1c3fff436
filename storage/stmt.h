/* storage/stmt.h: the prepared statements, for the modules of storage/ only. */
#pragma once
#include "base/arena.h"
#include "storage/store.h"

#include <sqlite3.h>

enum sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_JOB_ADD,
    SQL_JOB_READ,
    SQL_JOB_LIST,
    SQL_JOB_LIST_OF_USER,
    SQL_JOB_MOVE,
    SQL_JOB_DELETE,
    SQL_WIPE_NEXT,
    SQL_WIPE_BLOCKS,
    SQL_WIPE_METRICS,
    SQL_WIPE_EVENTS,
    SQL_WIPE_ATTEMPTS,
    SQL_QUEUE_NEXT,
    SQL_QUEUE_ORDER,
    SQL_ATTEMPT_ADD,
    SQL_ATTEMPT_READ,
    SQL_ATTEMPT_SAVE,
    SQL_ATTEMPT_REMOVE,
    SQL_EVENT_ADD,
    SQL_EVENTS_OF,
    SQL_EVENT_LAST,
    SQL_EVENT_NEXT_OF_JOB,
    SQL_EVENT_NEXT_OF_JOBS,
    SQL_EVENTS_BETWEEN,
    SQL_EVENT_NEWEST,
    SQL_EVENT_NEWEST_OF_JOBS,
    SQL_CHECKPOINTS,
    SQL_METRIC_ADD,
    SQL_METRICS_LAST,
    SQL_METRICS_BETWEEN,
    SQL_METRIC_BLOCKS,
    SQL_SUBMISSION_ADD,
    SQL_SUBMISSION_FIND,
    SQL_SUBMISSIONS_FORGET,
    SQL_COUNT
};

struct store {
    sqlite3 *db;
    int lock; /* of state_dir, held as long as the store is open */
    sqlite3_stmt *stmts[SQL_COUNT];
};

/* Prepares every statement, so that a typo fails when the store is opened. */
MUST_CHECK bool stmt_prepare_all(struct store *store, struct err *err);
void stmt_finalize_all(struct store *store);

/* Fills err with SQLite's words and returns false. */
bool stmt_fail(const struct store *store, const char *what, struct err *err);

/* Runs a statement that returns no rows.  types names the arguments ?1, ?2, ... : 'i' int64_t, 'r' double (NAN is
 * NULL), 's' const char * (NULL is NULL). */
MUST_CHECK bool store_run(struct store *store, enum sql sql, struct err *err, const char *types, ...);

/* Rows changed or the id added by the last store_run. */
int64_t store_changes(const struct store *store);
int64_t store_last_id(const struct store *store);

/* Reading: query_open, then query_next until it is false, then query_close, which says whether all went well. */
struct query {
    struct store *store;
    sqlite3_stmt *stmt;
    int rc;
};

void query_open(struct query *query, struct store *store, enum sql sql, const char *types, ...);
bool query_next(struct query *query);
MUST_CHECK bool query_close(struct query *query, struct err *err);

int64_t query_int(const struct query *query, int column);                           /* NULL is 0 */
double query_real(const struct query *query, int column);                           /* NULL is NAN */
const char *query_text(const struct query *query, int column, struct arena *arena); /* NULL is NULL */

/* Room for one more row behind count rows of that size; the rows may move. */
void *rows_grow(struct arena *arena, void *rows, size_t count, size_t size);
