/* trainer/data/json_pull.h: reads JSON text value by value, without a tree: annotation files have hundreds of
 * megabytes, most of it in keys that nobody needs.
 *
 *   pull_open(&json, "train/a.json", text, size);
 *   pull_enter(&json, PULL_OBJECT);
 *   while (pull_more(&json))
 *       if (strcmp(json.key, "n") == 0) n = pull_number(&json)…; else pull_skip(&json);
 *   if (!pull_end(&json, err)) …
 *
 * Errors stick: after the first one pull_more is false and everything else does nothing, so that only pull_end needs a
 * check.  NaN, Infinity and -Infinity are read as numbers, since Python writes them. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>

enum pull_kind { PULL_NONE, PULL_NULL, PULL_BOOL, PULL_NUMBER, PULL_TEXT, PULL_ARRAY, PULL_OBJECT };

enum { PULL_KEY_SIZE = 32, PULL_DEPTH = 128 };

struct json_pull {
    const char *file;
    const char *text, *at, *end;
    int depth;
    bool first;              /* nothing was read yet in the innermost array or object */
    char open[PULL_DEPTH];   /* the brackets that will close them */
    char key[PULL_KEY_SIZE]; /* of the member that comes next; a long one is cut and so equals no short one */
    bool failed;
    struct err err;
};

/* text[size] must be 0 and text live as long as json; file is what messages call it.  A byte-order mark is skipped. */
void pull_open(struct json_pull *json, const char *file, const char *text, size_t size);

/* The kind of the value that comes next; PULL_NONE after an error. */
enum pull_kind pull_kind(struct json_pull *json);

/* Goes into the array or object that comes next. */
void pull_enter(struct json_pull *json, enum pull_kind kind);

/* Whether another item or member follows; leaves the array or object when none does.  Puts a member's key into
 * json->key. */
bool pull_more(struct json_pull *json);

/* A number, as written and as a double.  Its text is not NUL-terminated. */
struct pull_number {
    const char *text;
    int length;
    double value;
};
struct pull_number pull_number(struct json_pull *json);

/* A text in UTF-8 without NUL, unescaped. */
const char *pull_text(struct json_pull *json, struct arena *arena);

/* Passes over any value and returns where it began. */
const char *pull_skip(struct json_pull *json);

/* Checks that nothing follows; false hands over the first error. */
MUST_CHECK bool pull_end(struct json_pull *json, struct err *err);

/* A failure of the caller's own.  Only the first one counts. */
PRINTF(3, 4) void pull_fail(struct json_pull *json, const char *pointer, const char *fmt, ...);
