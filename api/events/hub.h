/* api/events/hub.h: the connections of event streams: parked while there is nothing to send, resumed when there is.
 * Loop thread only. */
#pragma once
#include "api/events/stream.h"
#include "base/loop.h"

#include <microhttpd.h>

struct hub; /* opaque */

/* Returns a hub, which jobs wakes from now on.  Calls resumed(arg) after it has resumed connections, never from within
 * libmicrohttpd.  Keeps app and loop. */
struct hub *hub_new(const struct app *app, struct loop *loop, void (*resumed)(void *arg), void *arg);

/* Frees hub, whose connections have all ended.  NULL is fine. */
void hub_free(struct hub *hub);

/* Whether there is no room for another stream. */
bool hub_is_full(const struct hub *hub);

/* Returns the response whose body is stream, or NULL.  Takes stream; connection is the one that it is queued on. */
struct MHD_Response *hub_response(struct hub *hub, struct stream *stream, struct MHD_Connection *connection);

/* Resumes all connections to end: to be called before the server is stopped. */
void hub_end(struct hub *hub);
