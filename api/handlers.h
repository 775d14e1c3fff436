/* api/handlers.h: what answers each route.  A handler parses, calls and answers; it neither writes SQL nor knows
 * libmicrohttpd.  False means err says why, and the dispatcher makes that the reply. */
#pragma once
#include "api/app.h"
#include "api/reply.h"
#include "api/request.h"

typedef bool handler(const struct app *app, const struct request *request, struct reply *reply, struct err *err);

/* h_jobs.c, h_submit.c */
handler jobs_list, jobs_create, jobs_show, jobs_cancel_one;
/* h_metrics.c */
handler metrics_show;
/* h_files.c */
handler log_show, checkpoints_list, checkpoint_send;
/* h_amp.c */
handler amp_show;
/* h_system.c */
handler gpus_show, health_show;
/* static.c: every address that is not the API's */
handler page_show;
