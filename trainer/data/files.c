/* trainer/data/files.c: see files.h. */
#include "trainer/data/files.h"

#include "trainer/data/image/image.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, IMAGES_A_THREAD = 64 /* below that a thread costs more than it brings */ };

/* What the threads share. */
struct reading {
    char *const *roots;
    struct data_split *split;
    pthread_mutex_t mutex;
    /* under the mutex */
    int64_t next;   /* image nobody has taken yet */
    int64_t failed; /* the first one known to have failed, or image_count */
    struct err err; /* its error */
};

static bool name_is_plain(const char *name)
{
    if (*name == '\0' || *name == '/')
        return false;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return false;
    }
    return true;
}

static bool below_a_root(char *const *roots, const char *real)
{
    for (; *roots; roots++)
        if (strncmp(real, *roots, strlen(*roots)) == 0)
            return true;
    return false;
}

char **files_roots(struct arena *arena, const struct dataset_options *options)
{
    char *text = arena_strdup(arena, options->roots ? options->roots : ""), *rest = text, *part, real[PATH_MAX];
    size_t count = 2;
    char **roots;

    for (const char *at = text; *at; at++)
        count += *at == ':';
    roots = arena_alloc(arena, (count + 1) * sizeof(*roots));
    count = 0;
    if (realpath(options->dir, real))
        roots[count++] = arena_printf(arena, "%s/", real);
    while ((part = strsep(&rest, ":")))
        if (*part && realpath(part, real))
            roots[count++] = arena_printf(arena, "%s%s", real, real[1] ? "/" : "");
    return roots;
}

bool files_check(char *const *roots, const char *path, const char *name, struct err *err)
{
    char real[PATH_MAX];

    if (!realpath(path, real)) /* each part that is a link is followed */
        return err_set(err, ERR_DATASET, "image '%s': %s", name, strerror(errno));
    if (!below_a_root(roots, real))
        return err_set(err, ERR_DATASET, "'%s' is refused: it is a link to '%s', outside of the data set", name, real);
    return true;
}

static bool read_size(const struct reading *reading, struct data_image *image, struct err *err)
{
    const char *folder = reading->split->folder;
    char path[PATH_MAX];
    const char *name = path + (strrchr(folder, '/') + 1 - folder); /* "train/a.jpg" */

    if (snprintf(path, sizeof(path), "%s/%s", folder, image->file) >= (int)sizeof(path))
        return err_set(err, ERR_DATASET, "image '%.200s…': the path is too long", image->file);
    if (!name_is_plain(image->file))
        return err_set(err, ERR_DATASET, "'%s' is refused: a file_name must lead to below its split's folder", name);
    return files_check(reading->roots, path, name, err) && image_size(path, name, &image->width, &image->height, err);
}

static bool take(struct reading *reading, int64_t *index)
{
    bool more;

    (void)pthread_mutex_lock(&reading->mutex);
    more = reading->next < reading->failed;
    if (more)
        *index = reading->next++;
    (void)pthread_mutex_unlock(&reading->mutex);
    return more;
}

/* Images are taken in order, so all before the first failure have been read when every thread has ended. */
static void *read_many(void *arg)
{
    struct reading *reading = arg;
    struct err err;
    int64_t index;

    while (take(reading, &index)) {
        if (read_size(reading, &reading->split->images[index], &err))
            continue;
        (void)pthread_mutex_lock(&reading->mutex);
        if (index < reading->failed) {
            reading->failed = index;
            reading->err = err;
        }
        (void)pthread_mutex_unlock(&reading->mutex);
    }
    return NULL;
}

bool files_read_sizes(char *const *roots, struct data_split *split, struct err *err)
{
    struct reading reading = {
        .roots = roots, .split = split, .mutex = PTHREAD_MUTEX_INITIALIZER, .failed = split->image_count};
    pthread_t threads[THREADS];
    int count = 0;

    while (count < THREADS && count < split->image_count / IMAGES_A_THREAD &&
           pthread_create(&threads[count], NULL, read_many, &reading) == 0)
        count++;
    (void)read_many(&reading); /* this thread too, should there be no other */
    while (count > 0)
        (void)pthread_join(threads[--count], NULL);
    (void)pthread_mutex_destroy(&reading.mutex);
    if (reading.failed < split->image_count)
        *err = reading.err;
    return reading.failed == split->image_count;
}
