/* api/response.h: from a struct reply to libmicrohttpd's response. */
#pragma once
#include "api/events/hub.h"
#include "api/http/reply.h"

/* Returns the response that sends reply on connection, or NULL.  Takes what is sent from reply: its stream goes to hub,
 * its file to libmicrohttpd; data must live as long as the response. */
struct MHD_Response *response_make(struct hub *hub, struct MHD_Connection *connection, struct reply *reply);
