/* api/events/stream.h: what one client of an event stream is sent: the rows of the event table behind its position, and
 * what has no row: log, gpu, ping, reset.  When to send, and on which connection: hub.h. */
#pragma once
#include "api/events/log_sizes.h"
#include "api/events/tail.h"

struct stream; /* opaque */

enum { STREAM_TOPICS_MAX = 32 };

/* Returns a stream without a topic that goes on behind the event `after`; one below 0 is what is new now.  Behind an id
 * that never was it starts with a reset.  Keeps app. */
MUST_CHECK struct stream *stream_new(const struct app *app, int64_t after, struct err *err);

/* Frees stream.  NULL is fine. */
void stream_free(struct stream *stream);

/* Topics, STREAM_TOPICS_MAX at most.  Alone: all of one job, from its first event after a reset, to its end. */
void stream_add_alone(struct stream *stream, int64_t job, bool is_final);
void stream_add_job(struct stream *stream, int64_t job);
void stream_add_jobs(struct stream *stream);
void stream_add_gpus(struct stream *stream);

/* Writes what there is to send, max bytes at most, and returns how many. */
size_t stream_fill(struct stream *stream, char *buffer, size_t max);

/* Whether nothing follows what stream_fill has written. */
bool stream_is_over(const struct stream *stream);

/* Takes events from tail, which outlives it, where that has them. */
void stream_follow(struct stream *stream, const struct tail *tail);

/* Looks how long the logs of its jobs are.  Returns whether one has changed. */
bool stream_look_at_logs(struct stream *stream, struct log_sizes *sizes);

bool stream_wants_gpus(const struct stream *stream);

/* What the GPUs do now, from stream_gpus_text.  Returns whether that is news. */
bool stream_tell_gpus(struct stream *stream, const char *text);

/* All GPUs as gpu messages; free it. */
char *stream_gpus_text(const struct app *app);

/* Makes a ping due. */
void stream_ping(struct stream *stream);
