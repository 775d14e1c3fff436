/* base/log.c: see log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void log_line(enum log_level level, const char *fmt, ...)
{
    char line[2048];
    int head = 0;
    size_t used;
    va_list args;

    if (getenv("JOURNAL_STREAM"))
        head = snprintf(line, sizeof line, "<%d>", (int)level);
    else if (level <= LOG_LEVEL_WARNING)
        head = snprintf(line, sizeof line, "%s: ", level == LOG_LEVEL_ERR ? "error" : "warning");
    va_start(args, fmt);
    (void)vsnprintf(line + head, sizeof line - (size_t)head - 1, fmt, args);
    va_end(args);
    used = strlen(line);
    line[used++] = '\n';
    if (write(STDERR_FILENO, line, used) < 0) /* one write a line, so that lines of several processes do not mix */
        return;
}
