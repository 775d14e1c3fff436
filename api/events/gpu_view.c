/* api/events/gpu_view.c: see gpu_view.h. */
#include "api/events/gpu_view.h"

#include "api/http/reply.h"

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
