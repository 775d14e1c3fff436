/* base/loop.c: epoll over descriptors; timers are few, so the next one is found by looking at all.
 * A removed source is freed at the end of the turn, because events that name it may be at hand already. */
#include "base/loop.h"

#include "base/arena.h"
#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EVENTS_A_TURN = 64 };

enum kind { KIND_FD, KIND_TIMER, KIND_SIGNALS };

struct loop_source {
    struct loop_source *next;
    struct loop *loop;
    enum kind kind;
    bool is_removed;
    int fd;       /* KIND_SIGNALS: owned */
    double due_s; /* KIND_TIMER; INFINITY: not set */
    union {
        void (*ready)(void *arg, uint32_t events);
        void (*due)(void *arg);
        void (*caught)(void *arg, int number);
    } call;
    void *arg;
};

struct loop {
    int epoll;
    bool is_stopped, has_removed;
    struct loop_source *sources;
};

struct loop *loop_new(struct err *err)
{
    struct loop *loop = xcalloc(1, sizeof *loop);

    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0) {
        err_os(err, "epoll_create1");
        free(loop);
        return NULL;
    }
    return loop;
}

static void source_free(struct loop_source *source)
{
    if (source->kind == KIND_SIGNALS)
        (void)close(source->fd);
    free(source);
}

void loop_free(struct loop *loop)
{
    struct loop_source *next;

    if (!loop)
        return;
    for (struct loop_source *source = loop->sources; source; source = next) {
        next = source->next;
        source_free(source);
    }
    (void)close(loop->epoll);
    free(loop);
}

static struct loop_source *source_add(struct loop *loop, enum kind kind, int fd, void *arg)
{
    struct loop_source *source = xcalloc(1, sizeof *source);

    *source = (struct loop_source){
        .next = loop->sources, .loop = loop, .kind = kind, .fd = fd, .due_s = INFINITY, .arg = arg};
    loop->sources = source;
    return source;
}

static bool watch(struct loop_source *source, uint32_t events, struct err *err)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    if (epoll_ctl(source->loop->epoll, EPOLL_CTL_ADD, source->fd, &event) == 0)
        return true;
    err_os(err, "epoll_ctl");
    loop_remove(source);
    return false;
}

struct loop_source *loop_fd(struct loop *loop, int fd, uint32_t events, void (*ready)(void *arg, uint32_t events),
                            void *arg, struct err *err)
{
    struct loop_source *source = source_add(loop, KIND_FD, fd, arg);

    source->call.ready = ready;
    return watch(source, events, err) ? source : NULL;
}

struct loop_source *loop_timer(struct loop *loop, void (*due)(void *arg), void *arg)
{
    struct loop_source *source = source_add(loop, KIND_TIMER, -1, arg);

    source->call.due = due;
    return source;
}

void loop_timer_set(struct loop_source *timer, int64_t delay_ms)
{
    timer->due_s = delay_ms < 0 ? INFINITY : clock_monotonic_s() + (double)delay_ms / 1000;
}

struct loop_source *loop_signals(struct loop *loop, const sigset_t *set, void (*caught)(void *arg, int number),
                                 void *arg, struct err *err)
{
    struct loop_source *source;
    int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);

    if (fd < 0 || sigprocmask(SIG_BLOCK, set, NULL) < 0) {
        err_os(err, "signalfd");
        return NULL;
    }
    source = source_add(loop, KIND_SIGNALS, fd, arg);
    source->call.caught = caught;
    return watch(source, EPOLLIN, err) ? source : NULL;
}

void loop_remove(struct loop_source *source)
{
    if (!source)
        return;
    if (source->kind != KIND_TIMER)
        (void)epoll_ctl(source->loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
    source->is_removed = true;
    source->loop->has_removed = true;
}

static void sweep(struct loop *loop)
{
    struct loop_source **at = &loop->sources;

    if (!loop->has_removed)
        return;
    while (*at) {
        struct loop_source *source = *at;

        if (!source->is_removed) {
            at = &source->next;
            continue;
        }
        *at = source->next;
        source_free(source);
    }
    loop->has_removed = false;
}

static void run_signals(struct loop_source *source)
{
    struct signalfd_siginfo info;

    while (!source->is_removed && read(source->fd, &info, sizeof info) == (ssize_t)sizeof info)
        source->call.caught(source->arg, (int)info.ssi_signo);
}

static void run_timers(struct loop *loop)
{
    double now = clock_monotonic_s();

    for (struct loop_source *source = loop->sources; source; source = source->next) {
        if (source->kind != KIND_TIMER || source->is_removed || source->due_s > now)
            continue;
        source->due_s = INFINITY;
        source->call.due(source->arg);
    }
}

/* Milliseconds until the next timer, rounded up, or -1. */
static int wait_ms(const struct loop *loop)
{
    double due = INFINITY, left;

    for (const struct loop_source *source = loop->sources; source; source = source->next)
        if (!source->is_removed)
            due = fmin(due, source->due_s);
    if (isinf(due))
        return -1;
    left = ceil((due - clock_monotonic_s()) * 1000);
    return left <= 0 ? 0 : left >= INT_MAX ? INT_MAX : (int)left;
}

bool loop_run(struct loop *loop, struct err *err)
{
    struct epoll_event events[EVENTS_A_TURN];

    loop->is_stopped = false;
    while (!loop->is_stopped) {
        int count = epoll_wait(loop->epoll, events, EVENTS_A_TURN, wait_ms(loop));

        if (count < 0 && errno != EINTR)
            return err_os(err, "epoll_wait");
        for (int i = 0; i < count; i++) {
            struct loop_source *source = events[i].data.ptr;

            if (source->is_removed)
                continue;
            if (source->kind == KIND_SIGNALS)
                run_signals(source);
            else
                source->call.ready(source->arg, events[i].events);
        }
        run_timers(loop);
        sweep(loop);
    }
    return true;
}

void loop_stop(struct loop *loop)
{
    loop->is_stopped = true;
}
