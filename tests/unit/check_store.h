/* tests/unit/check_store.h: a store in a folder of its own, for each test. */
#pragma once
#include "base/arena.h"
#include "storage/store.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char root[64];
static struct store *store;
static struct arena *arena;
static struct err err;

static void setup(void)
{
    strcpy(root, "/tmp/detrd-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    arena = arena_new();
    store = store_open(root, &err);
    ck_assert_msg(store != NULL, "%s", err.msg);
}

static void teardown(void)
{
    store_close(store);
    ck_assert_int_eq(system(arena_printf(arena, "rm -rf '%s'", root)), 0);
    arena_free(arena);
}
