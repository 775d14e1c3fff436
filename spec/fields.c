/* spec/fields.c: see fields.h. */
#include "spec/fields.h"

#include "base/arena.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const struct field *fields;
    const struct field_hint *hints;
    unsigned char *out;
    bool *given;
    json_t *faults;
};

void field_fault(json_t *faults, const char *pointer, const json_t *value, const char *fmt, ...)
{
    json_t *fault = json_object();
    char *detail = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&detail, fmt, args) < 0)
        abort();
    va_end(args);
    (void)json_object_set_new(fault, "pointer", json_string(pointer));
    (void)json_object_set_new(fault, "detail", json_string(detail));
    if (value)
        (void)json_object_set_new(fault, "value", json_deep_copy(value));
    (void)json_array_append_new(faults, fault);
    free(detail);
}

size_t fields_count(const struct field *fields)
{
    size_t count = 0;

    while (fields[count].pointer)
        count++;
    return count;
}

size_t field_index(const struct field *fields, const char *pointer)
{
    size_t i = 0;

    while (strcmp(fields[i].pointer, pointer) != 0)
        i++;
    return i;
}

/* prefix + "/" + key, with the escapes of RFC 6901; free it */
static char *pointer_join(const char *prefix, const char *key)
{
    char *pointer = xmalloc(strlen(prefix) + 2 * strlen(key) + 2), *end = stpcpy(pointer, prefix);

    *end++ = '/';
    for (; *key; key++) {
        if (*key == '~' || *key == '/') {
            *end++ = '~';
            *end++ = *key == '~' ? '0' : '1';
        } else {
            *end++ = *key;
        }
    }
    *end = '\0';
    return pointer;
}

static size_t count_characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

/* Copies text that has min to max characters and fits into size bytes, else appends a fault. */
static bool read_text(const struct reader *reader, const char *pointer, double min, double max, size_t size, char *out,
                      const json_t *value)
{
    const char *text = json_string_value(value);
    size_t count;

    if (!text) {
        field_fault(reader->faults, pointer, value, "must be text");
        return false;
    }
    count = count_characters(text);
    if ((double)count < min || (double)count > max || strlen(text) >= size) {
        field_fault(reader->faults, pointer, value, "must be text of %.0f to %.0f characters", min, max);
        return false;
    }
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            field_fault(reader->faults, pointer, value, "must not hold control characters");
            return false;
        }
    (void)stpcpy(out, text);
    return true;
}

static void store_int(void *out, size_t size, int64_t value)
{
    if (size == sizeof(int))
        *(int *)out = (int)value; /* an enum */
    else
        *(int64_t *)out = value;
}

static int64_t load_int(const void *in, size_t size)
{
    return size == sizeof(int) ? *(const int *)in : *(const int64_t *)in;
}

static void range_fault(const struct reader *reader, const struct field *field, const json_t *value)
{
    const char *what = field->type == FIELD_INT ? "a whole number" : "a number";

    field_fault(reader->faults, field->pointer, value, "must be %s from %.15g to %.15g", what, field->min, field->max);
}

static void read_number(const struct reader *reader, const struct field *field, void *out, const json_t *value)
{
    double number = json_number_value(value);

    if (!json_is_number(value) || !(number >= field->min && number <= field->max) ||
        (field->type == FIELD_INT && number != floor(number)))
        range_fault(reader, field, value);
    else if (field->type == FIELD_REAL)
        *(double *)out = number;
    else
        *(int64_t *)out = json_is_integer(value) ? json_integer_value(value) : (int64_t)number;
}

static json_t *decode(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

    if (!json)
        abort(); /* a table's own text */
    return json;
}

static bool equals(const json_t *value, const char *text)
{
    json_t *other = decode(text);
    bool equal = json_equal(value, other);

    json_decref(other);
    return equal;
}

static void read_choice(const struct reader *reader, const struct field *field, void *out, const json_t *value)
{
    char list[512] = "";

    for (const struct field_choice *choice = field->choices; choice->json; choice++) {
        size_t used = strlen(list);

        if (equals(value, choice->json)) {
            store_int(out, field->size, choice->value);
            return;
        }
        (void)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", choice->json);
    }
    field_fault(reader->faults, field->pointer, value, "must be one of %s", list);
}

static void read_pairs(const struct reader *reader, const struct field *field, void *out, json_t *value)
{
    struct field_pair *pair = out;
    const char *key;
    json_t *member;

    if (!json_is_object(value)) {
        field_fault(reader->faults, field->pointer, value, "must be an object of text pairs");
        return;
    }
    if ((double)json_object_size(value) > field->max) {
        field_fault(reader->faults, field->pointer, NULL, "must have at most %.0f pairs; here are %zu", field->max,
                    json_object_size(value));
        return;
    }
    json_object_foreach(value, key, member)
    {
        char *pointer = pointer_join(field->pointer, key);
        json_t *key_text = json_string(key);

        if (read_text(reader, pointer, 1, 100, sizeof pair->key, pair->key, key_text))
            (void)read_text(reader, pointer, 0, 100, sizeof pair->value, pair->value, member);
        pair++;
        json_decref(key_text);
        free(pointer);
    }
}

static void read_value(const struct reader *reader, const struct field *field, json_t *value)
{
    void *out = reader->out + field->at;

    switch (field->type) {
    case FIELD_BOOL:
        if (json_is_boolean(value))
            *(bool *)out = json_is_true(value);
        else
            field_fault(reader->faults, field->pointer, value, "must be true or false");
        return;
    case FIELD_INT:
    case FIELD_REAL:
        read_number(reader, field, out, value);
        return;
    case FIELD_TEXT:
        (void)read_text(reader, field->pointer, field->min, field->max, field->size, out, value);
        return;
    case FIELD_CHOICE:
        read_choice(reader, field, out, value);
        return;
    case FIELD_PAIRS:
        read_pairs(reader, field, out, value);
        return;
    }
}

