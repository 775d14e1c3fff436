/* jobs/spawn.h: child processes and pidfds.  A pidfd is readable once its process has ended, and no other process can
 * be mistaken for it. */
#pragma once
#include "base/err.h"

#include <sys/types.h>

/* Starts exe with argv and env in a session of its own, with fds as its standard input, output and error and no other
 * descriptor, and with no signal blocked or ignored.  Each of fds is above 2. */
MUST_CHECK bool spawn(const char *exe, char *const argv[], char *const env[], const int fds[3], pid_t *pid,
                      struct err *err);

/* Returns a pidfd, or -1 with errno set. */
int pidfd_of(pid_t pid);

/* Sends a signal; false with errno set when the process has ended. */
bool pidfd_signal(int pidfd, int number);
