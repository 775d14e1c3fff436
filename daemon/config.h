/* daemon/config.h: the settings, from defaults, a file and the command line, by one table of keys. */
#pragma once
#include "base/arena.h"

#include <stdio.h>

#include <stdint.h>

enum { CONFIG_LIST_MAX = 32 };

struct config_list {
    const char *items[CONFIG_LIST_MAX];
    size_t count;
    int source; /* of whom the items are: a later source replaces the earlier one's */
};

struct config {
    struct arena *arena; /* of all text */
    const char *state_dir, *worker;
    struct config_list listen, dataset_roots;
    int64_t cpu_slots, stop_grace_s;
};

/* The defaults.  config_free frees what any setting has allocated. */
void config_init(struct config *config);
void config_free(struct config *config);

/* Reads a file of "key = value" lines.  A key that is not known or a bad value is an error with file and line. */
MUST_CHECK bool config_read(struct config *config, const char *path, struct err *err);

/* Takes "--key=value". */
MUST_CHECK bool config_argument(struct config *config, const char *argument, struct err *err);

/* Fills what depends on other settings and the machine, after all sources. */
MUST_CHECK bool config_finish(struct config *config, struct err *err);

/* Prints every key with its default and what it means: for --help, and as docs/config.md. */
void config_print_keys(void);
void config_print_docs(FILE *out);
