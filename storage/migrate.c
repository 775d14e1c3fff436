/* storage/migrate.c: the schema, as the steps that lead to it. */
#include "storage/migrate.h"

#include <stdlib.h>

/* Only ever append (until 1.0 the first may still be edited): the n-th text takes a database from user_version n-1 to
 * n, in one transaction. Of an event, seq is NULL where the daemon itself speaks.  A metric's id is its event's:
 * clustered by series, because that is how points are read. */
// clang-format off
static const char *const migrations[] = {
    "BEGIN;"
    "CREATE TABLE job("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, state INTEGER NOT NULL, cause INTEGER NOT NULL DEFAULT 0, detail TEXT,"
    " name TEXT, user TEXT, spec TEXT NOT NULL, device_type INTEGER NOT NULL, priority INTEGER NOT NULL,"
    " made_ms INTEGER NOT NULL, started_ms INTEGER, ended_ms INTEGER) STRICT;"
    "CREATE INDEX job_list ON job(id, state, user);"
    "CREATE INDEX job_queue ON job(state, device_type, priority DESC, id);"
    "CREATE TABLE attempt("
    " job INTEGER NOT NULL REFERENCES job(id), attempt INTEGER NOT NULL, uuid TEXT NOT NULL,"
    " started_ms INTEGER NOT NULL, spool_offset INTEGER NOT NULL DEFAULT 0, last_seq INTEGER NOT NULL DEFAULT 0,"
    " has_hello INTEGER NOT NULL DEFAULT 0, device_name TEXT, libtorch TEXT,"
    " epochs INTEGER NOT NULL DEFAULT 0, steps INTEGER NOT NULL DEFAULT 0,"
    " first_step INTEGER NOT NULL DEFAULT 0, first_ms INTEGER NOT NULL DEFAULT 0, step INTEGER NOT NULL DEFAULT 0,"
    " epoch INTEGER NOT NULL DEFAULT 0, last_ms INTEGER NOT NULL DEFAULT 0, images_per_s REAL,"
    " best REAL, best_epoch INTEGER NOT NULL DEFAULT 0, bye TEXT,"
    " PRIMARY KEY (job, attempt)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE event("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL REFERENCES job(id), attempt INTEGER NOT NULL,"
    " seq INTEGER, time_ms INTEGER NOT NULL, type INTEGER NOT NULL, data TEXT NOT NULL,"
    " UNIQUE (job, attempt, seq)) STRICT;"
    "CREATE INDEX event_by_type ON event(job, type, id);"
    "CREATE TABLE metric("
    " job INTEGER NOT NULL REFERENCES job(id), name TEXT NOT NULL, id INTEGER NOT NULL REFERENCES event(id),"
    " attempt INTEGER NOT NULL, step INTEGER NOT NULL, epoch INTEGER NOT NULL, time_ms INTEGER NOT NULL, value REAL,"
    " PRIMARY KEY (job, name, id)) STRICT, WITHOUT ROWID;"
    "PRAGMA user_version = 1;"
    "COMMIT",

    /* What streams read by, state and deleted events apart; keys under which jobs were submitted. */
    "BEGIN;"
    "CREATE INDEX event_by_job ON event(job, id);"
    "CREATE INDEX event_of_jobs ON event(id) WHERE type IN (1, 8);"
    "CREATE TABLE submission("
    " user TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, job INTEGER NOT NULL, made_ms INTEGER NOT NULL,"
    " PRIMARY KEY (user, key)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX submission_by_age ON submission(made_ms);"
    "PRAGMA user_version = 2;"
    "COMMIT",

    /* What lists of jobs are read by. */
    "BEGIN;"
    "DROP INDEX job_list;"
    "CREATE INDEX job_by_state ON job(state, id);"
    "CREATE INDEX job_by_user ON job(user, state, id);"
    "PRAGMA user_version = 3;"
    "COMMIT",

    /* What long series are drawn from: for blocks of 8 to 4096 steps what their points come to, and the last of them.
     * A metric does not refer to its event any more: each event that goes would have all metrics searched. */
    "BEGIN;"
    "CREATE TEMP TABLE earlier AS SELECT * FROM metric;"
    "DROP TABLE metric;"
    "CREATE TABLE metric("
    " job INTEGER NOT NULL REFERENCES job(id), name TEXT NOT NULL, id INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    " step INTEGER NOT NULL, epoch INTEGER NOT NULL, time_ms INTEGER NOT NULL, value REAL,"
    " PRIMARY KEY (job, name, id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE metric_block("
    " job INTEGER NOT NULL REFERENCES job(id), name TEXT NOT NULL, size INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    " block INTEGER NOT NULL, points INTEGER NOT NULL, finite INTEGER NOT NULL, sum REAL NOT NULL, low REAL, high REAL,"
    " id INTEGER NOT NULL, step INTEGER NOT NULL, epoch INTEGER NOT NULL, time_ms INTEGER NOT NULL, value REAL,"
    " PRIMARY KEY (job, name, size, attempt, block)) STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER metric_into_blocks AFTER INSERT ON metric BEGIN"
    " INSERT INTO metric_block"
    " SELECT new.job, new.name, size, new.attempt, new.step / size, 1, finite, iif(finite, new.value, 0.0),"
    "  iif(finite, new.value, NULL), iif(finite, new.value, NULL), new.id, new.step, new.epoch, new.time_ms, new.value"
    "  FROM (SELECT 8 AS size UNION ALL SELECT 64 UNION ALL SELECT 512 UNION ALL SELECT 4096),"
    "  (SELECT ifnull(abs(new.value) < 9e999, 0) AS finite) WHERE true"
    " ON CONFLICT DO UPDATE SET points = points + 1, finite = finite + excluded.finite, sum = sum + excluded.sum,"
    "  low = ifnull(min(low, excluded.low), ifnull(low, excluded.low)),"
    "  high = ifnull(max(high, excluded.high), ifnull(high, excluded.high)),"
    "  id = excluded.id, step = excluded.step, epoch = excluded.epoch, time_ms = excluded.time_ms, value = excluded.value;"
    "END;"
    "INSERT INTO metric SELECT * FROM earlier ORDER BY job, name, id;"
    "DROP TABLE earlier;"
    "PRAGMA user_version = 4;"
    "COMMIT",
};
// clang-format on

enum { VERSION = sizeof migrations / sizeof migrations[0] };

static int on_version(void *version, int columns, char **values, char **names)
{
    (void)columns, (void)names;
    *(long *)version = strtol(values[0], NULL, 10);
    return 0;
}

bool migrate(sqlite3 *db, struct err *err)
{
    long version = 0;

    if (sqlite3_exec(db, "PRAGMA user_version", on_version, &version, NULL) != SQLITE_OK)
        return err_set(err, ERR_INTERNAL, "database: %s", sqlite3_errmsg(db));
    if (version > VERSION)
        return err_set(err, ERR_CONFLICT,
                       "the database was written by a newer detrd (schema %ld; this one knows schemas up to %d)",
                       version, VERSION);
    for (; version < VERSION; version++)
        if (sqlite3_exec(db, migrations[version], NULL, NULL, NULL) != SQLITE_OK) {
            err_set(err, ERR_INTERNAL, "database: migration %ld: %s", version + 1, sqlite3_errmsg(db));
            (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL); /* nothing to roll back if BEGIN failed */
            return false;
        }
    return true;
}
