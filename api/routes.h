/* api/routes.h: from a request to its handler and its reply. */
#pragma once
#include "api/resources/handlers.h"

struct route {
    const char *method, *path; /* HEAD works where GET does */
    handler *handle;
    const char *query; /* its parameters, with blanks between */
    const char *later; /* those that a later version has */
    bool takes_body;
    const char *help; /* for docs/api.md */
};

/* Every address of the API; ends with an entry whose path is NULL. */
extern const struct route routes[];

/* Answers request, whatever it is: reply is whole afterwards.  Fills what request has from the path. */
void routes_answer(const struct app *app, struct request *request, struct reply *reply);
