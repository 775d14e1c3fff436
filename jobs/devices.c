/* jobs/devices.c: see devices.h. */
#include "jobs/devices.h"

#include "base/clock.h"
#include "jobs/spawn.h"
#include "spec/parse.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MAX_BYTES = 64 * 1024 };

static const double deadline_s = 60;

static bool has_text(const json_t *list, const char *text)
{
    size_t i;
    const json_t *value;

    json_array_foreach(list, i, value)
    {
        if (json_is_string(value) && strcmp(json_string_value(value), text) == 0)
            return true;
    }
    return false;
}

static bool read_answer(const char *text, size_t size, struct devices *devices, struct err *err)
{
    struct devices read = {0};
    json_t *json = parse_json(text, size, err);
    const char *libtorch = json_string_value(json_object_get(json, "libtorch"));
    size_t i;
    const json_t *device;

    if (!json)
        return false;
    json_array_foreach(json_object_get(json, "devices"), i, device)
    {
        const char *type = json_string_value(json_object_get(device, "type"));

        if (type && strcmp(type, "cuda") == 0)
            read.has_cuda = true;
        if (type && strcmp(type, "cpu") == 0)
            read.cpu_native_bfloat16 = has_text(json_object_get(device, "native"), "bfloat16");
    }
    (void)snprintf(read.libtorch, sizeof read.libtorch, "%s", libtorch ? libtorch : "");
    json_decref(json);
    if (!*read.libtorch)
        return err_set(err, ERR_LIBTORCH, "its answer names no libtorch");
    *devices = read;
    return true;
}

/* Reads until the end of fd.  Returns the bytes read, or -1 when it took too long or was too much. */
static ssize_t read_all(int fd, char *text, size_t size)
{
    double until = clock_monotonic_s() + deadline_s;
    size_t used = 0;

    while (used < size) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        double left = until - clock_monotonic_s();
        ssize_t got;

        if (left <= 0 || poll(&wait, 1, (int)(left * 1000) + 1) <= 0)
            return -1;
        got = read(fd, text + used, size - used);
        if (got <= 0)
            return got < 0 ? -1 : (ssize_t)used;
        used += (size_t)got;
    }
    return -1;
}

static bool start(const char *worker, int *out, pid_t *pid, struct err *err)
{
    char *argv[] = {(char *)worker, (char *)"devices", NULL};
    int ends[2], nothing = open("/dev/null", O_RDONLY | O_CLOEXEC), fds[3];
    bool ok;

    if (nothing < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return err_os(err, "pipe");
    fds[0] = nothing;
    fds[1] = ends[1];
    fds[2] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3); /* its words go where ours go */
    ok = fds[2] >= 0 ? spawn(worker, argv, environ, fds, pid, err) : err_os(err, "fcntl");
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    if (ok)
        *out = ends[0];
    else
        (void)close(ends[0]);
    return ok;
}

bool devices_ask(const char *worker, struct devices *devices, struct err *err)
{
    char text[ANSWER_MAX_BYTES];
    ssize_t size;
    pid_t pid;
    int out = -1, status = 0;

    if (!start(worker, &out, &pid, err))
        return false;
    size = read_all(out, text, sizeof text);
    (void)close(out);
    if (size < 0)
        (void)kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    if (size < 0)
        return err_set(err, ERR_LIBTORCH, "'%s devices' did not answer within %.0f s", worker, deadline_s);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return err_set(err, ERR_LIBTORCH, "'%s devices' failed, see its words above", worker);
    return read_answer(text, (size_t)size, devices, err);
}
