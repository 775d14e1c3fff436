/* api/h_system.c: the machine and the daemon. */
#include "api/gpu_view.h"
#include "api/handlers.h"

static json_t *count_or_null(int64_t value)
{
    return value >= 0 ? json_integer(value) : json_null();
}

json_t *gpu_view(const struct app *app, size_t i)
{
    const struct gpu *gpu = gpus_at(app->gpus, i);
    int64_t job = jobs_on_gpu(app->jobs, gpu->uuid);
    struct gpu_usage usage;
    json_t *capability = json_null();

    gpus_usage(app->gpus, i, &usage);
    if (gpu->compute_major > 0)
        capability = json_sprintf("%d.%d", gpu->compute_major, gpu->compute_minor);
    return json_pack("{sosisosososososo}", "uuid", reply_text(gpu->uuid), "index", gpu->index, "name",
                     reply_text(gpu->name), "compute_capability", capability, "memory_total_bytes",
                     count_or_null(gpu->memory_total_bytes), "memory_used_bytes",
                     count_or_null(usage.memory_used_bytes), "utilization_ratio", reply_known(usage.utilization_ratio),
                     "job", job ? json_integer(job) : json_null());
}

bool gpus_show(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    json_t *gpus = json_array(), *jobs = json_array();
    size_t count = jobs_on_cpu(app->jobs, NULL, 0);
    int64_t *ids = arena_alloc(request->arena, (count + 1) * sizeof *ids);

    (void)err;
    (void)jobs_on_cpu(app->jobs, ids, count);
    for (size_t i = 0; i < gpus_count(app->gpus); i++)
        (void)json_array_append_new(gpus, gpu_view(app, i));
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(jobs, json_integer(ids[i]));
    return reply_json(reply,
                      json_pack("{sos{sIso}}", "gpus", gpus, "cpu", "slots", (json_int_t)app->cpu_slots, "jobs", jobs));
}

/* Alive means that the loop runs: the database is not asked. */
bool health_show(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    (void)request, (void)err;
    return reply_json(reply, json_pack("{ssss}", "status", "ok", "version", app->version));
}
