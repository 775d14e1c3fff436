/* daemon/config.c: see config.h. */
#include "daemon/config.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum type { TYPE_TEXT, TYPE_LIST, TYPE_COUNT };
enum source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ARGUMENT };

struct key {
    const char *name;
    enum type type;
    size_t at;
    const char *fallback; /* NULL: none, or computed */
    int64_t min, max;
    const char *help, *shown; /* shown: the default in words */
};

// clang-format off
#define AT(member) offsetof(struct config, member)
static const struct key keys[] = {
    {"state_dir",     TYPE_TEXT,  AT(state_dir),     NULL,             0, 0,     "Folder of the database and of all jobs.",
     "$STATE_DIRECTORY, else /var/lib/detrd for root, else $XDG_STATE_HOME/detrd or ~/.local/state/detrd"},
    {"listen",        TYPE_LIST,  AT(listen),        "127.0.0.1:8474", 0, 0,     "Address to listen on, loopback or unix:PATH; port 0 takes a free one; repeat the key for more.",
     "127.0.0.1:8474"},
    {"worker",        TYPE_TEXT,  AT(worker),        NULL,             0, 0,     "Path of detrd-worker.",
     "beside detrd"},
    {"dataset_roots", TYPE_LIST,  AT(dataset_roots), NULL,             0, 0,     "Folder that data sets must lie in; repeat the key for more.",
     "any"},
    {"cpu_slots",     TYPE_COUNT, AT(cpu_slots),     "1",              0, 1024,  "Jobs that run on the CPU at a time, beside one on each GPU.",
     "1"},
    {"stop_grace_s",  TYPE_COUNT, AT(stop_grace_s),  "120",            1, 86400, "Seconds that a worker has for its checkpoint from SIGTERM to SIGKILL.",
     "120"},
};
// clang-format on
enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

static bool set_count(const struct key *key, int64_t *count, const char *value, struct err *err)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(value, &end, 10);
    if (errno || end == value || *end || number < key->min || number > key->max)
        return err_set(err, ERR_BAD_SPEC, "%s must be a whole number from %" PRId64 " to %" PRId64 ", not '%s'",
                       key->name, key->min, key->max, value);
    *count = number;
    return true;
}

static bool add_item(const struct key *key, struct config_list *list, const char *value, enum source source,
                     struct err *err)
{
    if (list->source != (int)source)
        *list = (struct config_list){.source = (int)source};
    if (list->count == CONFIG_LIST_MAX)
        return err_set(err, ERR_BAD_SPEC, "%s is given more than %d times", key->name, CONFIG_LIST_MAX);
    list->items[list->count++] = value;
    return true;
}

static bool set_key(struct config *config, const struct key *key, const char *value, enum source source,
                    struct err *err)
{
    void *at = (char *)config + key->at;
    const char *copy = arena_strdup(config->arena, value);

    if (!*value)
        return err_set(err, ERR_BAD_SPEC, "%s has no value", key->name);
    switch (key->type) {
    case TYPE_TEXT:
        *(const char **)at = copy;
        return true;
    case TYPE_LIST:
        return add_item(key, at, copy, source, err);
    case TYPE_COUNT:
        return set_count(key, at, value, err);
    }
    return false;
}

static bool set_named(struct config *config, const char *name, const char *value, enum source source, struct err *err)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(keys[i].name, name) == 0)
            return set_key(config, &keys[i], value, source, err);
    return err_set(err, ERR_BAD_SPEC, "unknown key '%s'", name);
}

void config_init(struct config *config)
{
    struct err err;

    *config = (struct config){.arena = arena_new()};
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (keys[i].fallback && !set_key(config, &keys[i], keys[i].fallback, SOURCE_DEFAULT, &err))
            abort(); /* a default out of its own range */
}

void config_free(struct config *config)
{
    arena_free(config->arena);
}

struct reading {
    struct config *config;
    FILE *file;
    int line;
    int bad_line; /* the first one at fault; 0: none */
    struct err err;
};

/* Remembers the fault in err as that of the line at hand, unless there was one before. */
static int note_fault(struct reading *reading, const struct err *err)
{
    if (reading->bad_line == 0) {
        reading->bad_line = reading->line;
        reading->err = *err;
    }
    return 0;
}

/* inih would take the rest of a long line for the next one. */
static char *next_line(char *text, int size, void *stream)
{
    struct reading *reading = stream;
    struct err err;

    if (!fgets(text, size, reading->file))
        return NULL;
    reading->line++;
    if (strlen(text) == (size_t)size - 1 && text[size - 2] != '\n') {
        err_set(&err, ERR_BAD_SPEC, "the line is longer than %d bytes", size - 2);
        (void)note_fault(reading, &err);
    }
    return text;
}

