/* spec/fields.h: one table of fields reads, checks and writes a struct.
 * A table holds each key's JSON pointer, type, place in the struct, default, range and help text, and ends with a NULL
 * pointer.  A pointer has one or two parts ("/lr", "/amp/dtype"); the fields of a group stand together. */
#pragma once
#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

enum { FIELD_TEXT_SIZE = 401 }; /* 100 characters of UTF-8 and a NUL */

enum field_type {
    FIELD_BOOL,   /* bool */
    FIELD_INT,    /* int64_t; JSON's 3.0 is 3 */
    FIELD_REAL,   /* double */
    FIELD_TEXT,   /* char[]; min and max count characters */
    FIELD_CHOICE, /* int64_t or an enum: one of choices */
    FIELD_PAIRS,  /* struct field_pair[]: text pairs; the unused ones have an empty key */
};

struct field_choice {
    const char *json; /* as it is written in JSON, NULL behind the last */
    int64_t value;    /* of several with one value the first is written back */
};

struct field_pair {
    char key[FIELD_TEXT_SIZE], value[FIELD_TEXT_SIZE];
};

/* Defaults that are no value: the key must be there; whoever reads the struct computes it.  A default "null" says that
 * null may be given, for "computed" or, with FIELD_TEXT, for "". */
#define FIELD_REQUIRED ""
#define FIELD_COMPUTED NULL

struct field {
    const char *pointer;
    enum field_type type;
    size_t at, size;
    const char *fallback; /* the default as JSON, or one of the two above */
    double min, max;      /* numbers and characters; pairs: at most max */
    const struct field_choice *choices;
    const char *help; /* one sentence for docs and forms */
};

/* What to say about a key that is not in the table, or about one value of a key that is. */
struct field_hint {
    const char *pointer; /* NULL behind the last */
    const char *value;   /* as JSON; NULL: any */
    const char *detail;
};

/* Appends {"pointer", "detail", "value"} to the array faults.  value is borrowed and may be NULL. */
PRINTF(4, 5) void field_fault(json_t *faults, const char *pointer, const json_t *value, const char *fmt, ...);

/* Fills the struct out from json, defaults included, and appends every fault to the array faults.  given has an element
 * for each field: whether json gives it a value other than null.  Without one, a field whose default is null or
 * computed is left zero.  Returns whether there was no fault; out is usable only then. */
bool fields_read(const struct field *fields, const struct field_hint *hints, const json_t *json, void *out, bool *given,
                 json_t *faults);

/* Returns an object with every key of the table, in its order. */
json_t *fields_write(const struct field *fields, const void *in);

size_t fields_count(const struct field *fields);

/* Index of the field with that pointer, which must be there. */
size_t field_index(const struct field *fields, const char *pointer);

/* The value at a field's pointer in json (borrowed), or NULL. */
json_t *field_value(const json_t *json, const char *pointer);
