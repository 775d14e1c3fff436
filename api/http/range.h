/* api/http/range.h: the Range header of a request for a file (RFC 9110, 14). */
#pragma once
#include "base/arena.h"

#include <stdint.h>

enum range_kind { RANGE_WHOLE, RANGE_PART, RANGE_OUTSIDE };

/* Reads "bytes=0-99", "bytes=100-" or "bytes=-100" for a file of size bytes.  With RANGE_PART, start and length say
 * what to send.  Several ranges, other units and what cannot be read ask for the whole file, as if they were not there;
 * so does NULL. */
enum range_kind range_read(const char *text, int64_t size, struct arena *arena, int64_t *start, int64_t *length);
