/* api/resources/job_view.h: a job as the API shows it. */
#pragma once
#include "api/http/app.h"
#include "api/http/reply.h"
#include "api/http/request.h"
#include "storage/job_rows.h"

/* A member of a job as the API shows it. */
struct job_member {
    const char *name, *type, *help; /* for docs/api.md */
    bool is_alone;                  /* not in lists of jobs */
};

/* The i-th member, NULL behind the last. */
const struct job_member *job_view_member(size_t i);

/* Returns the job of row as JSON, with its spec where row has one, or NULL. */
MUST_CHECK json_t *job_view(const struct app *app, const struct request *request, const struct job_row *row,
                            struct err *err);

/* Reads the job of that id and makes it the reply. */
MUST_CHECK bool job_view_reply(const struct app *app, const struct request *request, int64_t id, struct reply *reply,
                               struct err *err);

/* The effective spec of row, which has one. */
MUST_CHECK bool job_view_spec(const struct job_row *row, json_t **spec, struct err *err);