/* The hint for that key, or for that value of it; value NULL: only hints for the key as such. */
static const struct field_hint *find_hint(const struct field_hint *hint, const char *pointer, const json_t *value)
{
    for (; hint->pointer; hint++)
        if (strcmp(hint->pointer, pointer) == 0 && (!hint->value || (value && equals(value, hint->value))))
            return hint;
    return NULL;
}

static bool null_is_default(const struct field *field)
{
    return field->fallback && strcmp(field->fallback, "null") == 0;
}

/* Reads the key that is there, at pointer. */
static void read_given(const struct reader *reader, const char *pointer, json_t *value)
{
    const struct field_hint *hint = find_hint(reader->hints, pointer, value);
    const struct field *field = reader->fields;

    while (field->pointer && strcmp(field->pointer, pointer) != 0)
        field++;
    if (hint)
        field_fault(reader->faults, pointer, value, "%s", hint->detail);
    else if (!field->pointer)
        field_fault(reader->faults, pointer, value, "unknown key");
    else if (!json_is_null(value) || !null_is_default(field) || field->type == FIELD_CHOICE)
        read_value(reader, field, value);
    if (field->pointer)
        reader->given[field - reader->fields] = hint || !json_is_null(value);
}

static bool is_group(const struct field *field, const char *pointer)
{
    size_t size = strlen(pointer);

    for (; field->pointer; field++)
        if (strncmp(field->pointer, pointer, size) == 0 && field->pointer[size] == '/')
            return true;
    return false;
}

static void read_group(const struct reader *reader, const char *pointer, json_t *group)
{
    const struct field_hint *hint = find_hint(reader->hints, pointer, group);
    const char *key;
    json_t *value;

    if (!json_is_object(group)) {
        field_fault(reader->faults, pointer, group, "%s", hint ? hint->detail : "must be an object");
        return;
    }
    json_object_foreach(group, key, value)
    {
        char *inner = pointer_join(pointer, key);

        read_given(reader, inner, value);
        free(inner);
    }
}

json_t *field_value(const json_t *json, const char *pointer)
{
    const char *slash = strchr(pointer + 1, '/');
    char group[64];

    if (!slash)
        return json_object_get(json, pointer + 1);
    (void)snprintf(group, sizeof group, "%.*s", (int)(slash - pointer - 1), pointer + 1);
    return json_object_get(json_object_get(json, group), slash + 1);
}

static void read_absent(const struct reader *reader, const struct field *field)
{
    json_t *value;

    if (!field->fallback)
        return;
    if (strcmp(field->fallback, FIELD_REQUIRED) == 0) {
        field_fault(reader->faults, field->pointer, NULL, "is required");
        return;
    }
    value = decode(field->fallback);
    if (!json_is_null(value) || field->type == FIELD_CHOICE)
        read_value(reader, field, value);
    json_decref(value);
}

bool fields_read(const struct field *fields, const struct field_hint *hints, const json_t *json, void *out, bool *given,
                 json_t *faults)
{
    const struct reader reader = {.fields = fields, .hints = hints, .out = out, .given = given, .faults = faults};
    size_t before = json_array_size(faults);
    const char *key;
    json_t *value;

    if (!json_is_object(json)) {
        field_fault(faults, "", json, "must be an object");
        return false;
    }
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        char *pointer = pointer_join("", key);

        if (is_group(fields, pointer))
            read_group(&reader, pointer, value);
        else
            read_given(&reader, pointer, value);
        free(pointer);
    }
    for (const struct field *field = fields; field->pointer; field++)
        if (!field_value(json, field->pointer))
            read_absent(&reader, field);
    return json_array_size(faults) == before;
}

static json_t *write_pairs(const struct field_pair *pair, size_t count)
{
    json_t *object = json_object();

    for (size_t i = 0; i < count && pair[i].key[0]; i++)
        (void)json_object_set_new(object, pair[i].key, json_string(pair[i].value));
    return object;
}

static json_t *write_value(const struct field *field, const void *in)
{
    const struct field_choice *choice = field->choices;

    switch (field->type) {
    case FIELD_BOOL:
        return json_boolean(*(const bool *)in);
    case FIELD_INT:
        return json_integer(*(const int64_t *)in);
    case FIELD_REAL:
        return json_real(*(const double *)in);
    case FIELD_TEXT:
        return *(const char *)in || !null_is_default(field) ? json_string(in) : json_null();
    case FIELD_CHOICE:
        while (choice->value != load_int(in, field->size))
            choice++;
        return decode(choice->json);
    case FIELD_PAIRS:
        return write_pairs(in, field->size / sizeof(struct field_pair));
    }
    abort();
}

json_t *fields_write(const struct field *fields, const void *in)
{
    json_t *json = json_object();

    for (const struct field *field = fields; field->pointer; field++) {
        const char *key = field->pointer + 1, *slash = strchr(key, '/');
        json_t *value = write_value(field, (const unsigned char *)in + field->at), *group;
        char name[64];

        if (!slash) {
            (void)json_object_set_new(json, key, value);
            continue;
        }
        (void)snprintf(name, sizeof name, "%.*s", (int)(slash - key), key);
        group = json_object_get(json, name);
        if (!group) {
            group = json_object();
            (void)json_object_set_new(json, name, group);
        }
        (void)json_object_set_new(group, slash + 1, value);
    }
    return json;
}
