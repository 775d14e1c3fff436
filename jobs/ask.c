/* jobs/ask.c: see ask.h. */
#include "jobs/ask.h"

#include "base/arena.h"
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

struct ask {
    pid_t pid;
    int pidfd;
    struct loop_source *ended, *deadline;
    struct output out, said;
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

static void finish(struct ask *ask)
{
    read_output(&ask->out, 0);
    read_output(&ask->said, 0);
    loop_remove(ask->ended);
    loop_remove(ask->deadline);
    ask->ended = ask->deadline = NULL;
    ask->is_over = true;
    ask->done(ask->arg);
}

static void on_end(void *arg, uint32_t events)
{
    struct ask *ask = arg;

    (void)events;
    if (waitpid(ask->pid, &ask->status, WNOHANG) == ask->pid)
        finish(ask);
}

static void kill_all(const struct ask *ask)
{
    (void)kill(-ask->pid, SIGKILL); /* it leads a session: what it has started goes too */
    (void)waitpid(ask->pid, NULL, 0);
}

static void on_deadline(void *arg)
{
    struct ask *ask = arg;

    kill_all(ask);
    ask->is_late = true;
    finish(ask);
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

static bool start(struct ask *ask, const char *worker, const char *const words[], struct err *err)
{
    char *argv[ASK_WORDS_MAX + 2] = {(char *)(uintptr_t)worker};
    int out[2] = {-1, -1}, said[2] = {-1, -1};
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool ok = nothing >= 0 || err_os(err, "open /dev/null");

    for (size_t i = 0; i < ASK_WORDS_MAX && words[i]; i++)
        argv[i + 1] = (char *)(uintptr_t)words[i];
    ok = ok && open_pipe(out, err) && open_pipe(said, err) &&
         spawn(worker, argv, environ, (const int[]){nothing, out[1], said[1]}, &ask->pid, err);
    close_all((const int[]){nothing, out[1], said[1]}, 3);
    ask->out.fd = out[0];
    ask->said.fd = said[0];
    return ok;
}

static bool watch(struct ask *ask, struct loop *loop, int64_t timeout_ms, struct err *err)
{
    ask->pidfd = pidfd_of(ask->pid);
    if (ask->pidfd < 0)
        return err_os(err, "pidfd_open");
    ask->deadline = loop_timer(loop, on_deadline, ask);
    loop_timer_set(ask->deadline, timeout_ms);
    return (ask->ended = loop_fd(loop, ask->pidfd, EPOLLIN, on_end, ask, err)) &&
           (ask->out.ready = loop_fd(loop, ask->out.fd, EPOLLIN, read_output, &ask->out, err)) &&
           (ask->said.ready = loop_fd(loop, ask->said.fd, EPOLLIN, read_output, &ask->said, err));
}

struct ask *ask_start(const char *worker, struct loop *loop, const char *const words[], int64_t timeout_ms,
                      void (*done)(void *arg), void *arg, struct err *err)
{
    struct ask *ask = xcalloc(1, sizeof *ask);

    ask->pidfd = -1;
    ask->done = done;
    ask->arg = arg;
    if (start(ask, worker, words, err) && watch(ask, loop, timeout_ms, err))
        return ask;
    ask_free(ask);
    return NULL;
}

void ask_free(struct ask *ask)
{
    if (!ask)
        return;
    if (ask->pid > 0 && !ask->is_over)
        kill_all(ask);
    loop_remove(ask->ended);
    loop_remove(ask->deadline);
    loop_remove(ask->out.ready);
    loop_remove(ask->said.ready);
    close_all((const int[]){ask->pidfd, ask->out.fd, ask->said.fd}, 3);
    free(ask->out.text);
    free(ask->said.text);
    free(ask);
}

/* Fills err with the last line of what it said, without its level.  The keeper's own words, that there is no libtorch
 * for one, are no answer. */
static bool say_last_line(const struct ask *ask, enum err_code code, struct err *err)
{
    static const struct {
        const char *text;
        bool is_keepers;
    } heads[] = {{"error: ", false}, {"<3>", false}, {"detrd-worker: ", true}};
    char *text = xstrdup(ask->said.size > 0 ? ask->said.text : "detrd-worker said nothing");
    size_t size = strlen(text);
    const char *line;
    bool ok;

    while (size > 0 && text[size - 1] == '\n')
        text[--size] = '\0';
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

bool ask_answer(const struct ask *ask, enum err_code no, json_t **answer, struct err *err)
{
    if (!ask->is_over)
        return err_set(err, ERR_UNAVAILABLE, "detrd is about to end");
    if (ask->is_late)
        return err_set(err, ERR_UNAVAILABLE, "detrd-worker did not answer in time");
    if (!WIFEXITED(ask->status) || WEXITSTATUS(ask->status) > EXIT_SAID_NO)
        return say_last_line(ask, ERR_UNAVAILABLE, err);
    if (WEXITSTATUS(ask->status) == EXIT_SAID_NO)
        return say_last_line(ask, no, err);
    if (ask->out.is_too_long)
        return err_set(err, ERR_UNAVAILABLE, "the answer of detrd-worker is longer than %d bytes", OUTPUT_MAX);
    *answer = parse_json(ask->out.text ? ask->out.text : "", ask->out.size, err);
    return *answer || err_set(err, ERR_UNAVAILABLE, "the answer of detrd-worker is not JSON");
}
