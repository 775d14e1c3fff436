/* api/response.h: from a struct reply to libmicrohttpd's response. */
#pragma once
#include "api/events/hub.h"
#include "api/http/reply.h"

/* Returns the response that sends reply to request on connection, or NULL.  JSON goes compressed where it is long and
 * the client takes that.  Takes what is sent from reply: its stream goes to hub,
 * its file to libmicrohttpd; data must live as long as the response. */
struct MHD_Response *response_make(struct hub *hub, struct MHD_Connection *connection, const struct request *request,
                                   struct reply *reply);
