/* storage/store.h: the one SQLite database, state_dir/detrd.db.
 * The database is the truth; what memory holds is a cache of it.  What a call has acknowledged is on disk (WAL,
 * synchronous=FULL).  Rows in, rows out, no policy.  Loop thread only. */
#pragma once
#include "base/err.h"

#include <stdint.h>

struct store; /* opaque */

/* Opens the database of state_dir, makes and migrates it where needed, and locks state_dir against a second daemon:
 * ERR_CONFLICT, naming its pid, when there is one.  Refuses a database newer than the program. */
MUST_CHECK struct store *store_open(const char *state_dir, struct err *err);

/* Closes and unlocks.  NULL is fine. */
void store_close(struct store *store);

/* Whether state_dir has a database. */
bool store_is_there(const char *state_dir);

/* The pid of the daemon that holds state_dir, or 0. */
int store_holder(const char *state_dir);

/* One transaction over several calls; each of them is one by itself otherwise.  They nest: only the outermost commit
 * makes durable, and a rollback undoes what came after its own begin. */
MUST_CHECK bool store_begin(struct store *store, struct err *err);
MUST_CHECK bool store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store);

/* "3.40.1" */
const char *store_sqlite_version(void);
