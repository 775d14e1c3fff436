/* trainer/setup.h: what a job needs before its first step, and its removal. */
#pragma once
#include "trainer/run.h"

/* Reads spec.json in dir, fills in what it leaves out and writes the effective spec back.  Warnings go to the spool.
 * ERR_BAD_SPEC names all faults. */
MUST_CHECK bool setup_spec(int dir, struct job_spec *spec, struct report *report, struct err *err);

/* Folders, separated by colons, into which links of a data set may lead: what an operator allows by the daemon's
 * dataset_roots (it hands them on as DETRD_DATASET_ROOTS), else any. */
const char *setup_dataset_roots(void);

/* Makes everything of run but spec, dir and report: device, data, model, optimiser; says hello and plan. */
MUST_CHECK bool setup_run(struct run *run, struct err *err);
void setup_undo(struct run *run);
