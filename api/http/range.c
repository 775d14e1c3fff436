/* api/http/range.c: see range.h. */
#include "api/http/range.h"

#include "api/http/request.h"

#include <string.h>
#include <strings.h>

/* The last `text` bytes. */
static enum range_kind read_suffix(const char *text, int64_t size, int64_t *start, int64_t *length)
{
    int64_t count;

    if (!request_digits(text, &count))
        return RANGE_WHOLE;
    *length = count < size ? count : size;
    *start = size - *length;
    return *length > 0 ? RANGE_PART : RANGE_OUTSIDE;
}

enum range_kind range_read(const char *text, int64_t size, struct arena *arena, int64_t *start, int64_t *length)
{
    static const char unit[] = "bytes=";
    const char *dash;
    int64_t first, last = INT64_MAX;

    if (!text || strncasecmp(text, unit, sizeof unit - 1) != 0)
        return RANGE_WHOLE;
    text += sizeof unit - 1;
    dash = strchr(text, '-');
    if (dash == text)
        return read_suffix(text + 1, size, start, length);
    if (!dash || !request_digits(arena_printf(arena, "%.*s", (int)(dash - text), text), &first) ||
        (dash[1] && !request_digits(dash + 1, &last)) || last < first)
        return RANGE_WHOLE;
    if (first >= size)
        return RANGE_OUTSIDE;
    *start = first;
    *length = (last < size ? last + 1 : size) - first;
    return RANGE_PART;
}
