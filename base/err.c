/* base/err.c: see err.h. */
#include "base/err.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Control characters, with the spaces around them, become one space: messages show values out of files. */
static void make_one_line(char *text)
{
    static const char spaces[] =
        " \1\2\3\4\5\6\7\b\t\n\v\f\r\16\17\20\21\22\23\24\25\26\27\30\31\32\33\34\35\36\37\177";
    char *to = text;

    for (const char *at = text; *at;) {
        size_t run = strspn(at, spaces);

        if (run > strspn(at, " ")) {
            *to++ = ' ';
            at += run;
        } else {
            *to++ = *at++;
        }
    }
    *to = '\0';
}

static void fill(struct err *err, enum err_code code, const char *where, const char *fmt, va_list args)
{
    err->code = code;
    (void)snprintf(err->where, sizeof err->where, "%s", where);
    (void)vsnprintf(err->msg, sizeof err->msg, fmt, args);
    make_one_line(err->msg);
    text_make_utf8(err->msg); /* a text that was cut may end within a character */
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
