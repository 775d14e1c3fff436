/* trainer/data/check.h: the report of `detrd-worker check DATASET`. */
#pragma once
#include "base/err.h"

#include <stdio.h>

enum check_form { CHECK_WORDS, CHECK_JSON };

/* Opens the data set in dir with all its splits, decodes every image and writes to out what is in it and what was put
 * right.  False: the first thing that training would not accept.  roots: see dataset_options. */
MUST_CHECK bool check_dataset(const char *dir, const char *roots, enum check_form form, FILE *out, struct err *err);
