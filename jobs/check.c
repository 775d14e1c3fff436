/* jobs/check.c: see check.h. */
#include "jobs/check.h"

#include "base/arena.h"
#include "base/text.h"
#include "jobs/spawn.h"
#include "spec/parse.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX = 1024 * 1024, EXIT_SAID_NO = 1 /* detrd-worker's: the cause in its last line */ };

/* What comes out of a pipe; a process that writes more than is kept is read on, so that it can end. */
struct output {
    int fd;
    struct loop_source *ready;
    char *text;
    size_t size;
    bool is_too_long;
};

struct check {
    pid_t pid;
    int pidfd;
    struct loop_source *ended, *deadline;
    struct output out, words;
    int status;
    bool is_over, is_late;
    void (*done)(void *arg);
    void *arg;
};

static void read_output(void *arg, uint32_t events)
{
    struct output *output = arg;
    char block[4096];
    ssize_t got;

    (void)events;
    while ((got = read(output->fd, block, sizeof block)) > 0) {
        if (output->size + (size_t)got > OUTPUT_MAX) {
            output->is_too_long = true;
            continue;
        }
        output->text = xrealloc(output->text, output->size + (size_t)got + 1);
        memcpy(output->text + output->size, block, (size_t)got);
        output->size += (size_t)got;
        output->text[output->size] = '\0';
    }
    if (got == 0) { /* its end would be told again and again */
        loop_remove(output->ready);
        output->ready = NULL;
    }
}

static void finish(struct check *check)
{
    read_output(&check->out, 0);
    read_output(&check->words, 0);
    loop_remove(check->ended);
    loop_remove(check->deadline);
    check->ended = check->deadline = NULL;
    check->is_over = true;
    check->done(check->arg);
}

static void on_end(void *arg, uint32_t events)
{
    struct check *check = arg;

    (void)events;
    if (waitpid(check->pid, &check->status, WNOHANG) == check->pid)
        finish(check);
}

static void kill_all(const struct check *check)
{
    (void)kill(-check->pid, SIGKILL); /* it leads a session: what it has started goes too */
    (void)waitpid(check->pid, NULL, 0);
}

static void on_deadline(void *arg)
{
    struct check *check = arg;

    kill_all(check);
    check->is_late = true;
    finish(check);
}

static bool open_pipe(int ends[2], struct err *err)
{
    return (pipe2(ends, O_CLOEXEC) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0) || err_os(err, "pipe");
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
}

static bool start(struct check *check, const char *worker, const char *dataset, struct err *err)
{
    char *argv[] = {(char *)(uintptr_t)worker, (char *)(uintptr_t) "check", (char *)(uintptr_t) "--brief",
                    (char *)(uintptr_t)dataset, NULL};
    int out[2] = {-1, -1}, words[2] = {-1, -1};
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool ok = nothing >= 0 || err_os(err, "open /dev/null");

    ok = ok && open_pipe(out, err) && open_pipe(words, err) &&
         spawn(worker, argv, environ, (const int[]){nothing, out[1], words[1]}, &check->pid, err);
    close_all((const int[]){nothing, out[1], words[1]}, 3);
    check->out.fd = out[0];
    check->words.fd = words[0];
    return ok;
}

static bool watch(struct check *check, struct loop *loop, int64_t timeout_ms, struct err *err)
{
    check->pidfd = pidfd_of(check->pid);
    if (check->pidfd < 0)
        return err_os(err, "pidfd_open");
    check->deadline = loop_timer(loop, on_deadline, check);
    loop_timer_set(check->deadline, timeout_ms);
    return (check->ended = loop_fd(loop, check->pidfd, EPOLLIN, on_end, check, err)) &&
           (check->out.ready = loop_fd(loop, check->out.fd, EPOLLIN, read_output, &check->out, err)) &&
           (check->words.ready = loop_fd(loop, check->words.fd, EPOLLIN, read_output, &check->words, err));
}

struct check *check_start(const char *worker, struct loop *loop, const char *dataset, int64_t timeout_ms,
                          void (*done)(void *arg), void *arg, struct err *err)
{
    struct check *check = xcalloc(1, sizeof *check);

    check->pidfd = -1;
    check->done = done;
    check->arg = arg;
    if (start(check, worker, dataset, err) && watch(check, loop, timeout_ms, err))
        return check;
    check_free(check);
    return NULL;
}

void check_free(struct check *check)
{
    if (!check)
        return;
    if (check->pid > 0 && !check->is_over)
        kill_all(check);
    loop_remove(check->ended);
    loop_remove(check->deadline);
    loop_remove(check->out.ready);
    loop_remove(check->words.ready);
    close_all((const int[]){check->pidfd, check->out.fd, check->words.fd}, 3);
    free(check->out.text);
    free(check->words.text);
    free(check);
}

/* Fills err with the last line of what it said, without its level.  The keeper's own words, that there is no libtorch
 * for one, say nothing about the data set. */
static bool say_last_line(const struct check *check, enum err_code code, struct err *err)
{
    static const struct {
        const char *text;
        bool is_keepers;
    } heads[] = {{"error: ", false}, {"<3>", false}, {"detrd-worker: ", true}};
    char *text = xstrdup(check->words.size > 0 ? check->words.text : "detrd-worker check said nothing");
    size_t size = strlen(text);
    const char *line;
    bool ok;

    while (size > 0 && text[size - 1] == '\n')
        text[--size] = '\0';
    text_make_utf8(text);
    line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        if (strncmp(line, heads[i].text, strlen(heads[i].text)) != 0)
            continue;
        line += strlen(heads[i].text);
        code = heads[i].is_keepers ? ERR_UNAVAILABLE : code;
    }
    ok = err_set(err, code, "%.700s", line);
    free(text);
    return ok;
}

bool check_result(const struct check *check, json_t **report, struct err *err)
{
    if (!check->is_over)
        return err_set(err, ERR_UNAVAILABLE, "detrd is about to end");
    if (check->is_late)
        return err_set(err, ERR_UNAVAILABLE, "the data set was not read in time; submit the job without validate");
    if (!WIFEXITED(check->status) || WEXITSTATUS(check->status) > EXIT_SAID_NO)
        return say_last_line(check, ERR_UNAVAILABLE, err);
    if (WEXITSTATUS(check->status) == EXIT_SAID_NO)
        return say_last_line(check, ERR_DATASET, err);
    if (check->out.is_too_long)
        return err_set(err, ERR_UNAVAILABLE, "the report on the data set is longer than %d bytes", OUTPUT_MAX);
    *report = parse_json(check->out.text ? check->out.text : "", check->out.size, err);
    return *report || err_set(err, ERR_UNAVAILABLE, "the report on the data set is not JSON");
}
