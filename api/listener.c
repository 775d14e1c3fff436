/* api/listener.c: see listener.h. */
#include "api/listener.h"

#include "base/arena.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128 };

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

static bool open_socket(const union address *address, socklen_t size, const char *text, int *fd, struct err *err)
{
    const int on = 1;
    int sock = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (sock < 0)
        return err_os(err, "listen on '%s'", text);
    if (address->any.sa_family != AF_UNIX)
        (void)setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(sock, &address->any, size) < 0 || listen(sock, BACKLOG) < 0) {
        (void)err_os(err, "listen on '%s'", text);
        (void)close(sock);
        return false;
    }
    *fd = sock;
    return true;
}

/* A socket file without a listener was left behind by a daemon that was killed. */
static bool remove_stale(const union address *address, struct err *err)
{
    struct stat status;
    int sock, refused;

    if (lstat(address->un.sun_path, &status) < 0)
        return errno == ENOENT || err_os(err, "listen on '%s'", address->un.sun_path);
    if (!S_ISSOCK(status.st_mode))
        return err_set(err, ERR_CONFLICT, "listen on '%s': a file that is no socket is there", address->un.sun_path);
    sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    refused = sock >= 0 && connect(sock, &address->any, sizeof address->un) < 0 && errno == ECONNREFUSED;
    if (sock >= 0)
        (void)close(sock);
    if (!refused)
        return err_set(err, ERR_CONFLICT, "listen on '%s': another program does", address->un.sun_path);
    return unlink(address->un.sun_path) == 0 || err_os(err, "remove '%s'", address->un.sun_path);
}

/* Who may reach the socket is said by its folder's mode: like the loopback port it is for every account that can. */
static bool open_unix(struct listener *listener, const char *path, struct err *err)
{
    union address address = {.un = {.sun_family = AF_UNIX}};

    if (path[0] != '/' || strlen(path) >= sizeof address.un.sun_path)
        return err_set(err, ERR_BAD_SPEC,
                       "listen: the path of a UNIX socket must be absolute and below %zu bytes: '%s'",
                       sizeof address.un.sun_path, path);
    (void)stpcpy(address.un.sun_path, path);
    if (!remove_stale(&address, err) || !open_socket(&address, sizeof address.un, path, &listener->fd, err))
        return false;
    listener->socket_path = xstrdup(path);
    if (chmod(path, 0666) < 0) {
        (void)err_os(err, "chmod '%s'", path);
        (void)close(listener->fd);
        listener_done(listener);
        return false;
    }
    return true;
}

/* Reads "127.0.0.1:8474", "[::1]:8474" or "localhost:8474". */
static bool read_tcp(const char *text, union address *address, socklen_t *size, struct err *err)
{
    const char *colon = strrchr(text, ':');
    char host[64], *end;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;

    if (!colon || colon[1] < '0' || colon[1] > '9' || *end || port > 65535 || colon - text >= (long)sizeof host)
        return err_set(err, ERR_BAD_SPEC, "listen: '%s' is neither ADDRESS:PORT nor unix:/PATH", text);
    (void)snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    *address = (union address){.in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)}};
    *size = sizeof address->in;
    if (strcmp(host, "[::1]") == 0) {
        *address = (union address){
            .in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_loopback}};
        *size = sizeof address->in6;
        return true;
    }
    if (strcmp(host, "localhost") == 0)
        address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else if (inet_pton(AF_INET, host, &address->in.sin_addr) != 1 ||
             address->in.sin_addr.s_addr != htonl(INADDR_LOOPBACK))
        return err_set(
            err, ERR_BAD_SPEC,
            "listen: '%s' is not loopback; until there are accounts detrd listens on 127.0.0.1, [::1] and UNIX "
            "sockets only",
            text);
    return true;
}

static char *url_of(int fd)
{
    union address address = {.any = {0}};
    socklen_t size = sizeof address;
    char host[INET6_ADDRSTRLEN] = "";

    (void)getsockname(fd, &address.any, &size);
    if (address.any.sa_family == AF_INET6)
        return xasprintf("http://[::1]:%u", ntohs(address.in6.sin6_port));
    (void)inet_ntop(AF_INET, &address.in.sin_addr, host, sizeof host);
    return xasprintf("http://%s:%u", host, ntohs(address.in.sin_port));
}

bool listener_open(struct listener *listener, const char *address, struct err *err)
{
    union address tcp;
    socklen_t size;

    *listener = (struct listener){.fd = -1};
    if (strncmp(address, "unix:", 5) == 0)
        return open_unix(listener, address + 5, err);
    if (!read_tcp(address, &tcp, &size, err) || !open_socket(&tcp, size, address, &listener->fd, err))
        return false;
    listener->url = url_of(listener->fd);
    return true;
}

void listener_done(struct listener *listener)
{
    if (listener->socket_path)
        (void)unlink(listener->socket_path);
    free(listener->socket_path);
    free(listener->url);
    *listener = (struct listener){.fd = -1};
}
