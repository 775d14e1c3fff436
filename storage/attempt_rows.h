/* storage/attempt_rows.h: attempts to run a job: where, how far its spool has been read and what it has told so far.
 * What is read lives in the caller's arena. */
#pragma once
#include "base/arena.h"
#include "storage/store.h"

struct attempt_row {
    int64_t job, attempt;
    const char *uuid; /* of its GPU; "": on the CPU */
    int64_t started_ms;
    /* the spool: bytes and messages that are in the database */
    int64_t spool_offset, last_seq;
    /* from hello */
    bool has_hello;
    const char *device_name, *libtorch; /* NULL: not told */
    /* from plan; 0: not told */
    int64_t epochs, steps;
    /* from metric: the first and the newest one */
    int64_t first_step, first_ms, step, epoch, last_ms;
    double images_per_s; /* NAN: not told */
    /* from eval; best_epoch 0: none yet */
    double best;
    int64_t best_epoch;
    /* from bye; NULL: not told */
    const char *bye;
};

/* Adds an attempt that starts now: its number is one above the job's last.  Only job and uuid of row are read, the rest
 * is filled. */
MUST_CHECK bool store_attempt_add(struct store *store, struct attempt_row *row, struct err *err);

/* Reads the newest attempt of a job.  ERR_NOT_FOUND if there is none. */
MUST_CHECK bool store_attempt_read(struct store *store, struct arena *arena, int64_t job, struct attempt_row *row,
                                   struct err *err);

/* Writes all of row but its key, uuid and start. */
MUST_CHECK bool store_attempt_save(struct store *store, const struct attempt_row *row, struct err *err);

/* Takes back an attempt in which nothing ran. */
MUST_CHECK bool store_attempt_remove(struct store *store, int64_t job, int64_t attempt, struct err *err);
