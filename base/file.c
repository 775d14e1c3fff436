/* base/file.c: see file.h. */
#include "base/file.h"

#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

bool file_write_all(int fd, const void *data, size_t size, struct err *err)
{
    const char *at = data;

    while (size > 0) {
        ssize_t done = write(fd, at, size);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_os(err, "write");
        at += done;
        size -= (size_t)done;
    }
    return true;
}

bool file_replace(int dir, const char *name, const void *data, size_t size, struct err *err)
{
    char *tmp = xasprintf(".%s.tmp", name);
    bool ok = false;
    int fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0) {
        err_os(err, "open '%s'", tmp);
        free(tmp);
        return false;
    }
    if (!file_write_all(fd, data, size, err))
        goto out;
    if (fsync(fd) < 0 || renameat(dir, tmp, dir, name) < 0 || (dir != AT_FDCWD && fsync(dir) < 0)) {
        err_os(err, "replace '%s'", name);
        goto out;
    }
    ok = true;
out:
    (void)close(fd); /* fsync has reported what close could */
    if (!ok)
        (void)unlinkat(dir, tmp, 0);
    free(tmp);
    return ok;
}

static char *read_fd(int fd, const char *path, size_t max, size_t *size, struct err *err)
{
    size_t used = 0, room = 4096;
    char *data = xmalloc(room + 1);

    for (;;) {
        ssize_t got;

        if (used == room) {
            room *= 2;
            data = xrealloc(data, room + 1);
        }
        got = read(fd, data + used, room - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            err_os(err, "read '%s'", path);
            break;
        }
        used += (size_t)got;
        if (used > max) {
            err_set(err, ERR_TOO_LARGE, "'%s' is larger than %zu bytes", path, max);
            break;
        }
        if (got == 0) {
            data[used] = '\0';
            if (size)
                *size = used;
            return data;
        }
    }
    free(data);
    return NULL;
}

/* Fills err for a file that could not be opened. */
static void tell_unopened(const char *path, struct err *err)
{
    err_os(err, "open '%s'", path);
    if (errno == ENOENT || errno == ENOTDIR)
        err->code = ERR_NOT_FOUND;
}

/* Reads and closes fd. */
static char *read_and_close(int fd, const char *path, size_t max, size_t *size, struct err *err)
{
    char *data = fd < 0 ? NULL : read_fd(fd, path, max, size, err);

    if (fd >= 0)
        (void)close(fd);
    return data;
}

char *file_read(int dir, const char *path, size_t max, size_t *size, struct err *err)
{
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        tell_unopened(path, err);
    return read_and_close(fd, path, max, size, err);
}

/* EPERM is how containers refuse a call that they do not know; reading has no other reason for it. */
static int open_beneath(int dir, const char *path)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);

    if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
        return fd;
    errno = EXDEV; /* as openat2 has it */
    return *path == '/' || strstr(path, "..") ? -1 : openat(dir, path, (int)how.flags);
}

int file_open_beneath(int dir, const char *path, struct err *err)
{
    int fd = open_beneath(dir, path);
    struct stat status;

    if (fd < 0) {
        tell_unopened(path, err);
        return -1;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        return fd;
    (void)close(fd);
    err_set(err, ERR_INTERNAL, "open '%s': it is no regular file", path);
    errno = EINVAL;
    return -1;
}

char *file_read_beneath(int dir, const char *path, size_t max, size_t *size, struct err *err)
{
    return read_and_close(file_open_beneath(dir, path, err), path, max, size, err);
}

bool file_make_dirs(const char *path, unsigned mode, struct err *err)
{
    char *copy = xstrdup(path);
    bool ok = true;

    for (char *at = copy + 1; ok && *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        ok = mkdir(copy, (mode_t)mode) == 0 || errno == EEXIST;
        *at = '/';
    }
    ok = ok && (mkdir(copy, (mode_t)mode) == 0 || errno == EEXIST);
    if (!ok)
        err_os(err, "make directory '%s'", path);
    free(copy);
    return ok;
}
