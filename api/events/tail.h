/* api/events/tail.h: the newest events as text, made once for all streams; older ones are made for who asks for them.
 * Loop thread only. */
#pragma once
#include "api/http/app.h"
#include "storage/event_rows.h"

/* An event as it is sent. */
struct event_text {
    int64_t id, job;
    enum event_type type;
    bool is_final; /* it says that its job has ended */
    char *text;
    size_t size;
};

/* Makes the text of row; free it. */
struct event_text event_text_of(const struct app *app, const struct event_row *row);

/* A message without an id; takes data, returns text to free. */
char *event_message(const char *type, json_t *data);

struct tail; /* opaque */

/* Returns a tail without events.  Keeps app. */
struct tail *tail_new(const struct app *app);

/* NULL is fine. */
void tail_free(struct tail *tail);

/* Takes in what was added since the last time, up to the event `newest`. */
MUST_CHECK bool tail_update(struct tail *tail, int64_t newest, struct err *err);

/* Whether it has all events behind the id `after`. */
bool tail_reaches(const struct tail *tail, int64_t after);

/* The first event behind the id `after` that matches(arg, event), or NULL. */
const struct event_text *tail_next(const struct tail *tail, int64_t after,
                                   bool (*matches)(const void *arg, const struct event_text *event), const void *arg);
