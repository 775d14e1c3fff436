/* api/resources/job_view.c: see job_view.h. */
#include "api/resources/job_view.h"

#include "spec/metric.h"
#include "spec/parse.h"
#include "storage/event_rows.h"

#include <string.h>

static json_t *text_or_null(const char *text)
{
    return text && *text ? reply_text(text) : json_null();
}

static json_t *progress_of(const struct job_row *row)
{
    const struct job_progress *progress = &row->progress;

    if (!progress->known)
        return json_null();
    return json_pack("{sIsIsIsIsoso}", "epoch", (json_int_t)progress->epoch, "epochs", (json_int_t)progress->epochs,
                     "step", (json_int_t)progress->step, "steps", (json_int_t)progress->steps, "images_per_s",
                     reply_known(progress->images_per_s), "eta_s", reply_known(progress->eta_s));
}

static json_t *best_of(const struct job_row *row)
{
    if (!row->best.known)
        return json_null();
    return json_pack("{sssosI}", "metric", METRIC_VAL_MAP, "value", reply_number(row->best.value), "epoch",
                     (json_int_t)row->best.epoch);
}

static json_t *device_of(const struct job_row *row)
{
    json_t *uuids;

    if (row->attempt == 0 || row->state == JOB_QUEUED)
        return json_null();
    uuids = json_array();
    if (row->device.uuid)
        (void)json_array_append_new(uuids, reply_text(row->device.uuid));
    return json_pack("{sssoso}", "type", device_type_name(row->device.type), "name", text_or_null(row->device.name),
                     "uuids", uuids);
}

/* An event's data as JSON. */
static bool data_of(const struct event_row *event, json_t **json, struct err *err)
{
    *json = parse_json(event->data, strlen(event->data), err);
    return *json || err_set(err, ERR_INTERNAL, "event %lld of the database is not JSON", (long long)event->id);
}

static bool contains(const json_t *array, const json_t *value)
{
    size_t i;
    json_t *entry;

    json_array_foreach(array, i, entry) if (json_equal(entry, value)) return true;
    return false;
}

/* What a worker says again after the daemon has said it at submission is shown once. */
static bool warnings_of(const struct app *app, const struct request *request, int64_t job, json_t *warnings,
                        struct err *err)
{
    static const char *const members[] = {"detail", "pointer", "file", "count"};
    struct event_row *events;
    size_t count;

    if (!store_events_of(app->store, request->arena, job, EVENT_WARNING, &events, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        json_t *warning, *data;

        if (!data_of(&events[i], &data, err))
            return false;
        warning = json_object();
        for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
            json_t *value = json_object_get(data, members[m]);

            (void)json_object_set_new(warning, members[m], value ? json_incref(value) : json_null());
        }
        json_decref(data);
        if (!contains(warnings, warning))
            (void)json_array_append(warnings, warning);
        json_decref(warning);
    }
    return true;
}

bool job_view_spec(const struct job_row *row, json_t **spec, struct err *err)
{
    *spec = parse_json(row->spec, strlen(row->spec), err);
    return *spec || err_set(err, ERR_INTERNAL, "the stored spec of job %lld is not JSON", (long long)row->id);
}

/* Before its first attempt a job shows the folder that this one will have. */
static json_t *folder_of(const struct app *app, const struct request *request, const struct job_row *row)
{
    return reply_text(jobs_folder(app->jobs, request->arena, row->id, row->attempt > 0 ? row->attempt : 1));
}

static void set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

json_t *job_view(const struct app *app, const struct request *request, const struct job_row *row, struct err *err)
{
    json_t *warnings = json_array(), *spec = NULL, *job;

    if (!warnings_of(app, request, row->id, warnings, err) || (row->spec && !job_view_spec(row, &spec, err))) {
        json_decref(warnings);
        return NULL;
    }
    job = json_object();
    set(job, "id", json_integer(row->id));
    set(job, "name", text_or_null(row->name));
    set(job, "state", json_string(job_state_name(row->state)));
    set(job, "cause", text_or_null(job_cause_name(row->cause)));
    set(job, "detail", text_or_null(row->detail));
    set(job, "user", text_or_null(row->user));
    set(job, "attempt", json_integer(row->attempt));
    set(job, "made", reply_time(row->made_ms));
    set(job, "started", reply_time(row->started_ms));
    set(job, "ended", reply_time(row->ended_ms));
    set(job, "reason", text_or_null(jobs_reason(app->jobs, request->arena, row)));
    set(job, "progress", progress_of(row));
    set(job, "best", best_of(row));
    set(job, "device", device_of(row));
    set(job, "warnings", warnings);
    set(job, "folder", folder_of(app, request, row));
    if (spec) {
        set(job, "disk_bytes", json_integer(jobs_disk_bytes(app->jobs, row->id)));
        set(job, "spec", spec);
    }
    return job;
}

bool job_view_reply(const struct app *app, const struct request *request, int64_t id, struct reply *reply,
                    struct err *err)
{
    struct job_row row;
    json_t *job;

    if (!store_job_read(app->store, request->arena, id, &row, err))
        return false;
    job = job_view(app, request, &row, err);
    return job && reply_json(reply, job);
}