static int on_line(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    struct err err;

    if (*section) {
        err_set(&err, ERR_BAD_SPEC, "there are no sections, not [%s] either", section);
        return note_fault(reading, &err);
    }
    return set_named(reading->config, name, value, SOURCE_FILE, &err) || note_fault(reading, &err);
}

bool config_read(struct config *config, const char *path, struct err *err)
{
    struct reading reading = {.config = config, .file = fopen(path, "re")};
    int line;

    if (!reading.file)
        return err_os(err, "cannot read '%s'", path);
    line = ini_parse_stream(next_line, &reading, on_line, &reading);
    (void)fclose(reading.file);
    if (reading.bad_line > 0 && (line == 0 || reading.bad_line <= line))
        return err_set(err, ERR_BAD_SPEC, "%s:%d: %s", path, reading.bad_line, reading.err.msg);
    if (line != 0)
        return err_set(err, ERR_BAD_SPEC, "%s:%d: the line is not 'key = value'", path, line);
    return true;
}

bool config_argument(struct config *config, const char *argument, struct err *err)
{
    const char *value = strchr(argument, '=');
    const char *name;
    struct err fault;

    if (strncmp(argument, "--", 2) != 0 || !value)
        return err_set(err, ERR_BAD_SPEC, "unknown argument '%s'", argument);
    name = arena_printf(config->arena, "%.*s", (int)(value - argument - 2), argument + 2);
    return set_named(config, name, value + 1, SOURCE_ARGUMENT, &fault) ||
           err_set(err, fault.code, "%s: %s", argument, fault.msg);
}

static const char *default_state_dir(struct arena *arena)
{
    const char *given = getenv("STATE_DIRECTORY"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (given && *given)
        return given;
    if (geteuid() == 0)
        return "/var/lib/detrd";
    if (state && *state)
        return arena_printf(arena, "%s/detrd", state);
    return home && *home ? arena_printf(arena, "%s/.local/state/detrd", home) : NULL;
}

static const char *default_worker(struct arena *arena)
{
    char self[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);

    if (size < 0)
        return "detrd-worker";
    self[size] = '\0';
    *strrchr(self, '/') = '\0';
    return arena_printf(arena, "%s/detrd-worker", self);
}

/* A path from the working directory, which the worker does not share. */
static const char *make_absolute(struct arena *arena, const char *path)
{
    char cwd[PATH_MAX];

    if (*path == '/' || !getcwd(cwd, sizeof cwd))
        return path;
    return arena_printf(arena, "%s/%s", cwd, path);
}

bool config_finish(struct config *config, struct err *err)
{
    if (!config->state_dir)
        config->state_dir = default_state_dir(config->arena);
    if (!config->state_dir)
        return err_set(err, ERR_BAD_SPEC, "there is no HOME to keep the state in; give --state_dir=FOLDER");
    if (!config->worker)
        config->worker = default_worker(config->arena);
    config->state_dir = make_absolute(config->arena, config->state_dir);
    config->worker = make_absolute(config->arena, config->worker);
    for (size_t i = 0; i < config->dataset_roots.count; i++)
        if (*config->dataset_roots.items[i] != '/' || strchr(config->dataset_roots.items[i], ':'))
            return err_set(err, ERR_BAD_SPEC, "dataset_roots must be absolute and without a colon, not '%s'",
                           config->dataset_roots.items[i]);
    return true;
}

void config_print_keys(void)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        printf("  --%s=...\n      %s (default: %s)\n", keys[i].name, keys[i].help, keys[i].shown);
}

void config_print_docs(FILE *out)
{
    (void)fputs(
        "# Settings of detrd\n\n"
        "This page is printed from detrd's own table; a test compares it.\n\n"
        "Defaults come first, then `/etc/detrd/detrd.conf` or the file given by `--config FILE`, then `--key=value` "
        "on\n"
        "the command line. The file has one `key = value` a line; `;` and `#` start comments. A key that is not known\n"
        "or a bad value stops the start, with file and line. A list is written by repeating its key, and a list on\n"
        "the command line replaces the file's.\n\n"
        "| key | default | meaning |\n|---|---|---|\n",
        out);
    for (size_t i = 0; i < KEY_COUNT; i++)
        (void)fprintf(out, "| `%s` | %s | %s |\n", keys[i].name, keys[i].shown, keys[i].help);
}
