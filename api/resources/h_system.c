/* api/resources/h_system.c: the machine and the daemon. */
#include "api/events/gpu_view.h"
#include "api/resources/handlers.h"

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
