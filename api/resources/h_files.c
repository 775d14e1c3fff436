/* api/resources/h_files.c: files of a job's folder: the worker's output and the checkpoints.  A client names a
 * checkpoint that the database knows, never a path. */
#include "api/http/range.h"
#include "api/resources/handlers.h"
#include "base/file.h"
#include "storage/event_rows.h"
#include "storage/job_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAIL_MAX = 100000, BLOCK = 64 * 1024 };

/* Opens a file in a job's folder and leaves it in reply. */
static bool open_file(const char *folder, const char *path, struct reply *reply, struct err *err)
{
    int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat status;

    if (dir < 0)
        return errno == ENOENT ? err_set(err, ERR_NOT_FOUND, "%s is gone", folder) : err_os(err, "open %s", folder);
    reply->fd = file_open_beneath(dir, path, err);
    (void)close(dir);
    if (reply->fd < 0)
        return false;
    if (fstat(reply->fd, &status) < 0)
        return err_os(err, "look at %s", path);
    reply->size = (size_t)status.st_size;
    return true;
}

/* Where the last `lines` lines of the file start; a line without its newline counts. */
static int64_t find_tail(int fd, int64_t size, int64_t lines)
{
    static char block[BLOCK];
    int64_t end = size;

    while (end > 0) {
        int64_t start = end > BLOCK ? end - BLOCK : 0;
        ssize_t got = pread(fd, block, (size_t)(end - start), start);

        for (int64_t i = got - 1; i >= 0; i--)
            if (block[i] == '\n' && start + i + 1 < size && --lines == 0)
                return start + i + 1;
        if (got != end - start)
            return start; /* it shrank meanwhile, or cannot be read: the reply ends early */
        end = start;
    }
    return 0;
}

bool log_show(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    struct job_row row;
    int64_t tail;
    const char *folder;

    if (!request_int(request, "tail", 1, TAIL_MAX, 0, &tail, err) ||
        !store_job_read(app->store, request->arena, request->job, &row, err))
        return false;
    reply->content_type = "text/plain; charset=utf-8";
    if (row.attempt == 0)
        return true;
    folder = jobs_folder(app->jobs, request->arena, row.id, row.attempt);
    if (!open_file(folder, "log.txt", reply, err))
        return err->code == ERR_NOT_FOUND; /* not written yet */
    if (tail > 0)
        reply->start = find_tail(reply->fd, (int64_t)reply->size, tail);
    reply->size -= (size_t)reply->start;
    return true;
}

bool checkpoints_list(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    json_t *list;
    struct event_row *events;
    struct job_row row;
    size_t count;

    if (!store_job_read(app->store, request->arena, request->job, &row, err) ||
        !store_checkpoints(app->store, request->arena, request->job, &events, &count, err))
        return false;
    list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *checkpoint = json_loads(events[i].data, 0, NULL);

        (void)json_object_set_new(checkpoint, "made", reply_time(events[i].time_ms));
        (void)json_array_append_new(list, checkpoint ? checkpoint : json_object());
    }
    return reply_json(reply, json_pack("{so}", "checkpoints", list));
}

/* Finds the newest checkpoint of that name.  ERR_NOT_FOUND. */
static bool find_checkpoint(const struct app *app, const struct request *request, struct event_row *found,
                            struct err *err)
{
    struct event_row *events;
    size_t count;

    if (!store_checkpoints(app->store, request->arena, request->job, &events, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        json_t *data = json_loads(events[i].data, 0, NULL);
        const char *name = json_string_value(json_object_get(data, "name"));
        bool same = name && strcmp(name, request->name) == 0;

        json_decref(data);
        *found = events[i];
        if (same)
            return true;
    }
    return err_set(err, ERR_NOT_FOUND, "job %" PRId64 " has no checkpoint '%.100s'", request->job, request->name);
}

/* Changes with the file: a checkpoint is replaced under its name, and a download must not go on in another. */
static const char *etag_of(struct arena *arena, int fd)
{
    struct stat status = {0};

    (void)fstat(fd, &status); /* it has worked for its size already */
    return arena_printf(arena, "\"%jx-%jx-%jx\"", (uintmax_t)status.st_ino, (uintmax_t)status.st_size,
                        (uintmax_t)status.st_mtim.tv_sec * 1000000000U + (uintmax_t)status.st_mtim.tv_nsec);
}

/* Sends the part of the file that the request asks for, where it does. */
static void cut_range(const struct request *request, struct reply *reply)
{
    bool is_same = !request->if_range || strcmp(request->if_range, reply->etag) == 0;
    int64_t size = (int64_t)reply->size, start, length;
    struct err err;

    switch (range_read(is_same ? request->range : NULL, size, request->arena, &start, &length)) {
    case RANGE_WHOLE:
        return;
    case RANGE_PART:
        reply->status = 206;
        reply->start = start;
        reply->size = (size_t)length;
        reply->content_range =
            arena_printf(request->arena, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, start, start + length - 1, size);
        return;
    case RANGE_OUTSIDE:
        (void)err_set(&err, ERR_BAD_QUERY, "the file has %" PRId64 " bytes; the Range '%.100s' has none of them", size,
                      request->range);
        reply_problem(reply, request, &err);
        reply->status = 416;
        (void)json_object_set_new(reply->json, "status", json_integer(416));
        reply->content_range = arena_printf(request->arena, "bytes */%" PRId64, size);
        return;
    }
}

bool checkpoint_send(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    struct event_row event = {0};
    struct job_row row;
    const char *path;

    if (!store_job_read(app->store, request->arena, request->job, &row, err) ||
        !find_checkpoint(app, request, &event, err))
        return false;
    path = arena_printf(request->arena, "checkpoints/%s", request->name);
    if (!open_file(jobs_folder(app->jobs, request->arena, row.id, event.attempt), path, reply, err))
        return err->code == ERR_NOT_FOUND
                   ? err_set(err, ERR_NOT_FOUND, "the file of checkpoint '%.100s' is gone", request->name)
                   : false;
    reply->content_type = "application/octet-stream";
    reply->disposition =
        arena_printf(request->arena, "attachment; filename=\"job-%" PRId64 "-%s\"", row.id, request->name);
    reply->etag = etag_of(request->arena, reply->fd);
    reply->accept_ranges = "bytes";
    cut_range(request, reply);
    return true;
}
