/* api/resources/h_amp.c: the AMP policy of a job and what really ran. */
#include "api/resources/handlers.h"
#include "api/resources/job_view.h"
#include "spec/amp_trace.h"
#include "spec/job_spec.h"
#include "storage/event_rows.h"

#include <inttypes.h>
#include <string.h>

struct traces {
    json_t *train, *eval; /* arrays, or NULL while there is none */
};

/* Collects the traces of a job's newest attempt. */
static bool read_traces(const struct app *app, const struct request *request, const struct job_row *row,
                        struct traces *traces, struct err *err)
{
    const struct {
        const char *pass;
        json_t **points;
    } slots[] = {{"train", &traces->train}, {"eval", &traces->eval}};
    struct event_row *events;
    size_t count;

    if (!store_events_of(app->store, request->arena, row->id, EVENT_AMP, &events, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        json_t *data = events[i].attempt == row->attempt ? json_loads(events[i].data, 0, NULL) : NULL;
        const char *pass = json_string_value(json_object_get(data, "pass"));

        for (size_t p = 0; pass && p < sizeof slots / sizeof *slots; p++)
            if (strcmp(pass, slots[p].pass) == 0 && !*slots[p].points)
                *slots[p].points = json_incref(json_object_get(data, "points"));
        json_decref(data);
    }
    return traces->train || err_set(err, ERR_NOT_FOUND,
                                    "job %" PRId64 " has no precision trace yet: its first step records one", row->id);
}

/* The policy and the variant of the stored spec, which this program wrote. */
static bool read_policy(json_t *json, struct amp_policy *policy, const struct variant **variant, struct err *err)
{
    struct job_spec *spec = xcalloc(1, sizeof *spec);
    bool *given = xcalloc(fields_count(job_fields), sizeof *given);
    json_t *faults = json_array();
    bool ok = fields_read(job_fields, job_hints, json, spec, given, faults) || job_spec_refuse(faults, err);

    *policy = spec->amp;
    *variant = &variants[spec->model];
    json_decref(faults);
    free(given);
    free(spec);
    return ok;
}

static json_t *difference_of(const struct amp_verdict *verdict)
{
    if (verdict->as_policy)
        return json_null();
    return json_pack("{ssssssss}", "point", verdict->first_difference.point, "pass", verdict->first_difference.pass,
                     "policy", verdict->first_difference.policy, "ran", verdict->first_difference.ran);
}

static bool show(const struct job_row *row, json_t *spec, const struct traces *traces, struct reply *reply,
                 struct err *err)
{
    const struct variant *variant;
    struct amp_policy policy;
    struct amp_verdict verdict;

    if (!read_policy(spec, &policy, &variant, err))
        return false;
    verdict = amp_trace_judge(traces->train, traces->eval, &policy, variant);
    return reply_json(reply, json_pack("{sOsososososososo}", "policy", json_object_get(spec, "amp"), "libtorch",
                                       row->device.libtorch ? reply_text(row->device.libtorch) : json_null(), "device",
                                       row->device.name ? reply_text(row->device.name) : json_null(), "train",
                                       json_incref(traces->train), "eval",
                                       traces->eval ? json_incref(traces->eval) : json_array(), "equal",
                                       traces->eval ? json_boolean(verdict.equal) : json_null(), "as_policy",
                                       json_boolean(verdict.as_policy), "first_difference", difference_of(&verdict)));
}

bool amp_show(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    struct traces traces = {NULL, NULL};
    struct job_row row;
    json_t *spec;
    bool ok = false;

    if (!store_job_read(app->store, request->arena, request->job, &row, err))
        return false;
    if (read_traces(app, request, &row, &traces, err) && job_view_spec(&row, &spec, err)) {
        ok = show(&row, spec, &traces, reply, err);
        json_decref(spec);
    }
    json_decref(traces.train);
    json_decref(traces.eval);
    return ok;
}
