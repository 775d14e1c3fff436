/* base/err.c: see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct err *err, enum err_code code, const char *where, const char *fmt, va_list args)
{
    err->code = code;
    (void)snprintf(err->where, sizeof err->where, "%s", where);
    (void)vsnprintf(err->msg, sizeof err->msg, fmt, args);
}

bool(err_set)(struct err *err, enum err_code code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fill(err, code, "", fmt, args);
    va_end(args);
    return false;
}

bool(err_at)(struct err *err, enum err_code code, const char *where, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fill(err, code, where, fmt, args);
    va_end(args);
    return false;
}

bool(err_os)(struct err *err, const char *fmt, ...)
{
    int saved = errno;
    size_t used;
    va_list args;

    va_start(args, fmt);
    fill(err, saved == ENOSPC || saved == EDQUOT ? ERR_DISK_FULL : ERR_INTERNAL, "", fmt, args);
    va_end(args);
    used = strlen(err->msg);
    (void)snprintf(err->msg + used, sizeof err->msg - used, ": %s", strerror(saved));
    return false;
}
