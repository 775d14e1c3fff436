/* base/loop.h: the event loop: descriptors, timers, signals.  One thread; callbacks run one after another.
 * A callback may add and remove any source, its own included. */
#pragma once
#include "base/err.h"

#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;        /* opaque */
struct loop_source; /* opaque */

MUST_CHECK struct loop *loop_new(struct err *err);

/* Frees loop and what was added to it; closes no descriptor of others.  NULL is fine. */
void loop_free(struct loop *loop);

/* Calls ready(arg, events) when fd has one of events (EPOLLIN, ...).  The caller keeps fd open until after
 * loop_remove. */
MUST_CHECK struct loop_source *loop_fd(struct loop *loop, int fd, uint32_t events,
                                       void (*ready)(void *arg, uint32_t events), void *arg, struct err *err);

/* A timer that is not set.  Calls due(arg) once after each loop_timer_set. */
struct loop_source *loop_timer(struct loop *loop, void (*due)(void *arg), void *arg);

/* Makes timer due in delay_ms, at the loop's next turn when that is 0; below 0 it is not due any more. */
void loop_timer_set(struct loop_source *timer, int64_t delay_ms);

/* Blocks the signals of set in this process and calls caught(arg, number) for each that arrives. */
MUST_CHECK struct loop_source *loop_signals(struct loop *loop, const sigset_t *set,
                                            void (*caught)(void *arg, int number), void *arg, struct err *err);

/* Takes source out; its callback is not called any more.  NULL is fine. */
void loop_remove(struct loop_source *source);

/* Runs until loop_stop. */
MUST_CHECK bool loop_run(struct loop *loop, struct err *err);
void loop_stop(struct loop *loop);
