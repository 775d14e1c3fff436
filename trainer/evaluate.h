/* trainer/evaluate.h: COCO figures of the validation split, told in the spool. */
#pragma once
#include "trainer/run.h"

/* Evaluates the weights as they stand after run->step steps.  *metrics gets the series, {"val/mAP_50_95": …}; NULL when
 * a signal ended the pass early, and then nothing is told. */
MUST_CHECK bool evaluate(struct run *run, json_t **metrics, struct err *err);
