/* storage/stmt.c: all SQL there is, in one table.  Savepoints are transactions that nest. */
#include "storage/stmt.h"

#include "spec/job_state.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

/* A job with its newest attempt; the columns are read by job_from_query(). */
#define JOB_COLUMNS                                                                                                    \
    "j.id, a.attempt, j.priority, j.state, j.cause, j.device_type, j.name, j.detail, j.user, j.made_ms, j.started_ms," \
    " j.ended_ms, a.uuid, a.device_name, a.libtorch, a.epochs, a.steps, a.epoch, a.step, a.first_step, a.first_ms,"    \
    " a.last_ms, a.images_per_s, a.best, a.best_epoch"
#define NEWEST_ATTEMPT                                                                                                 \
    " LEFT JOIN attempt a ON a.job = j.id AND a.attempt = (SELECT max(attempt) FROM attempt WHERE job = j.id) "
/* The newest jobs with an id below ?1 and a state among the bits of ?2, ?3 at most.  State by state, so that each is a
 * walk along an index that ends after ?3 steps, however many jobs there are. */
#define NEWEST_OF_STATE(more, state)                                                                                   \
    "SELECT * FROM (SELECT id FROM job WHERE " more "state = " #state " AND (?2 >> " #state ") & 1 AND id < ?1"        \
    " ORDER BY id DESC LIMIT ?3)"
// clang-format off
#define NEWEST_OF_STATES(more)                                                                                         \
    "WHERE j.id IN (" NEWEST_OF_STATE(more, 1) " UNION ALL " NEWEST_OF_STATE(more, 2) " UNION ALL "                    \
    NEWEST_OF_STATE(more, 3) " UNION ALL " NEWEST_OF_STATE(more, 4) " UNION ALL " NEWEST_OF_STATE(more, 5)             \
    " UNION ALL " NEWEST_OF_STATE(more, 6) " UNION ALL " NEWEST_OF_STATE(more, 7) ") ORDER BY j.id DESC LIMIT ?3"
// clang-format on
_Static_assert(JOB_STATE_COUNT == 8, "each state but JOB_NONE stands in NEWEST_OF_STATES");
#define EVENT_COLUMNS  " id, job, attempt, seq, time_ms, type, data "
#define METRIC_COLUMNS " m.id, m.attempt, m.step, m.epoch, m.time_ms, m.value, m.name "

