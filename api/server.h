/* api/server.h: the HTTP server: libmicrohttpd inside our event loop.  Loop thread only. */
#pragma once
#include "api/http/app.h"
#include "base/loop.h"

struct server; /* opaque */

/* Returns a server that listens on nothing yet.  Keeps app and loop. */
struct server *server_new(const struct app *app, struct loop *loop);

/* Listens on "127.0.0.1:8474", "[::1]:8474", "localhost:8474" (port 0: a free one) or "unix:/run/detrd/detrd.sock".
 * Anything but loopback and UNIX sockets is refused until there are accounts. */
MUST_CHECK bool server_listen(struct server *server, const char *address, struct err *err);

/* Answers the requests that wait for it: app's devices are known now. */
void server_devices_known(struct server *server);

/* "http://127.0.0.1:8474" of the first TCP listener, or NULL while there is none.  Lives as long as server. */
const char *server_url(const struct server *server);

/* Ends all connections, removes the UNIX sockets and frees server.  NULL is fine. */
void server_free(struct server *server);

/* Version of libmicrohttpd, "0.9.75". */
const char *server_http_version(void);
