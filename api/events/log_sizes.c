/* api/events/log_sizes.c: see log_sizes.h. */
#include "api/events/log_sizes.h"

#include "storage/job_rows.h"

#include <stdlib.h>
#include <sys/stat.h>

struct log_sizes {
    const struct app *app;
    struct log_size *list;
    size_t count;
};

struct log_sizes *log_sizes_new(const struct app *app)
{
    struct log_sizes *sizes = xcalloc(1, sizeof *sizes);

    sizes->app = app;
    return sizes;
}

void log_sizes_free(struct log_sizes *sizes)
{
    if (!sizes)
        return;
    free(sizes->list);
    free(sizes);
}

static struct log_size look(const struct app *app, int64_t job)
{
    struct arena *arena = arena_new();
    struct log_size size = {.job = job};
    struct job_row row;
    struct stat status;
    struct err err;

    if (store_job_read(app->store, arena, job, &row, &err) && row.attempt > 0 &&
        lstat(arena_printf(arena, "%s/log.txt", jobs_folder(app->jobs, arena, row.id, row.attempt)), &status) == 0) {
        size.attempt = row.attempt;
        size.bytes = (int64_t)status.st_size;
    }
    arena_free(arena);
    return size;
}

const struct log_size *log_sizes_of(struct log_sizes *sizes, int64_t job)
{
    for (size_t i = 0; i < sizes->count; i++)
        if (sizes->list[i].job == job)
            return &sizes->list[i];
    sizes->list = xrealloc(sizes->list, (sizes->count + 1) * sizeof *sizes->list);
    sizes->list[sizes->count] = look(sizes->app, job);
    return &sizes->list[sizes->count++];
}