// clang-format off
static const char *const sql_text[SQL_COUNT] = {
    [SQL_BEGIN]    = "SAVEPOINT s",
    [SQL_COMMIT]   = "RELEASE s",
    [SQL_ROLLBACK] = "ROLLBACK TO s",

    [SQL_JOB_ADD] =
        "INSERT INTO job(state, name, user, spec, device_type, priority, made_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_JOB_READ] =
        "SELECT " JOB_COLUMNS ", j.spec FROM job j" NEWEST_ATTEMPT "WHERE j.id = ?1",
    [SQL_JOB_LIST]         = "SELECT " JOB_COLUMNS " FROM job j" NEWEST_ATTEMPT NEWEST_OF_STATES(""),
    [SQL_JOB_LIST_OF_USER] = "SELECT " JOB_COLUMNS " FROM job j" NEWEST_ATTEMPT NEWEST_OF_STATES("user = ?4 AND "),
    [SQL_JOB_MOVE] =
        "UPDATE job SET state = ?3, cause = ?4, detail = ?5, started_ms = iif(?6, ?7, started_ms), ended_ms = ?8"
        " WHERE id = ?1 AND state = ?2",
    [SQL_JOB_DELETE] = /* what is left says that there was one: state 0, in no list */
        "UPDATE job SET state = 0, cause = 0, detail = NULL, name = NULL, spec = '' WHERE id = ?1",
    [SQL_WIPE_NEXT] = /* a deleted job that has rows left; 8 is the event that says it was deleted */
        "SELECT id FROM job j WHERE state = 0 AND (EXISTS (SELECT 1 FROM attempt WHERE job = j.id) OR"
        " EXISTS (SELECT 1 FROM event WHERE job = j.id AND type < 8)) LIMIT 1",
    [SQL_WIPE_BLOCKS] = /* those of one series and size */
        "DELETE FROM metric_block WHERE job = ?1 AND name = (SELECT min(name) FROM metric_block WHERE job = ?1) AND size ="
        " (SELECT size FROM metric_block WHERE job = ?1 ORDER BY name, size LIMIT 1)",
    [SQL_WIPE_METRICS] = /* the first of one series */
        "DELETE FROM metric WHERE job = ?1 AND name = (SELECT min(name) FROM metric WHERE job = ?1) AND id <="
        " (SELECT max(id) FROM (SELECT id FROM metric WHERE job = ?1 ORDER BY name, id LIMIT ?2))",
    [SQL_WIPE_EVENTS] =
        "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE job = ?1 AND type < 8 LIMIT ?2)",
    [SQL_WIPE_ATTEMPTS] = /* last of all */
        "DELETE FROM attempt WHERE job = ?1 AND NOT EXISTS (SELECT 1 FROM event WHERE job = ?1 AND type < 8)"
        " AND NOT EXISTS (SELECT 1 FROM metric WHERE job = ?1) AND NOT EXISTS (SELECT 1 FROM metric_block WHERE job = ?1)",

    [SQL_QUEUE_NEXT] = /* behind (?3, ?4) in the order of the queue */
        "SELECT id, priority, spec FROM job WHERE state = ?1 AND device_type = ?2"
        " AND (priority < ?3 OR (priority = ?3 AND id > ?4)) ORDER BY priority DESC, id LIMIT 1",
    [SQL_QUEUE_ORDER] =
        "SELECT id, row_number() OVER (PARTITION BY device_type ORDER BY priority DESC, id) - 1 FROM job"
        " WHERE state = ?1 ORDER BY id",

    [SQL_ATTEMPT_ADD] =
        "INSERT INTO attempt(job, attempt, uuid, started_ms)"
        " VALUES (?1, 1 + (SELECT ifnull(max(attempt), 0) FROM attempt WHERE job = ?1), ?2, ?3) RETURNING attempt",
    [SQL_ATTEMPT_READ] =
        "SELECT attempt, uuid, started_ms, spool_offset, last_seq, has_hello, device_name, libtorch, epochs, steps,"
        " first_step, first_ms, step, epoch, last_ms, images_per_s, best, best_epoch, bye FROM attempt"
        " WHERE job = ?1 ORDER BY attempt DESC LIMIT 1",
    [SQL_ATTEMPT_SAVE] =
        "UPDATE attempt SET spool_offset = ?3, last_seq = ?4, has_hello = ?5, device_name = ?6, libtorch = ?7,"
        " epochs = ?8, steps = ?9, first_step = ?10, first_ms = ?11, step = ?12, epoch = ?13, last_ms = ?14,"
        " images_per_s = ?15, best = ?16, best_epoch = ?17, bye = ?18 WHERE job = ?1 AND attempt = ?2",
    [SQL_ATTEMPT_REMOVE] =
        "DELETE FROM attempt WHERE job = ?1 AND attempt = ?2",

    [SQL_EVENT_ADD] =
        "INSERT INTO event(job, attempt, seq, time_ms, type, data) VALUES (?1, ?2, nullif(?3, 0), ?4, ?5, ?6)"
        " ON CONFLICT(job, attempt, seq) DO NOTHING",
    [SQL_EVENTS_OF] =
        "SELECT" EVENT_COLUMNS "FROM event WHERE job = ?1 AND type = ?2 ORDER BY id",
    [SQL_EVENT_LAST] =
        "SELECT" EVENT_COLUMNS "FROM event WHERE job = ?1 AND type = ?2 ORDER BY id DESC LIMIT 1",
    [SQL_EVENT_NEXT_OF_JOB] =
        "SELECT" EVENT_COLUMNS "FROM event INDEXED BY event_by_job WHERE job = ?1 AND id > ?2 ORDER BY id LIMIT 1",
    [SQL_EVENT_NEXT_OF_JOBS] = /* state and deleted, by number: an index of these alone finds them */
        "SELECT" EVENT_COLUMNS "FROM event INDEXED BY event_of_jobs WHERE type IN (1, 8) AND id > ?1 ORDER BY id LIMIT 1",
    [SQL_EVENTS_BETWEEN] =
        "SELECT" EVENT_COLUMNS "FROM event WHERE id > ?1 AND id <= ?2 ORDER BY id",
    [SQL_EVENT_NEWEST] =
        "SELECT seq FROM sqlite_sequence WHERE name = 'event'",
    [SQL_EVENT_NEWEST_OF_JOBS] =
        "SELECT max(id) FROM event INDEXED BY event_of_jobs WHERE type IN (1, 8)",
    [SQL_CHECKPOINTS] = /* with max(), SQLite takes the other columns from its row */
        "SELECT max(id), job, attempt, seq, time_ms, type, data FROM event WHERE job = ?1 AND type = ?2"
        " GROUP BY data ->> '$.name' ORDER BY 1",

    [SQL_METRIC_ADD] =
        "INSERT INTO metric(job, id, attempt, step, epoch, time_ms, value, name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_METRICS_LAST] = /* one index step a series, however many points it has */
        "WITH RECURSIVE series(name) AS (SELECT min(name) FROM metric WHERE job = ?1 UNION ALL"
        " SELECT (SELECT min(name) FROM metric WHERE job = ?1 AND name > series.name) FROM series"
        " WHERE series.name IS NOT NULL)"
        " SELECT" METRIC_COLUMNS "FROM series JOIN metric m ON m.job = ?1 AND m.name = series.name AND m.id ="
        " (SELECT max(id) FROM metric WHERE job = ?1 AND name = series.name)",
    [SQL_METRICS_BETWEEN] =
        "SELECT" METRIC_COLUMNS "FROM metric m WHERE m.job = ?1 AND m.name = ?2 AND m.id > ?3 AND m.id <= ?4 ORDER BY m.id",
    [SQL_METRIC_BLOCKS] = /* in the order of their key */
        "SELECT" METRIC_COLUMNS ", m.points, m.finite, m.sum, m.low, m.high FROM metric_block m"
        " WHERE m.job = ?1 AND m.name = ?2 AND m.size = ?3 AND (m.attempt, m.block) >= (?4, ?5 / ?3)"
        " AND (m.attempt, m.block) <= (?6, ?7 / ?3) ORDER BY m.attempt, m.block",

    [SQL_SUBMISSION_ADD] =
        "INSERT INTO submission(user, key, body, job, made_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
    [SQL_SUBMISSION_FIND] =
        "SELECT body, job FROM submission WHERE user = ?1 AND key = ?2",
    [SQL_SUBMISSIONS_FORGET] =
        "DELETE FROM submission WHERE made_ms < ?1",
};
// clang-format on

