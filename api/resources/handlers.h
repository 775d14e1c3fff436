/* api/resources/handlers.h: what answers each route.  A handler parses, calls and answers; it neither writes SQL nor
 * knows libmicrohttpd.  False means err says why, and the dispatcher makes that the reply. */
#pragma once
#include "api/http/app.h"
#include "api/http/reply.h"
#include "api/http/request.h"

typedef bool handler(const struct app *app, const struct request *request, struct reply *reply, struct err *err);

/* h_jobs.c, h_submit.c */
handler jobs_list, jobs_create, jobs_show, jobs_cancel_one, jobs_delete_one;
/* h_validate.c: makes the reply of a POST with validate=true whole with what check says of its data set */
void validate_answer(const struct ask *check, const struct request *request, struct reply *reply);
/* h_schema.c */
handler schema_show;
/* h_metrics.c */
handler metrics_show;
/* h_files.c */
handler log_show, checkpoints_list, checkpoint_send;
/* h_events.c */
handler events_of_job, events_of_topics;
/* h_amp.c */
handler amp_show;
/* h_system.c */
handler gpus_show, health_show;
/* h_page.c: every address that is not the API's */
handler page_show;
