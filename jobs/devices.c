/* jobs/devices.c: see devices.h. */
#include "jobs/devices.h"

#include <stdio.h>
#include <string.h>

enum { TIMEOUT_MS = 60 * 1000 };

static bool has_text(const json_t *list, const char *text)
{
    size_t i;
    const json_t *value;

    json_array_foreach(list, i, value)
    {
        if (json_is_string(value) && strcmp(json_string_value(value), text) == 0)
            return true;
    }
    return false;
}

bool devices_read(const struct ask *ask, struct devices *devices, struct err *err)
{
    struct devices read = {.is_known = true};
    const char *libtorch;
    json_t *json, *device;
    size_t i;

    if (!ask_answer(ask, ERR_LIBTORCH, &json, err))
        return false;
    libtorch = json_string_value(json_object_get(json, "libtorch"));
    json_array_foreach(json_object_get(json, "devices"), i, device)
    {
        const char *type = json_string_value(json_object_get(device, "type"));

        if (type && strcmp(type, "cuda") == 0)
            read.has_cuda = true;
        if (type && strcmp(type, "cpu") == 0)
            read.cpu_native_bfloat16 = has_text(json_object_get(device, "native"), "bfloat16");
    }
    (void)snprintf(read.libtorch, sizeof read.libtorch, "%s", libtorch ? libtorch : "");
    json_decref(json);
    if (!*read.libtorch)
        return err_set(err, ERR_LIBTORCH, "its answer names no libtorch");
    *devices = read;
    return true;
}

struct ask *devices_ask(const char *worker, struct loop *loop, void (*done)(void *arg), void *arg, struct err *err)
{
    return ask_start(worker, loop, (const char *const[]){"devices", NULL}, TIMEOUT_MS, done, arg, err);
}