bool stmt_fail(const struct store *store, const char *what, struct err *err)
{
    int code = sqlite3_errcode(store->db);

    return err_set(err, code == SQLITE_FULL ? ERR_DISK_FULL : ERR_INTERNAL, "database: %s: %s", what,
                   sqlite3_errmsg(store->db));
}

bool stmt_prepare_all(struct store *store, struct err *err)
{
    for (int i = 0; i < SQL_COUNT; i++)
        if (sqlite3_prepare_v3(store->db, sql_text[i], -1, SQLITE_PREPARE_PERSISTENT, &store->stmts[i], NULL) !=
            SQLITE_OK)
            return stmt_fail(store, sql_text[i], err);
    return true;
}

void stmt_finalize_all(struct store *store)
{
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(store->stmts[i]);
}

static sqlite3_stmt *bind_all(struct store *store, enum sql sql, const char *types, va_list args)
{
    sqlite3_stmt *stmt = store->stmts[sql];
    int rc = SQLITE_OK;

    for (int i = 0; types[i]; i++) {
        switch (types[i]) {
        case 'i':
            rc = sqlite3_bind_int64(stmt, i + 1, va_arg(args, int64_t));
            break;
        case 'r':
            rc = sqlite3_bind_double(stmt, i + 1, va_arg(args, double));
            break;
        case 's':
            rc = sqlite3_bind_text(stmt, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
            break;
        default:
            assert(!"a type letter of store_run");
        }
        assert(rc == SQLITE_OK);
    }
    assert(sqlite3_bind_parameter_count(stmt) == (int)strlen(types));
    (void)rc;
    return stmt;
}

static void forget(sqlite3_stmt *stmt)
{
    (void)sqlite3_reset(stmt); /* repeats the error that step has told */
    (void)sqlite3_clear_bindings(stmt);
}

bool store_run(struct store *store, enum sql sql, struct err *err, const char *types, ...)
{
    sqlite3_stmt *stmt;
    va_list args;
    bool ok;

    va_start(args, types);
    stmt = bind_all(store, sql, types, args);
    va_end(args);
    ok = sqlite3_step(stmt) == SQLITE_DONE || stmt_fail(store, sql_text[sql], err);
    forget(stmt);
    return ok;
}

int64_t store_changes(const struct store *store)
{
    return sqlite3_changes(store->db);
}

int64_t store_last_id(const struct store *store)
{
    return sqlite3_last_insert_rowid(store->db);
}

void query_open(struct query *query, struct store *store, enum sql sql, const char *types, ...)
{
    va_list args;

    va_start(args, types);
    *query = (struct query){.store = store, .stmt = bind_all(store, sql, types, args), .rc = SQLITE_ROW};
    va_end(args);
}

bool query_next(struct query *query)
{
    query->rc = sqlite3_step(query->stmt);
    return query->rc == SQLITE_ROW;
}

bool query_close(struct query *query, struct err *err)
{
    bool ok =
        query->rc == SQLITE_ROW || query->rc == SQLITE_DONE || stmt_fail(query->store, sqlite3_sql(query->stmt), err);

    forget(query->stmt);
    return ok;
}

int64_t query_int(const struct query *query, int column)
{
    return sqlite3_column_int64(query->stmt, column);
}

double query_real(const struct query *query, int column)
{
    bool is_null = sqlite3_column_type(query->stmt, column) == SQLITE_NULL;

    return is_null ? NAN : sqlite3_column_double(query->stmt, column);
}

const char *query_text(const struct query *query, int column, struct arena *arena)
{
    const char *text = (const char *)sqlite3_column_text(query->stmt, column);

    return text ? arena_strdup(arena, text) : NULL;
}

void *rows_grow(struct arena *arena, void *rows, size_t count, size_t size)
{
    void *more;

    if (count & (count - 1)) /* room doubles at each power of two */
        return rows;
    more = arena_alloc(arena, size * (count ? count * 2 : 1));
    if (count)
        memcpy(more, rows, size * count);
    return more;
}
