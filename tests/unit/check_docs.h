/* tests/unit/check_docs.h: a page of docs/ that the program's tables print must be what is stored. */
#pragma once
#include "base/file.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* DETRD_WRITE_DOCS=1 writes the page anew. */
static inline void check_docs(const char *page, void (*print)(FILE *out))
{
    char path[4096], *text = NULL, *stored;
    struct err err = {0};
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    print(out);
    (void)fclose(out);
    (void)snprintf(path, sizeof path, "%s/docs/%s", getenv("SOURCE_DIR"), page);
    if (getenv("DETRD_WRITE_DOCS")) {
        out = fopen(path, "w");
        ck_assert_ptr_nonnull(out);
        ck_assert_uint_eq(fwrite(text, 1, size, out), size);
        (void)fclose(out);
    }
    stored = file_read(AT_FDCWD, path, 1 << 20, NULL, &err);
    ck_assert_msg(stored != NULL, "%s", err.msg);
    ck_assert_msg(strcmp(stored, text) == 0, "docs/%s is stale: run this test with DETRD_WRITE_DOCS=1", page);
    free(stored);
    free(text);
}
