/* keeper/ending.c: see ending.h. */
#include "keeper/ending.h"

#include "base/arena.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1 << 20, TAIL_LINES = 5 };

PRINTF(3, 4) static void fail(struct ending *ending, const char *cause, const char *fmt, ...)
{
    va_list args;

    (void)snprintf(ending->cause, sizeof ending->cause, "%s", cause);
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

static void settle_by_bye(struct ending *ending, const json_t *bye)
{
    const char *result = json_string_value(json_object_get(bye, "result"));
    const char *cause = json_string_value(json_object_get(bye, "cause"));
    const char *detail = json_string_value(json_object_get(bye, "detail"));

    ending->is_success = result && (strcmp(result, "done") == 0 || strcmp(result, "stopped") == 0);
    fail(ending, cause ? cause : ending->is_success ? "" : "internal", "%s", detail ? detail : "");
}

static void settle_by_signal(struct ending *ending, int sig, const char *last_lines)
{
    const char *name = sigabbrev_np(sig) ? sigabbrev_np(sig) : "?";

    if (sig == SIGKILL)
        fail(ending, "killed",
             "the trainer was ended by signal 9 (SIGKILL); if nobody sent it, the machine ran out of memory (dmesg)");
    else if (sig == SIGTERM || sig == SIGINT || sig == SIGHUP)
        fail(ending, "killed", "the trainer was ended by signal %d (SIG%s) before it could write a checkpoint", sig,
             name);
    else
        fail(ending, "crashed", "the trainer crashed: signal %d (SIG%s)%s%s", sig, name,
             *last_lines ? "; it wrote last: " : "", last_lines);
}

static void settle_by_code(struct ending *ending, int code, const char *last_lines)
{
    if (code == 0)
        fail(ending, "internal", "the trainer ended with status 0 without saying how the job ended");
    else
        fail(ending, "crashed", "the trainer ended with status %d%s%s", code,
             *last_lines ? "; it wrote last: " : " and wrote nothing", last_lines);
}

void ending_settle(struct ending *ending, const json_t *bye, int status, const struct child *child)
{
    char *last_lines = join_last_lines(child->tail);

    *ending = (struct ending){0};
    if (bye)
        settle_by_bye(ending, bye);
    else if (child->is_unloadable)
        fail(ending, "libtorch",
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

    if (fstat(fd, &about) < 0)
        return NULL;
    from = about.st_size > LINE_MAX_BYTES ? about.st_size - LINE_MAX_BYTES : 0;
    text = xmalloc(LINE_MAX_BYTES + 1);
    size = pread(fd, text, LINE_MAX_BYTES, from);
    if (size > 0 && text[size - 1] == '\n') {
        text[size - 1] = '\0';
        line = memrchr(text, '\n', (size_t)size - 1);
        line = xstrdup(line ? line + 1 : text);
    }
    free(text);
    return line;
}

json_t *ending_read_bye(int dir)
{
    int fd = openat(dir, "events.jsonl", O_RDONLY | O_CLOEXEC);
    char *line = fd < 0 ? NULL : read_last_line(fd);
    json_t *message = line ? json_loads(line, 0, NULL) : NULL;
    const char *type = json_string_value(json_object_get(message, "type"));

    if (!type || strcmp(type, "bye") != 0) {
        json_decref(message);
        message = NULL;
    }
    free(line);
    if (fd >= 0)
        (void)close(fd);
    return message;
}
