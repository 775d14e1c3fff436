/* storage/submission_rows.h: under which key a job was submitted, so that a request sent again makes no second job. */
#pragma once
#include "base/arena.h"
#include "storage/store.h"

struct submission_row {
    const char *user, *key; /* user "": not known */
    const char *body;       /* its SHA-256 in hex */
    int64_t job;
};

/* Forgets what was submitted before that time. */
MUST_CHECK bool store_submissions_forget(struct store *store, int64_t before_ms, struct err *err);

/* Adds a submission, made now. */
MUST_CHECK bool store_submission_add(struct store *store, const struct submission_row *row, struct err *err);

/* Reads the body and the job of row's user and key; job is 0 when there is none. */
MUST_CHECK bool store_submission_find(struct store *store, struct arena *arena, struct submission_row *row,
                                      struct err *err);
