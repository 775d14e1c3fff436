/* tests/parity/fixture.c: see fixture.h. */
#include "tests/parity/fixture.h"

#include "base/arena.h"

#include <check.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fixture_skip(const char *name, const char *why)
{
    (void)printf("skip: %s (%s)\n", name, why);
    (void)fflush(stdout); /* a test is a process that may end by _exit */
}

char *fixture_path(const char *file)
{
    const char *given = getenv("DETRD_FIXTURES"), *source = getenv("SOURCE_DIR");
    char *path;

    if (given && *given)
        path = xasprintf("%s/%s", given, file);
    else
        path = xasprintf("%s/tests/fixtures/%s", source ? source : ".", file);
    if (access(path, F_OK) == 0)
        return path;
    if (!given || !*given)
        ck_abort_msg("%s is missing", path);
    free(path);
    fixture_skip(file, "not in DETRD_FIXTURES");
    return NULL;
}

static bool open_tensors(struct fixture *fixture)
{
    char *path = fixture_path(arena_printf(fixture->arena, "%s.safetensors", fixture->name));
    struct err err = {0};
    const char *meta;

    if (!path)
        return false;
    fixture->tensors = safetensors_open(AT_FDCWD, path, &err);
    ck_assert_msg(fixture->tensors, "%s", err.msg);
    meta = safetensors_text(fixture->tensors, "meta");
    fixture->meta = json_loads(meta ? meta : "", 0, NULL);
    ck_assert_msg(fixture->meta, "%s has no meta", path);
    free(path);
    return true;
}

static bool open_doc(struct fixture *fixture)
{
    char *path = fixture_path(arena_printf(fixture->arena, "%s.json", fixture->name));
    json_error_t fault;

    if (!path)
        return false;
    fixture->doc = json_load_file(path, 0, &fault);
    ck_assert_msg(fixture->doc, "%s:%d: %s", path, fault.line, fault.text);
    free(path);
    return true;
}

struct fixture *fixture_open(const char *name, int parts)
{
    struct fixture *fixture = xcalloc(1, sizeof *fixture);

    *fixture = (struct fixture){.name = name, .arena = arena_new()};
    if (((parts & FIXTURE_TENSORS) && !open_tensors(fixture)) || ((parts & FIXTURE_JSON) && !open_doc(fixture))) {
        fixture_close(fixture);
        return NULL;
    }
    return fixture;
}

void fixture_close(struct fixture *fixture)
{
    if (!fixture)
        return;
    json_decref(fixture->meta);
    json_decref(fixture->doc);
    safetensors_close(fixture->tensors);
    arena_free(fixture->arena);
    free(fixture);
}

static const struct st_tensor *get(struct fixture *fixture, bool must, const char *fmt, va_list args)
{
    char name[256];
    const struct st_tensor *tensor;

    (void)vsnprintf(name, sizeof name, fmt, args);
    tensor = safetensors_find(fixture->tensors, name);
    ck_assert_msg(tensor || !must, "%s.safetensors has no tensor '%s'", fixture->name, name);
    return tensor;
}

const struct st_tensor *fixture_get(struct fixture *fixture, const char *fmt, ...)
{
    const struct st_tensor *tensor;
    va_list args;

    va_start(args, fmt);
    tensor = get(fixture, true, fmt, args);
    va_end(args);
    return tensor;
}

const struct st_tensor *fixture_get_or_null(struct fixture *fixture, const char *fmt, ...)
{
    const struct st_tensor *tensor;
    va_list args;

    va_start(args, fmt);
    tensor = get(fixture, false, fmt, args);
    va_end(args);
    return tensor;
}

static const void *values(struct fixture *fixture, const struct st_tensor *tensor, enum tensor_dtype dtype)
{
    ck_assert_msg(tensor->dtype == dtype, "'%s' is %s, not %s", tensor->name, st_dtype_name(tensor->dtype),
                  st_dtype_name(dtype));
    return memcpy(arena_alloc(fixture->arena, tensor->size), tensor->data, tensor->size);
}

const float *fixture_floats(struct fixture *fixture, const struct st_tensor *tensor)
{
    return values(fixture, tensor, TENSOR_F32);
}

const int64_t *fixture_ints(struct fixture *fixture, const struct st_tensor *tensor)
{
    return values(fixture, tensor, TENSOR_I64);
}

const double *fixture_doubles(struct fixture *fixture, const struct st_tensor *tensor)
{
    size_t count = fixture_elements(tensor);
    const float *floats;
    double *doubles;

    if (tensor->dtype != TENSOR_F32)
        return values(fixture, tensor, TENSOR_F64);
    floats = fixture_floats(fixture, tensor);
    doubles = arena_alloc(fixture->arena, count * sizeof *doubles);
    for (size_t i = 0; i < count; i++)
        doubles[i] = (double)floats[i];
    return doubles;
}

size_t fixture_elements(const struct st_tensor *tensor)
{
    return tensor->size / st_dtype_size(tensor->dtype);
}

json_t *fixture_json(json_t *root, const char *path)
{
    char *copy = xstrdup(path), *rest = copy, *part;
    json_t *value = root;

    while ((part = strsep(&rest, ".")) != NULL)
        value = json_is_array(value) ? json_array_get(value, strtoul(part, NULL, 10)) : json_object_get(value, part);
    free(copy);
    ck_assert_msg(value, "the fixture has no '%s'", path);
    return value;
}

const char *fixture_text(json_t *root, const char *path)
{
    json_t *value = fixture_json(root, path);

    ck_assert_msg(json_is_string(value), "'%s' is not a text", path);
    return json_string_value(value);
}

double fixture_real(json_t *root, const char *path)
{
    json_t *value = fixture_json(root, path);

    ck_assert_msg(json_is_number(value), "'%s' is not a number", path);
    return json_number_value(value);
}

int64_t fixture_int(json_t *root, const char *path)
{
    json_t *value = fixture_json(root, path);

    ck_assert_msg(json_is_integer(value), "'%s' is not an integer", path);
    return json_integer_value(value);
}

double fixture_tolerance(const struct fixture *fixture, const char *tensor)
{
    json_t *value = json_object_get(fixture_json(fixture->meta, "tolerance_abs"), tensor);

    ck_assert_msg(json_is_number(value), "%s has no tolerance for '%s'", fixture->name, tensor);
    return json_number_value(value);
}
