/* api/listener.h: a socket that the server listens on. */
#pragma once
#include "base/err.h"

struct listener {
    int fd;
    char *url;         /* of a TCP socket, "http://127.0.0.1:8474" */
    char *socket_path; /* of a UNIX socket */
};

/* Opens the socket of address, as server_listen takes it. */
MUST_CHECK bool listener_open(struct listener *listener, const char *address, struct err *err);

/* Frees what listener holds and removes a UNIX socket's file; fd is closed by who took it. */
void listener_done(struct listener *listener);
