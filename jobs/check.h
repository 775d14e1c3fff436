/* jobs/check.h: a data set read by a short process of its own, `detrd-worker check --brief DATASET`, since the daemon
 * itself never opens one.  Loop thread only. */
#pragma once
#include "base/loop.h"

#include <jansson.h>

struct check; /* opaque */

/* Starts reading and calls done(arg) once, from the loop, when that has ended or timeout_ms are over.  Keeps loop. */
MUST_CHECK struct check *check_start(const char *worker, struct loop *loop, const char *dataset, int64_t timeout_ms,
                                     void (*done)(void *arg), void *arg, struct err *err);

/* Ends the process if it still runs, without a call of done, and frees check.  NULL is fine. */
void check_free(struct check *check);

/* Once it is done (before, it cannot be said): the report through report, for the caller to json_decref.  ERR_DATASET
 * with the worker's words when the data set cannot be trained on, ERR_UNAVAILABLE when nothing can be said about it
 * now. */
MUST_CHECK bool check_result(const struct check *check, json_t **report, struct err *err);
