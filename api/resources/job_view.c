/* api/resources/job_view.c: see job_view.h. */
#include "api/resources/job_view.h"

#include "spec/metric.h"
#include "spec/parse.h"
#include "storage/event_rows.h"

#include <string.h>

/* What a member of a job is made from. */
struct subject {
    const struct app *app;
    const struct request *request;
    const struct job_row *row;
    json_t *warnings, *spec; /* borrowed; spec NULL in lists */
};

static json_t *text_or_null(const char *text)
{
    return text && *text ? reply_text(text) : json_null();
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

/* ---- the members ---- */

static json_t *id_of(const struct subject *job)
{
    return json_integer(job->row->id);
}

static json_t *name_of(const struct subject *job)
{
    return text_or_null(job->row->name);
}

static json_t *state_of(const struct subject *job)
{
    return json_string(job_state_name(job->row->state));
}

static json_t *cause_of(const struct subject *job)
{
    return text_or_null(job_cause_name(job->row->cause));
}

static json_t *detail_of(const struct subject *job)
{
    return text_or_null(job->row->detail);
}

static json_t *user_of(const struct subject *job)
{
    return text_or_null(job->row->user);
}

static json_t *priority_of(const struct subject *job)
{
    return json_integer(job->row->priority);
}

static json_t *attempt_of(const struct subject *job)
{
    return json_integer(job->row->attempt);
}

static json_t *made_of(const struct subject *job)
{
    return reply_time(job->row->made_ms);
}

static json_t *started_of(const struct subject *job)
{
    return reply_time(job->row->started_ms);
}

static json_t *ended_of(const struct subject *job)
{
    return reply_time(job->row->ended_ms);
}

static json_t *reason_of(const struct subject *job)
{
    return text_or_null(jobs_reason(job->app->jobs, job->request->arena, job->row));
}

static json_t *progress_of(const struct subject *job)
{
    const struct job_progress *progress = &job->row->progress;

    if (!progress->known)
        return json_null();
    return json_pack("{sIsIsIsIsoso}", "epoch", (json_int_t)progress->epoch, "epochs", (json_int_t)progress->epochs,
                     "step", (json_int_t)progress->step, "steps", (json_int_t)progress->steps, "images_per_s",
                     reply_known(progress->images_per_s), "eta_s", reply_known(progress->eta_s));
}

static json_t *best_of(const struct subject *job)
{
    const struct job_best *best = &job->row->best;

    if (!best->known)
        return json_null();
    return json_pack("{sssosI}", "metric", METRIC_VAL_MAP, "value", reply_number(best->value), "epoch",
                     (json_int_t)best->epoch);
}

static json_t *device_of(const struct subject *job)
{
    const struct job_row *row = job->row;
    json_t *uuids;

    if (row->attempt == 0 || row->state == JOB_QUEUED)
        return json_null();
    uuids = json_array();
    if (row->device.uuid)
        (void)json_array_append_new(uuids, reply_text(row->device.uuid));
    return json_pack("{sssoso}", "type", device_type_name(row->device.type), "name", text_or_null(row->device.name),
                     "uuids", uuids);
}

static json_t *warnings_member(const struct subject *job)
{
    return json_incref(job->warnings);
}

static json_t *folder_of(const struct subject *job)
{
    const struct job_row *row = job->row;

    return reply_text(jobs_folder(job->app->jobs, job->request->arena, row->id, row->attempt > 0 ? row->attempt : 1));
}

static json_t *disk_bytes_of(const struct subject *job)
{
    return json_integer(jobs_disk_bytes(job->app->jobs, job->row->id));
}

static json_t *spec_member(const struct subject *job)
{
    return json_incref(job->spec);
}

// clang-format off
static const struct member {
    struct job_member doc;
    json_t *(*value)(const struct subject *job);
} members[] = {
    {{"id", "integer", "Grows with every job and is never used again.", false}, id_of},
    {{"name", "text or null", "`/name` of its spec.", false}, name_of},
    {{"state", "text", "Where it stands; see States and causes.", false}, state_of},
    {{"cause", "text or null", "Why it failed, a word of a closed list.", false}, cause_of},
    {{"detail", "text or null", "The same in words, for the person who must act.", false}, detail_of},
    {{"user", "text or null", "The account that submitted it over a UNIX socket; null over TCP.", false}, user_of},
    {{"priority", "integer", "`/priority` of its spec: a higher one runs first.", false}, priority_of},
    {{"attempt", "integer", "0 while it is queued, then 1.", false}, attempt_of},
    {{"made", "time", "When it was submitted.", false}, made_of},
    {{"started", "time or null", "When its worker was started.", false}, started_of},
    {{"ended", "time or null", "When it came to a final state.", false}, ended_of},
    {{"reason", "text or null", "Why a queued job waits, in one sentence.", false}, reason_of},
    {{"progress", "object or null", "`{\"epoch\", \"epochs\", \"step\", \"steps\", \"images_per_s\", \"eta_s\"}`; epochs and steps count from 1, "
      "`step` is the last one that is finished, the last two are null while they are not known.", false}, progress_of},
    {{"best", "object or null", "`{\"metric\": \"val/mAP_50_95\", \"value\", \"epoch\"}` of its best evaluation so far.", false}, best_of},
    {{"device", "object or null", "`{\"type\": \"cpu\" or \"cuda\", \"name\", \"uuids\": []}`: where it runs or ran; null before it started.", false}, device_of},
    {{"warnings", "list", "`{\"detail\", \"pointer\", \"file\", \"count\"}`, the last three null where they do not apply.", false}, warnings_member},
    {{"folder", "text", "Path of its folder on the server, once it has started; docs/protocol.md says what lies there.", false}, folder_of},
    {{"disk_bytes", "integer", "What its folder takes on disk.", true}, disk_bytes_of},
    {{"spec", "object", "The effective spec.", true}, spec_member},
};
// clang-format on

const struct job_member *job_view_member(size_t i)
{
    return i < sizeof members / sizeof *members ? &members[i].doc : NULL;
}

static json_t *make_view(const struct subject *subject)
{
    json_t *job = json_object();

    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (subject->spec || !members[i].doc.is_alone)
            (void)json_object_set_new(job, members[i].doc.name, members[i].value(subject));
    return job;
}

json_t *job_view(const struct app *app, const struct request *request, const struct job_row *row, struct err *err)
{
    struct subject subject = {.app = app, .request = request, .row = row, .warnings = json_array()};
    json_t *job = NULL;

    if (warnings_of(app, request, row->id, subject.warnings, err) &&
        (!row->spec || job_view_spec(row, &subject.spec, err)))
        job = make_view(&subject);
    json_decref(subject.warnings);
    json_decref(subject.spec);
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
