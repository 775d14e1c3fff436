/* api/dribble.h: clients that send their request so slowly that it never gets whole.  libmicrohttpd counts only how
 * long a connection is silent; here is how long one may take over a request.  Loop thread only. */
#pragma once
#include "base/loop.h"

#include <microhttpd.h>

enum { DRIBBLE_S = 120 }; /* more than a connection may be silent, and so for a request from its first byte on */

struct dribble; /* opaque */

/* Keeps loop, on which it runs only while there are connections. */
struct dribble *dribble_new(struct loop *loop);

/* Frees dribble, whose connections have all ended.  NULL is fine. */
void dribble_free(struct dribble *dribble);

/* For MHD_OPTION_NOTIFY_CONNECTION, with the dribble. */
void dribble_notify(void *dribble, struct MHD_Connection *connection, void **slot,
                    enum MHD_ConnectionNotificationCode code);

/* The request of connection is whole; its reply has been sent. */
void dribble_whole(struct MHD_Connection *connection);
void dribble_replied(struct MHD_Connection *connection);

/* Shuts the connections that have waited for a whole request since before now_s - DRIBBLE_S on the monotonic clock. */
void dribble_shut(struct dribble *dribble, double now_s);
