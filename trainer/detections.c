/* trainer/detections.c: see detections.h. */
#include "trainer/detections.h"

#include "base/arena.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char name[] = "detections.json", part[] = ".detections.json.tmp";

struct detections_file {
    int folder;
    FILE *out;
    int64_t count;
};

static void close_all(struct detections_file *file)
{
    if (file->out)
        (void)fclose(file->out);
    if (file->folder >= 0)
        (void)close(file->folder);
    free(file);
}

struct detections_file *detections_open(int dir, struct err *err)
{
    struct detections_file *file = xcalloc(1, sizeof *file);
    int fd;

    (void)mkdirat(dir, "eval", 0755); /* it may be there; openat says what is wrong */
    file->folder = openat(dir, "eval", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fd = file->folder < 0 ? -1 : openat(file->folder, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    file->out = fd < 0 ? NULL : fdopen(fd, "w");
    if (file->out)
        return file;
    err_os(err, "open 'eval/%s'", part);
    close_all(file);
    return NULL;
}

void detections_add(struct detections_file *file, int64_t image_id, int64_t category_id, const double box[4],
                    double score)
{
    /* nine digits bring a float32 back exactly */
    (void)fprintf(file->out,
                  "%s{\"image_id\":%" PRId64 ",\"category_id\":%" PRId64 ",\"bbox\":[%.9g,%.9g,%.9g,%.9g],"
                  "\"score\":%.9g}",
                  file->count++ ? ",\n" : "[\n", image_id, category_id, box[0], box[1], box[2], box[3], score);
}

bool detections_commit(struct detections_file *file, struct err *err)
{
    bool ok;

    (void)fputs(file->count ? "\n]\n" : "[]\n", file->out);
    ok = fflush(file->out) == 0 && !ferror(file->out) && fsync(fileno(file->out)) == 0 &&
         renameat(file->folder, part, file->folder, name) == 0 && fsync(file->folder) == 0;
    if (!ok) {
        err_os(err, "write 'eval/%s'", name);
        (void)unlinkat(file->folder, part, 0);
    }
    close_all(file);
    return ok;
}

void detections_abandon(struct detections_file *file)
{
    if (!file)
        return;
    (void)unlinkat(file->folder, part, 0);
    close_all(file);
}
