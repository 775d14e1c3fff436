/* base/log.h: log lines on stderr, one event each: "worker started job=17 pid=4711".
 * With "<6>"-style levels under journald (when JOURNAL_STREAM is set), without elsewhere.  Any thread. */
#pragma once
#include "base/err.h"

enum log_level { LOG_LEVEL_ERR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6 };

PRINTF(2, 3) void log_line(enum log_level level, const char *fmt, ...);

#define log_err(...)     log_line(LOG_LEVEL_ERR, __VA_ARGS__)     /* a person must act */
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__) /* it went on anyway, and the line says so */
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)    /* a job changed state */
