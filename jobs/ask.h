/* jobs/ask.h: a question to a short process, `detrd-worker WORD…`: what it prints is the answer, JSON.  For what the
 * daemon itself does not do: open a data set, load libtorch.  Loop thread only. */
#pragma once
#include "base/loop.h"

#include <jansson.h>

struct ask; /* opaque */

enum { ASK_WORDS_MAX = 4 };

/* Starts worker, the path of detrd-worker, with words, which end with NULL, and calls done(arg) once, from the loop,
 * when it has ended or timeout_ms are over; done may free the ask.  Keeps loop. */
MUST_CHECK struct ask *ask_start(const char *worker, struct loop *loop, const char *const words[], int64_t timeout_ms,
                                 void (*done)(void *arg), void *arg, struct err *err);

/* Ends the process if it still runs, without a call of done, and frees ask.  NULL is fine. */
void ask_free(struct ask *ask);

/* Once it is done (before, it cannot be said): the answer through answer, for the caller to json_decref.  The code `no`
 * with the worker's words when it says no (exit status 1), ERR_UNAVAILABLE when it could not say. */
MUST_CHECK bool ask_answer(const struct ask *ask, enum err_code no, json_t **answer, struct err *err);
