/* spec/message.c: one table of members says what each type of message needs. */
#include "spec/message.h"

#include <math.h>
#include <string.h>

/* What is said is a worker's, but goes into a database that people query: bounded. */
enum { COUNT_MAX = 1000000000 };

enum kind { KIND_TEXT, KIND_COUNT, KIND_NUMBERS, KIND_LIST, KIND_ANY };

struct member {
    enum message_type type;
    const char *name;
    enum kind kind;
    bool is_optional; /* absent or null */
};

static const char *const type_names[MESSAGE_TYPE_COUNT] = {
    [MESSAGE_NONE] = "",
    [MESSAGE_HELLO] = "hello",
    [MESSAGE_PLAN] = "plan",
    [MESSAGE_METRIC] = "metric",
    [MESSAGE_AMP_TRACE] = "amp_trace",
    [MESSAGE_EVAL] = "eval",
    [MESSAGE_CHECKPOINT] = "checkpoint",
    [MESSAGE_WARNING] = "warning",
    [MESSAGE_BYE] = "bye",
};

/* The members that the daemon or its API reads; others pass as they are. */
// clang-format off
static const struct member members[] = {
    {MESSAGE_HELLO,      "versions",        KIND_ANY,     true},
    {MESSAGE_HELLO,      "device",          KIND_ANY,     true},
    {MESSAGE_PLAN,       "epochs",          KIND_COUNT,   false},
    {MESSAGE_PLAN,       "steps",           KIND_COUNT,   false},
    {MESSAGE_PLAN,       "classes",         KIND_LIST,    true},
    {MESSAGE_METRIC,     "step",            KIND_COUNT,   false},
    {MESSAGE_METRIC,     "epoch",           KIND_COUNT,   false},
    {MESSAGE_METRIC,     "values",          KIND_NUMBERS, false},
    {MESSAGE_AMP_TRACE,  "pass",            KIND_TEXT,    false},
    {MESSAGE_AMP_TRACE,  "points",          KIND_LIST,    false},
    {MESSAGE_EVAL,       "step",            KIND_COUNT,   false},
    {MESSAGE_EVAL,       "epoch",           KIND_COUNT,   false},
    {MESSAGE_EVAL,       "metrics",         KIND_NUMBERS, false},
    {MESSAGE_EVAL,       "per_class",       KIND_LIST,    true},
    {MESSAGE_CHECKPOINT, "name",            KIND_TEXT,    false},
    {MESSAGE_CHECKPOINT, "kind",            KIND_TEXT,    false},
    {MESSAGE_CHECKPOINT, "step",            KIND_COUNT,   false},
    {MESSAGE_CHECKPOINT, "epoch",           KIND_COUNT,   false},
    {MESSAGE_CHECKPOINT, "sha256",          KIND_TEXT,    true},
    {MESSAGE_CHECKPOINT, "bytes",           KIND_ANY,     true},
    {MESSAGE_WARNING,    "detail",          KIND_TEXT,    false},
    {MESSAGE_WARNING,    "pointer",         KIND_TEXT,    true},
    {MESSAGE_WARNING,    "file",            KIND_TEXT,    true},
    {MESSAGE_WARNING,    "count",           KIND_COUNT,   true},
    {MESSAGE_BYE,        "result",          KIND_TEXT,    false},
    {MESSAGE_BYE,        "cause",           KIND_TEXT,    true},
    {MESSAGE_BYE,        "detail",          KIND_TEXT,    true},
};

static const char *const kind_words[] = {
    [KIND_TEXT]    = "text",
    [KIND_COUNT]   = "a whole number, 0 or more",
    [KIND_NUMBERS] = "an object of numbers",
    [KIND_LIST]    = "an array",
    [KIND_ANY]     = "there",
};
// clang-format on

