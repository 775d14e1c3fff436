/* keeper/ending.c: see ending.h. */
#include "keeper/ending.h"

#include "base/arena.h"
#include "base/file.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TAIL_LINES = 5 };

PRINTF(3, 4) static void fail(struct ending *ending, enum job_cause cause, const char *fmt, ...)
{
    va_list args;

    ending->cause = cause;
    va_start(args, fmt);
    (void)vsnprintf(ending->detail, sizeof ending->detail, fmt, args);
    va_end(args);
}

/* The last lines of text in one, " | " between them; free it. */
static char *join_last_lines(const char *text)
{
    size_t size = strlen(text), lines = 0, used = 0, at;
    char *joined;

    while (size > 0 && text[size - 1] == '\n')
        size--;
    for (at = size; at > 0; at--)
        if (text[at - 1] == '\n' && ++lines == TAIL_LINES)
            break;
    joined = xmalloc(3 * (size - at) + 1);
    for (; at < size; at++) {
        if (text[at] == '\n') {
            memcpy(joined + used, " | ", 3);
            used += 3;
        } else {
            joined[used++] = (unsigned char)text[at] < ' ' ? ' ' : text[at];
        }
    }
    joined[used] = '\0';
    return joined;
}

static void settle_by_bye(struct ending *ending, const struct message *bye)
{
    const char *cause = message_text(bye, "cause"), *detail = message_text(bye, "detail");

    ending->is_success = strcmp(message_text(bye, "result"), "failed") != 0;
    fail(ending, cause ? job_cause_find(cause) : CAUSE_NONE, "%s", detail ? detail : "");
    if (!ending->is_success && ending->cause == CAUSE_NONE)
        ending->cause = CAUSE_INTERNAL;
}

static void settle_by_signal(struct ending *ending, int sig, const char *last_lines)
{
    const char *name = sigabbrev_np(sig) ? sigabbrev_np(sig) : "?";

    if (sig == SIGKILL)
        fail(ending, CAUSE_KILLED,
             "the trainer was ended by signal 9 (SIGKILL); if nobody sent it, the machine ran out of memory (dmesg)");
    else if (sig == SIGTERM || sig == SIGINT || sig == SIGHUP)
        fail(ending, CAUSE_KILLED, "the trainer was ended by signal %d (SIG%s) before it could write a checkpoint", sig,
             name);
    else
        fail(ending, CAUSE_CRASHED, "the trainer crashed: signal %d (SIG%s)%s%s", sig, name,
             *last_lines ? "; it wrote last: " : "", last_lines);
}

static void settle_by_code(struct ending *ending, int code, const char *last_lines)
{
    if (code == 0)
        fail(ending, CAUSE_INTERNAL, "the trainer ended with status 0 without saying how the job ended");
    else
        fail(ending, CAUSE_CRASHED, "the trainer ended with status %d%s%s", code,
             *last_lines ? "; it wrote last: " : " and wrote nothing", last_lines);
}

void ending_settle(struct ending *ending, const struct message *bye, int status, const struct child *child)
{
    char *last_lines = join_last_lines(child->tail);

    *ending = (struct ending){0};
    if (bye)
        settle_by_bye(ending, bye);
    else if (child->is_unloadable)
        fail(ending, CAUSE_LIBTORCH,
             "detrd-trainer cannot start, its libtorch is missing or another than it was built with: %s", last_lines);
    else if (WIFSIGNALED(status))
        settle_by_signal(ending, WTERMSIG(status), last_lines);
    else
        settle_by_code(ending, WEXITSTATUS(status), last_lines);
    free(last_lines);
}

/* The last whole line of fd, or NULL; free it. */
static char *read_last_line(int fd)
{
    struct stat about;
    char *text, *line = NULL;
    ssize_t size;
    off_t from;

    (void)fsync(fd); /* the record that follows must not be on disk before what the trainer said is */
    if (fstat(fd, &about) < 0)
        return NULL;
    from = about.st_size > MESSAGE_MAX_BYTES ? about.st_size - MESSAGE_MAX_BYTES : 0;
    text = xmalloc(MESSAGE_MAX_BYTES + 1);
    size = pread(fd, text, MESSAGE_MAX_BYTES, from);
    if (size > 0 && text[size - 1] == '\n') {
        text[size - 1] = '\0';
        line = memrchr(text, '\n', (size_t)size - 1);
        line = xstrdup(line ? line + 1 : text);
    }
    free(text);
    return line;
}

bool ending_read_bye(int dir, struct message *bye)
{
    struct err ignored; /* what is no spool has no bye, and a last line that is no message is none */
    int fd = file_open_beneath(dir, "events.jsonl", &ignored);
    char *line = fd < 0 ? NULL : read_last_line(fd);
    bool ok = line && message_read(bye, line, strlen(line), &ignored);

    if (ok && bye->type != MESSAGE_BYE) {
        message_done(bye);
        ok = false;
    }
    free(line);
    if (fd >= 0)
        (void)close(fd);
    return ok;
}
