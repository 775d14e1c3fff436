/* storage/event_rows.h: what happened, in order.  Ids are the table's own, over all jobs, and only grow.
 * What is read lives in the caller's arena. */
#pragma once
#include "base/arena.h"
#include "spec/job_state.h"
#include "storage/store.h"

struct event_row {
    int64_t id, job, attempt;
    int64_t seq; /* the spool's; 0: the daemon's own event */
    int64_t time_ms;
    enum event_type type;
    const char *data; /* JSON object: the spool's message, or what the daemon says */
};

/* Adds an event.  A seq that the attempt has had already is left out: id is 0 then. */
MUST_CHECK bool store_event_add(struct store *store, const struct event_row *event, int64_t *id, struct err *err);

/* Reads a job's events of one type, oldest first: its warnings, amp traces, evaluations. */
MUST_CHECK bool store_events_of(struct store *store, struct arena *arena, int64_t job, enum event_type type,
                                struct event_row **rows, size_t *count, struct err *err);

/* Reads a job's newest event of one type; its id is 0 when there is none. */
MUST_CHECK bool store_event_last(struct store *store, struct arena *arena, int64_t job, enum event_type type,
                                 struct event_row *row, struct err *err);

/* Reads the first event behind the id `after`: of one job, or, when job is 0, the first state or deleted event of any.
 * Its id is 0 when there is none. */
MUST_CHECK bool store_event_next(struct store *store, struct arena *arena, int64_t job, int64_t after,
                                 struct event_row *row, struct err *err);

/* Reads the events of all jobs behind the id `after`, up to the id `last`. */
MUST_CHECK bool store_events_between(struct store *store, struct arena *arena, int64_t after, int64_t last,
                                     struct event_row **rows, size_t *count, struct err *err);

/* The id of the newest event there ever was, 0 before the first. */
MUST_CHECK bool store_event_newest(struct store *store, int64_t *id, struct err *err);

/* The id of the newest state or deleted event of any job, 0 before the first. */
MUST_CHECK bool store_event_newest_of_jobs(struct store *store, int64_t *id, struct err *err);

/* Reads the newest checkpoint event of each checkpoint name of a job. */
MUST_CHECK bool store_checkpoints(struct store *store, struct arena *arena, int64_t job, struct event_row **rows,
                                  size_t *count, struct err *err);
