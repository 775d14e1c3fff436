/* storage/migrate.h: takes a database to this program's schema. */
#pragma once
#include "base/err.h"

#include <sqlite3.h>

/* ERR_CONFLICT if it was written by a newer program. */
MUST_CHECK bool migrate(sqlite3 *db, struct err *err);
