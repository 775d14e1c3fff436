/* base/arena.h: memory that dies together, and allocation that cannot fail.
 * Small allocations abort when memory is out: the state is on disk and the service is restarted.  Sizes that come from
 * a request, a file or a worker are bounded by the caller first. */
#pragma once
#include "base/err.h"
#include <stdarg.h>

/* Like malloc, calloc, realloc, strdup and asprintf, but abort instead of returning NULL.  Free with free(). */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
PRINTF(1, 2) char *xasprintf(const char *fmt, ...);

struct arena; /* opaque */

struct arena *arena_new(void);

/* Frees arena and all that was allocated from it.  NULL is fine. */
void arena_free(struct arena *arena);

/* Zeroed memory that lives as long as arena. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
PRINTF(2, 3) char *arena_printf(struct arena *arena, const char *fmt, ...);
