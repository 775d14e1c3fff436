/* api/docs.h: docs/api.md, printed from the tables of routes, problems, fields, states and series. */
#pragma once
#include <stdio.h>

void docs_print_api(FILE *out);
