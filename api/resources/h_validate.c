/* api/resources/h_validate.c: what a spec would train on, told without queuing anything. */
#include "api/resources/handlers.h"
#include "spec/fields.h"

/* The report's own warnings stand beside the spec's. */
static void add_report(json_t *json, json_t *report)
{
    json_t *warnings = json_object_get(json, "warnings"), *found = json_object_get(report, "warnings");

    if (json_is_array(found))
        (void)json_array_extend(warnings, found);
    (void)json_object_del(report, "warnings");
    (void)json_object_set_new(json, "dataset", report);
}

void validate_answer(const struct ask *check, const struct request *request, struct reply *reply)
{
    const char *words;
    json_t *report;
    struct err err;

    reply->dataset = NULL;
    if (ask_answer(check, ERR_DATASET, &report, &err)) {
        add_report(reply->json, report);
        return;
    }
    words = arena_strdup(request->arena, err.msg);
    if (err.code == ERR_DATASET) { /* told as a fault of the spec, which names it */
        err.code = ERR_BAD_SPEC;
        field_fault(reply->faults, "/dataset_dir", json_object_get(json_object_get(reply->json, "spec"), "dataset_dir"),
                    "%s", words);
    } else {
        (void)err_set(&err, err.code, "the data set cannot be read now: %s", words);
    }
    reply_problem(reply, request, &err);
}
