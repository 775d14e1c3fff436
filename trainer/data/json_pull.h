/* trainer/data/json_pull.h: reads JSON text value by value, without a tree: annotation files have hundreds of
 * megabytes, most of it in keys that nobody needs.
 *
 *   json_open(&json, "train/a.json", text, size);
 *   json_enter(&json, JSON_OBJECT);
 *   while (json_more(&json))
 *       if (strcmp(json_key(&json), "n") == 0) n = json_number(&json)…; else json_skip(&json);
 *   if (!json_end(&json, err)) …
 *
 * Errors stick: after the first one json_more is false and everything else does nothing, so that only json_end needs a
 * check.  NaN, Infinity and -Infinity are read as numbers, since Python writes them. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>

enum json_kind { JSON_NONE, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

enum { JSON_KEY_SIZE = 32, JSON_DEPTH = 128 };

struct json_pull {
    const char *file;
    const char *text, *at, *end;
    int depth;
    bool first;              /* nothing was read yet in the innermost array or object */
    char open[JSON_DEPTH];   /* the brackets that will close them */
    char key[JSON_KEY_SIZE]; /* of the member that comes next */
    bool failed;
    struct err err;
};

/* text[size] must be 0 and text live as long as json; file is what messages call it.  A byte-order mark is skipped. */
void json_open(struct json_pull *json, const char *file, const char *text, size_t size);

/* The kind of the value that comes next; JSON_NONE after an error. */
enum json_kind json_kind(struct json_pull *json);

/* Goes into the array or object that comes next. */
void json_enter(struct json_pull *json, enum json_kind kind);

/* Whether another item or member follows; leaves the array or object when none does.  Reads a member's key. */
bool json_more(struct json_pull *json);

/* The key of the member that comes next; cut to JSON_KEY_SIZE - 1 bytes, so that a long one equals no short one. */
const char *json_key(const struct json_pull *json);

/* A number, as written and as a double.  Its text is not NUL-terminated. */
struct json_number {
    const char *text;
    int length;
    double value;
};
struct json_number json_number(struct json_pull *json);

/* A text in UTF-8 without NUL, unescaped. */
const char *json_text(struct json_pull *json, struct arena *arena);

/* Passes over any value and returns where it began. */
const char *json_skip(struct json_pull *json);

/* Checks that nothing follows; false hands over the first error. */
MUST_CHECK bool json_end(struct json_pull *json, struct err *err);

/* A failure of the caller's own.  Only the first one counts. */
PRINTF(3, 4) void json_fail(struct json_pull *json, const char *pointer, const char *fmt, ...);
