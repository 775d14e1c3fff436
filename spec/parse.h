/* spec/parse.h: JSON from outside, strictly, and JSON as text.
 * One value and nothing behind it, UTF-8, no key twice, numbers finite, at most PARSE_DEPTH levels of nesting. */
#pragma once
#include "base/err.h"

#include <jansson.h>

enum { PARSE_DEPTH = 16, PARSE_SIZE = 1024 * 1024 };

/* Returns the value in size bytes of text (give it to json_decref), or NULL: ERR_NOT_JSON with line and column,
 * ERR_TOO_LARGE above PARSE_SIZE bytes. */
MUST_CHECK json_t *parse_json(const char *text, size_t size, struct err *err);

/* Returns value as compact JSON (free it).  Numbers are exact, and short (0.92, not 0.92000000000000004) where no
 * number in value needs more than 15 digits. */
char *parse_text(json_t *value);
