/* keeper/child.c: see child.h. */
#include "keeper/child.h"

#include "base/arena.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const int forwarded[] = {SIGTERM, SIGINT, SIGHUP};
enum { FORWARDED_COUNT = sizeof forwarded / sizeof forwarded[0] };

/* How glibc's loader says that a program cannot start. */
static const char *const loader_messages[] = {
    ": error while loading shared libraries: ", ": symbol lookup error: ", "' not found (required by "};

char *child_trainer_path(void)
{
    const char *given = getenv("DETRD_TRAINER");
    char self[PATH_MAX];
    ssize_t size;

    if (given)
        return xstrdup(given);
    size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size < 0)
        return xstrdup("detrd-trainer");
    self[size] = '\0';
    *strrchr(self, '/') = '\0';
    return xasprintf("%s/detrd-trainer", self);
}

static void block_signals(sigset_t *mask)
{
    sigemptyset(mask);
    sigaddset(mask, SIGCHLD);
    for (int i = 0; i < FORWARDED_COUNT; i++)
        sigaddset(mask, forwarded[i]);
    sigprocmask(SIG_BLOCK, mask, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that left must not end the job */
}

void child_hold_signals(void)
{
    sigset_t mask;

    block_signals(&mask);
}

/* Between fork and exec.  The signals stay blocked until all is set, so that none is lost in between. */
static _Noreturn void become_trainer(const char *exe, char *const argv[], int log_fd, int shared_fd, pid_t keeper,
                                     const sigset_t *mask)
{
    (void)setpgid(0, 0);
    /* a keeper that died before the prctl is noticed by getppid */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != keeper)
        _exit(126);
    (void)dup2(log_fd, STDERR_FILENO);
    if (shared_fd >= 0)
        (void)fcntl(shared_fd, F_SETFD, 0);
    (void)signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < FORWARDED_COUNT; i++)
        (void)signal(forwarded[i], SIG_DFL); /* nohup's ignored SIGHUP too: the trainer decides */
    sigprocmask(SIG_UNBLOCK, mask, NULL);
    execv(exe, argv);
    dprintf(STDERR_FILENO, "cannot start %s: %s\n", exe, strerror(errno));
    _exit(126);
}

bool child_start(struct child *child, const char *exe, char *const argv[], int shared_fd, struct err *err)
{
    pid_t keeper = getpid();
    sigset_t mask;
    int log_pipe[2];

    *child = (struct child){.log_fd = -1, .signal_fd = -1};
    if (access(exe, X_OK) < 0)
        return err_set(
            err, ERR_LIBTORCH,
            "cannot run %s: %s; it is the program with libtorch in it and is built when cmake finds libtorch "
            "(TORCH_ROOT)",
            exe, strerror(errno));
    block_signals(&mask);
    child->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (child->signal_fd < 0 || pipe2(log_pipe, O_CLOEXEC) < 0)
        return err_os(err, "signalfd or pipe");
    child->log_fd = log_pipe[0];
    (void)fcntl(child->log_fd, F_SETFL, O_NONBLOCK);
    child->pid = fork();
    if (child->pid < 0)
        return err_os(err, "fork");
    if (child->pid == 0)
        become_trainer(exe, argv, log_pipe[1], shared_fd, keeper, &mask);
    (void)close(log_pipe[1]);
    return true;
}

static bool is_loader_message(const char *text)
{
    for (size_t i = 0; i < sizeof loader_messages / sizeof loader_messages[0]; i++)
        if (strstr(text, loader_messages[i]))
            return true;
    return false;
}

static void keep_tail(struct child *child, const char *text, size_t size)
{
    size_t room = CHILD_TAIL_SIZE - 1, kept;

    if (size > room) {
        text += size - room;
        size = room;
    }
    kept = child->tail_size + size > room ? room - size : child->tail_size;
    memmove(child->tail, child->tail + child->tail_size - kept, kept);
    memcpy(child->tail + kept, text, size);
    child->tail_size = kept + size;
    child->tail[child->tail_size] = '\0';
}

/* Passes on what there is.  False at the end of the stream. */
static bool pass_output(struct child *child)
{
    char text[4097];
    struct err ignored;

    for (;;) {
        ssize_t size = read(child->log_fd, text, sizeof text - 1);

        if (size < 0)
            return errno == EAGAIN || errno == EINTR;
        if (size == 0)
            return false;
        text[size] = '\0';
        keep_tail(child, text, (size_t)size);
        /* the loader's message comes in one write, before anything else */
        if (!child->has_written)
            child->is_unloadable = is_loader_message(text);
        child->has_written = true;
        if (!child->is_unloadable && !file_write_all(STDERR_FILENO, text, (size_t)size, &ignored))
            continue; /* nobody reads it any more, but the job goes on */
    }
}

static void forward_signals(struct child *child)
{
    struct signalfd_siginfo info;

    while (read(child->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo != SIGCHLD)
            (void)kill(child->pid, (int)info.ssi_signo);
}

bool child_wait(struct child *child, int *status, struct rusage *usage, struct err *err)
{
    struct pollfd fds[] = {{.fd = child->signal_fd, .events = POLLIN}, {.fd = child->log_fd, .events = POLLIN}};

    for (;;) {
        pid_t ended;

        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return err_os(err, "poll");
        if (!pass_output(child))
            fds[1].fd = -1;
        forward_signals(child);
        ended = wait4(child->pid, status, WNOHANG, usage);
        if (ended < 0)
            return err_os(err, "wait4");
        if (ended == child->pid)
            break;
    }
    (void)pass_output(child); /* what it wrote last; not to the end of the stream, which a grandchild may hold open */
    (void)close(child->log_fd);
    (void)close(child->signal_fd);
    return true;
}
