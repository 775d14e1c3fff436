/* daemon/run.h: builds every part, runs the loop, and takes the parts down again. */
#pragma once
#include "daemon/config.h"

/* Runs the daemon until SIGTERM, SIGINT or SIGHUP, and leaves its workers running.  SIGUSR1 has it ask its workers to
 * end first. */
MUST_CHECK bool daemon_run(const struct config *config, struct err *err);

/* Has the workers of state_dir checkpoint and end, and the daemon, if one runs; returns when all have ended. */
MUST_CHECK bool daemon_stop_workers(const struct config *config, struct err *err);
