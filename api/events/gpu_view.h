/* api/events/gpu_view.h: a GPU as the API shows it. */
#pragma once
#include "api/http/app.h"

#include <jansson.h>

/* Returns the i-th GPU, what it does now and the job on it. */
json_t *gpu_view(const struct app *app, size_t i);
