/* api/dribble.c: see dribble.h. */
#include "api/dribble.h"

#include "base/arena.h"
#include "base/clock.h"

#include <stdlib.h>
#include <sys/socket.h>

enum { LOOK_MS = 30000 };

struct link {
    struct dribble *dribble;
    struct link *next, **place; /* place: what points to it */
    int fd;
    bool is_whole;
    double since_s; /* it is open, or its last reply was sent; monotonic */
};

struct dribble {
    struct link *links;
    struct loop_source *look;
};

static void on_look(void *arg)
{
    struct dribble *dribble = arg;

    dribble_shut(dribble, clock_monotonic_s());
    if (dribble->links)
        loop_timer_set(dribble->look, LOOK_MS);
}

struct dribble *dribble_new(struct loop *loop)
{
    struct dribble *dribble = xcalloc(1, sizeof *dribble);

    dribble->look = loop_timer(loop, on_look, dribble);
    return dribble;
}

void dribble_free(struct dribble *dribble)
{
    if (!dribble)
        return;
    loop_remove(dribble->look);
    free(dribble);
}

static struct link *open_link(struct dribble *dribble, struct MHD_Connection *connection)
{
    struct link *link = xcalloc(1, sizeof *link);

    *link = (struct link){.dribble = dribble,
                          .next = dribble->links,
                          .place = &dribble->links,
                          .fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
                          .since_s = clock_monotonic_s()};
    if (link->next)
        link->next->place = &link->next;
    else
        loop_timer_set(dribble->look, LOOK_MS);
    dribble->links = link;
    return link;
}

static void close_link(struct link *link)
{
    *link->place = link->next;
    if (link->next)
        link->next->place = link->place;
    if (!link->dribble->links)
        loop_timer_set(link->dribble->look, -1);
    free(link);
}

void dribble_notify(void *dribble, struct MHD_Connection *connection, void **slot,
                    enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        *slot = open_link(dribble, connection);
    else
        close_link(*slot);
}

static struct link *link_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void dribble_whole(struct MHD_Connection *connection)
{
    link_of(connection)->is_whole = true;
}

void dribble_replied(struct MHD_Connection *connection)
{
    struct link *link = link_of(connection);

    link->is_whole = false;
    link->since_s = clock_monotonic_s();
}

void dribble_shut(struct dribble *dribble, double now_s)
{
    for (struct link *link = dribble->links; link; link = link->next)
        if (!link->is_whole && now_s - link->since_s > DRIBBLE_S)
            (void)shutdown(link->fd, SHUT_RDWR); /* libmicrohttpd sees it end */
}
