/* api/resources/h_schema.c: the JSON Schema of the job spec, from the field table. */
#include "api/resources/handlers.h"
#include "spec/job_spec.h"

#include <string.h>

static void set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

static json_t *value_of(const char *text)
{
    return json_loads(text, JSON_DECODE_ANY, NULL);
}

static json_t *choices_of(const struct field *field)
{
    json_t *values = json_array();

    for (const struct field_choice *choice = field->choices; choice->json; choice++)
        (void)json_array_append_new(values, value_of(choice->json));
    return values;
}

static json_t *pairs_of(json_t *schema, const struct field *field)
{
    set(schema, "maxProperties", json_integer((json_int_t)field->max));
    set(schema, "additionalProperties", json_pack("{sssi}", "type", "string", "maxLength", 100));
    return schema;
}

/* A field without null. */
static json_t *plain_schema(const struct field *field)
{
    switch (field->type) {
    case FIELD_BOOL:
        return json_pack("{ss}", "type", "boolean");
    case FIELD_INT:
        return json_pack("{sssIsI}", "type", "integer", "minimum", (json_int_t)field->min, "maximum",
                         (json_int_t)field->max);
    case FIELD_REAL:
        return json_pack("{sssfsf}", "type", "number", "minimum", field->min, "maximum", field->max);
    case FIELD_TEXT:
        return json_pack("{sssIsI}", "type", "string", "minLength", (json_int_t)field->min, "maxLength",
                         (json_int_t)field->max);
    case FIELD_CHOICE:
        return json_pack("{so}", "enum", choices_of(field));
    case FIELD_PAIRS:
        return pairs_of(json_pack("{ss}", "type", "object"), field);
    }
    return NULL;
}

static json_t *field_schema(const struct field *field)
{
    json_t *schema = plain_schema(field), *fallback = NULL;
    const char *type = json_string_value(json_object_get(schema, "type"));

    if (field->fallback && *field->fallback)
        fallback = value_of(field->fallback);
    if (json_is_null(fallback) && type)
        set(schema, "type", json_pack("[ss]", type, "null"));
    if (fallback)
        set(schema, "default", fallback);
    set(schema, "description", json_string(field->help));
    return schema;
}

static json_t *object_schema(void)
{
    return json_pack("{sssoso}", "type", "object", "additionalProperties", json_false(), "properties", json_object());
}

/* The properties of the group that pointer leads into; adds the group. */
static json_t *group_of(json_t *properties, const char *pointer, const char **name)
{
    const char *slash = strchr(pointer + 1, '/');
    char group[64];

    *name = slash ? slash + 1 : pointer + 1;
    if (!slash)
        return properties;
    (void)snprintf(group, sizeof group, "%.*s", (int)(slash - pointer - 1), pointer + 1);
    if (!json_object_get(properties, group))
        set(properties, group, object_schema());
    return json_object_get(json_object_get(properties, group), "properties");
}

bool schema_show(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    json_t *schema = object_schema(), *required = json_array();

    (void)app, (void)request, (void)err;
    for (const struct field *field = job_fields; field->pointer; field++) {
        const char *name;
        json_t *properties = group_of(json_object_get(schema, "properties"), field->pointer, &name);

        set(properties, name, field_schema(field));
        if (field->fallback && !*field->fallback)
            (void)json_array_append_new(required, json_string(name));
    }
    set(schema, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
    set(schema, "title", json_string("A job of detrd"));
    set(schema, "required", required);
    (void)reply_json(reply, schema);
    reply->content_type = "application/schema+json";
    return true;
}