bool message_number(const json_t *value, double *number)
{
    static const struct {
        const char *text;
        double number;
    } words[] = {{"nan", NAN}, {"inf", INFINITY}, {"-inf", -INFINITY}};
    const char *text = json_string_value(value);

    if (json_is_number(value)) {
        *number = json_number_value(value);
        return true;
    }
    for (size_t i = 0; text && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i].text) != 0)
            continue;
        *number = words[i].number;
        return true;
    }
    return false;
}

static bool are_numbers(const json_t *object)
{
    const char *name;
    json_t *value;
    double number;

    if (!json_is_object(object))
        return false;
    json_object_foreach((json_t *)object, name, value)
    {
        if (!message_number(value, &number))
            return false;
    }
    return true;
}

static bool is_count(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= COUNT_MAX;
}

static bool is_kind(const json_t *value, enum kind kind)
{
    switch (kind) {
    case KIND_TEXT:
        return json_is_string(value);
    case KIND_COUNT:
        return is_count(value);
    case KIND_NUMBERS:
        return are_numbers(value);
    case KIND_LIST:
        return json_is_array(value);
    case KIND_ANY:
        return true;
    }
    return false;
}

static bool check_members(const struct message *message, struct err *err)
{
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const json_t *value;

        if (members[i].type != message->type)
            continue;
        value = json_object_get(message->json, members[i].name);
        if (members[i].is_optional && (!value || json_is_null(value)))
            continue;
        if (!value || !is_kind(value, members[i].kind))
            return err_at(err, ERR_BAD_SPEC, members[i].name, "%s: '%s' is not %s", type_names[message->type],
                          members[i].name, kind_words[members[i].kind]);
    }
    return true;
}

static enum message_type find_type(const char *name)
{
    for (int i = 1; name && i < MESSAGE_TYPE_COUNT; i++)
        if (strcmp(type_names[i], name) == 0)
            return (enum message_type)i;
    return MESSAGE_NONE;
}

/* The members that every message has. */
static bool check_head(struct message *message, struct err *err)
{
    const json_t *seq = json_object_get(message->json, "seq"), *time = json_object_get(message->json, "time_ms");
    const char *type = json_string_value(json_object_get(message->json, "type"));

    if (!json_is_object(message->json))
        return err_set(err, ERR_BAD_SPEC, "the line is not a JSON object");
    if (!json_is_integer(seq) || json_integer_value(seq) < 1)
        return err_at(err, ERR_BAD_SPEC, "seq", "'seq' is not a whole number above 0");
    if (!json_is_integer(time) || json_integer_value(time) < 0)
        return err_at(err, ERR_BAD_SPEC, "time_ms", "'time_ms' is not a time");
    message->seq = json_integer_value(seq);
    message->time_ms = json_integer_value(time);
    message->type = find_type(type);
    if (message->type == MESSAGE_NONE)
        return err_at(err, ERR_BAD_SPEC, "type", "unknown type '%.40s'", type ? type : "");
    return true;
}

bool message_read(struct message *message, const char *line, size_t size, struct err *err)
{
    struct message read = {0};
    json_error_t fault;

    if (size > MESSAGE_MAX_BYTES)
        return err_set(err, ERR_BAD_SPEC, "the line is longer than %d bytes", MESSAGE_MAX_BYTES);
    read.json = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
    if (!read.json)
        return err_set(err, ERR_BAD_SPEC, "not JSON at column %d: %s", fault.column, fault.text);
    if (!check_head(&read, err) || !check_members(&read, err)) {
        json_decref(read.json);
        return false;
    }
    read.epoch = message_int(&read, "epoch");
    read.step = message_int(&read, "step");
    *message = read;
    return true;
}

void message_done(struct message *message)
{
    json_decref(message->json);
    message->json = NULL;
}

const char *message_type_name(enum message_type type)
{
    return type_names[type];
}

const char *message_text(const struct message *message, const char *member)
{
    return json_string_value(json_object_get(message->json, member));
}

int64_t message_int(const struct message *message, const char *member)
{
    return json_integer_value(json_object_get(message->json, member));
}
