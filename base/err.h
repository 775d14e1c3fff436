/* base/err.h: how a failure is told.
 * Whoever can fail returns bool (or a pointer) and takes struct err * last; false (or NULL) means err is filled.  The
 * one who handles an error logs it; nobody in between does. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define MUST_CHECK         __attribute__((warn_unused_result))

enum err_code {
    ERR_NONE,
    /* one for each problem type of the HTTP API */
    ERR_NOT_JSON,
    ERR_BAD_SPEC,
    ERR_BAD_QUERY,
    ERR_NOT_FOUND,
    ERR_METHOD,
    ERR_MEDIA_TYPE,
    ERR_TOO_LARGE,
    ERR_CONFLICT,
    ERR_FORBIDDEN,
    ERR_GONE,
    ERR_UNAVAILABLE,
    ERR_INTERNAL,
    /* what a worker can meet besides */
    ERR_DATASET,
    ERR_WEIGHTS,
    ERR_GPU_OOM,
    ERR_HOST_OOM,
    ERR_NON_FINITE,
    ERR_AMP_MISMATCH,
    ERR_GPU,
    ERR_DISK_FULL,
    ERR_LIBTORCH,
    ERR_COUNT
};

struct err {
    enum err_code code;
    char where[256]; /* JSON pointer of the field at fault, or "" */
    char msg[768];   /* one sentence for a person, in UTF-8, without control characters whatever was put in */
};

/* Fill err and return false, so that a failing function can return them.  err_os adds errno's text and takes
 * ERR_DISK_FULL for ENOSPC and EDQUOT, else ERR_INTERNAL.  err_at also names the place. */
PRINTF(3, 4) bool err_set(struct err *err, enum err_code code, const char *fmt, ...);
PRINTF(4, 5) bool err_at(struct err *err, enum err_code code, const char *where, const char *fmt, ...);
PRINTF(2, 3) bool err_os(struct err *err, const char *fmt, ...);
#ifdef __clang_analyzer__ /* it looks at one file at a time and would not know that they return false */
#define err_set(...) ((void)err_set(__VA_ARGS__), false)
#define err_at(...)  ((void)err_at(__VA_ARGS__), false)
#define err_os(...)  ((void)err_os(__VA_ARGS__), false)
#endif

#ifdef __cplusplus
}
#endif
