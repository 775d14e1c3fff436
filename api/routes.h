/* api/routes.h: from a request to its handler and its reply. */
#pragma once
#include "api/app.h"
#include "api/reply.h"
#include "api/request.h"

/* Answers request, whatever it is: reply is whole afterwards.  Fills what request has from the path. */
void routes_answer(const struct app *app, struct request *request, struct reply *reply);
