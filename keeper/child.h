/* keeper/child.h: one detrd-trainer process, started, watched and waited for.
 * The trainer dies with its keeper.  It stands in a process group of its own, so that each SIGTERM, SIGINT and SIGHUP
 * reaches it once, from here, also when a terminal sends them to the whole foreground group.  Its standard error passes
 * through the keeper, which keeps the last lines of it for the record; its standard output is the keeper's own.
 * One child a process: signals are blocked for good from child_hold_signals or child_start on. */
#pragma once
#include "base/err.h"
#include <sys/resource.h>
#include <sys/types.h>

enum { CHILD_TAIL_SIZE = 2048 };

struct child {
    pid_t pid;
    int log_fd;    /* read end of the trainer's standard error */
    int signal_fd; /* what is forwarded, and SIGCHLD */
    bool has_written;
    bool is_unloadable;         /* the loader could not start it: its message is in tail and was not passed on */
    char tail[CHILD_TAIL_SIZE]; /* the last of what it wrote, NUL-terminated */
    size_t tail_size;
};

/* The path of detrd-trainer: DETRD_TRAINER from the environment, else beside this program.  Free it. */
char *child_trainer_path(void);

/* Holds back the signals that are forwarded, for the child that is started next. */
void child_hold_signals(void);

/* Starts exe with argv.  shared_fd stays open in it; -1: none.  ERR_LIBTORCH when there is no such program. */
MUST_CHECK bool child_start(struct child *child, const char *exe, char *const argv[], int shared_fd, struct err *err);

/* Forwards signals and passes output on until the child has ended; status is waitpid's. */
MUST_CHECK bool child_wait(struct child *child, int *status, struct rusage *usage, struct err *err);
