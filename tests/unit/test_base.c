/* tests/unit/test_base.c: arena, clock, err and file. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "tests/unit/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(arena_memory_is_aligned_zeroed_and_apart)
{
    struct arena *arena = arena_new();
    unsigned char *last = NULL;

    for (size_t size = 1; size < 40000; size = size * 3 + 1) {
        unsigned char *memory = arena_alloc(arena, size);

        ck_assert_uint_eq((uintptr_t)memory % 16, 0);
        for (size_t i = 0; i < size; i++)
            ck_assert_uint_eq(memory[i], 0);
        memset(memory, 0xff, size);
        ck_assert_ptr_ne(memory, last);
        last = memory;
    }
    ck_assert_str_eq(arena_printf(arena, "%s=%d", "a", 7), "a=7");
    arena_free(arena);
}
END_TEST

START_TEST(time_is_written_as_rfc_3339)
{
    char text[CLOCK_TEXT_SIZE];

    ck_assert_str_eq(clock_text(0, text), "1970-01-01T00:00:00.000Z");
    ck_assert_str_eq(clock_text(1795629762007, text), "2026-11-25T18:02:42.007Z");
}
END_TEST

START_TEST(an_error_is_one_line_of_utf8_whatever_was_put_in)
{
    struct err err;
    char *text = xmalloc(2000);

    ck_assert(!err_set(&err, ERR_DATASET, "%s", "a  b [\n\t 1,\r\n 2\x1b[31m\x7f] \xff\xc3\xa4"));
    ck_assert_str_eq(err.msg, "a  b [ 1, 2 [31m ] ?\xc3\xa4");
    for (int i = 0; i < 666; i++)
        memcpy(text + 3 * i, "\xe2\x82\xac", 4);
    ck_assert(!err_at(&err, ERR_DATASET, "/x", "%s", text));
    ck_assert_uint_eq(strlen(err.msg), sizeof err.msg - 1);
    ck_assert_str_eq(err.msg + sizeof err.msg - 6, "\xe2\x82\xac??");
    free(text);
}
END_TEST

START_TEST(errno_is_told_in_words_and_a_full_disk_has_its_own_code)
{
    struct err err = {0};

    errno = ENOENT;
    ck_assert(!err_os(&err, "open '%s'", "x"));
    ck_assert_int_eq(err.code, ERR_INTERNAL);
    ck_assert_str_eq(err.msg, "open 'x': No such file or directory");
    errno = ENOSPC;
    ck_assert(!err_os(&err, "write"));
    ck_assert_int_eq(err.code, ERR_DISK_FULL);
}
END_TEST

START_TEST(a_file_is_replaced_whole_and_read_back)
{
    char root[] = "/tmp/detrd-test-XXXXXX";
    struct err err = {0};
    size_t size;
    char *data, *inner, *outer;
    int dir;

    ck_assert_ptr_nonnull(mkdtemp(root));
    outer = xasprintf("%s/a", root);
    inner = xasprintf("%s/b", outer);
    ck_assert(file_make_dirs(inner, 0700, &err));
    ck_assert(file_make_dirs(inner, 0700, &err)); /* existing is fine */
    dir = open(inner, O_DIRECTORY | O_RDONLY);
    ck_assert_int_ge(dir, 0);

    ck_assert(file_replace(dir, "f", "old", 3, &err));
    ck_assert(file_replace(dir, "f", "newer", 5, &err));
    data = file_read(dir, "f", 100, &size, &err);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(size, 5);
    ck_assert_str_eq(data, "newer");
    free(data);
    ck_assert_ptr_null(file_read(dir, "f", 4, NULL, &err));
    ck_assert_int_eq(err.code, ERR_TOO_LARGE);
    ck_assert_ptr_null(file_read(dir, "missing", 4, NULL, &err));
    ck_assert_int_eq(err.code, ERR_NOT_FOUND);
    ck_assert_int_eq(unlinkat(dir, "f", 0), 0); /* and nothing else lies there */
    ck_assert(rmdir(inner) == 0 && rmdir(outer) == 0 && rmdir(root) == 0);
    (void)close(dir);
    free(inner);
    free(outer);
}
END_TEST

TEST_MAIN("base", TEST(an_error_is_one_line_of_utf8_whatever_was_put_in) TEST(arena_memory_is_aligned_zeroed_and_apart)
                      TEST(time_is_written_as_rfc_3339) TEST(errno_is_told_in_words_and_a_full_disk_has_its_own_code)
                          TEST(a_file_is_replaced_whole_and_read_back))
