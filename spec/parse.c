/* spec/parse.c: see parse.h.  jansson does the work; what it cannot say is how deep is too deep. */
#include "spec/parse.h"

#include <stdio.h>
#include <stdlib.h>

/* Whether brackets nest at most PARSE_DEPTH deep; strings are skipped.  Broken JSON is not looked for here. */
static bool check_depth(const char *text, size_t size, struct err *err)
{
    int depth = 0, line = 1;
    bool quoted = false;

    for (size_t i = 0, start = 0; i < size; i++) {
        if (text[i] == '\n') {
            line++;
            start = i + 1;
        } else if (quoted) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                quoted = false;
        } else if (text[i] == '"') {
            quoted = true;
        } else if (text[i] == '[' || text[i] == '{') {
            if (++depth > PARSE_DEPTH)
                return err_set(err, ERR_NOT_JSON, "line %d, column %zu: nested deeper than %d levels", line,
                               i - start + 1, PARSE_DEPTH);
        } else if (text[i] == ']' || text[i] == '}') {
            depth--;
        }
    }
    return true;
}

json_t *parse_json(const char *text, size_t size, struct err *err)
{
    json_error_t error;
    json_t *json;

    if (size > PARSE_SIZE) {
        err_set(err, ERR_TOO_LARGE, "JSON of %zu bytes; at most %d are taken", size, PARSE_SIZE);
        return NULL;
    }
    if (size == 0) {
        err_set(err, ERR_NOT_JSON, "line 1, column 1: empty, where JSON is expected");
        return NULL;
    }
    if (!check_depth(text, size, err))
        return NULL;
    json = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!json)
        err_set(err, ERR_NOT_JSON, "line %d, column %d: %s", error.line, error.column, error.text);
    return json;
}

/* Whether a number in value is another one after 15 digits. */
static bool needs_17_digits(json_t *value)
{
    const char *key;
    char text[32];
    json_t *part;
    size_t i;

    if (json_is_real(value)) {
        (void)snprintf(text, sizeof text, "%.15g", json_real_value(value));
        return strtod(text, NULL) != json_real_value(value);
    }
    json_array_foreach(value, i, part) if (needs_17_digits(part)) return true;
    json_object_foreach(value, key, part) if (needs_17_digits(part)) return true;
    return false;
}

char *parse_text(json_t *value)
{
    size_t digits = needs_17_digits(value) ? 17 : 15;
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));

    if (!text)
        abort(); /* out of memory: what is dumped was read or made here, so it is finite and UTF-8 */
    return text;
}
