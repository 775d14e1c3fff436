/* trainer/data/check.h: the report of `detrd-worker check DATASET`. */
#pragma once
#include "base/err.h"

#include <stdio.h>

enum check_form {
    CHECK_WHOLE, /* every image is decoded; the report is words */
    CHECK_BRIEF  /* of images only the headers are read, and the report, in JSON, says so: to be quick on large sets */
};

/* Opens the data set in dir with all its splits and writes to out what is in it and what was put right.  False: the
 * first thing that training would not accept.  roots: see dataset_options. */
MUST_CHECK bool check_dataset(const char *dir, const char *roots, enum check_form form, FILE *out, struct err *err);
