/* tests/unit/test_range.c: parts of files. */
#include "api/http/range.h"
#include "tests/unit/check_main.h"

static const struct {
    const char *text;
    enum range_kind kind;
    int64_t start, length;
} ranges[] = {
    {NULL, RANGE_WHOLE, 0, 0},
    {"bytes=0-0", RANGE_PART, 0, 1},
    {"BYTES=0-9", RANGE_PART, 0, 10},
    {"bytes=3-", RANGE_PART, 3, 7},
    {"bytes=3-999999999999999999", RANGE_PART, 3, 7},
    {"bytes=-4", RANGE_PART, 6, 4},
    {"bytes=-40", RANGE_PART, 0, 10},
    {"bytes=10-", RANGE_OUTSIDE, 0, 0},
    {"bytes=-0", RANGE_OUTSIDE, 0, 0},
    {"bytes=4-3", RANGE_WHOLE, 0, 0},
    {"bytes=", RANGE_WHOLE, 0, 0},
    {"bytes=-", RANGE_WHOLE, 0, 0},
    {"bytes=3", RANGE_WHOLE, 0, 0},
    {"bytes=1-2,4-5", RANGE_WHOLE, 0, 0},
    {"bytes= 1-2", RANGE_WHOLE, 0, 0},
    {"bytes=1--2", RANGE_WHOLE, 0, 0},
    {"lines=1-2", RANGE_WHOLE, 0, 0},
};

START_TEST(a_range_is_a_part_of_ten_bytes_or_the_whole)
{
    struct arena *arena = arena_new();
    int64_t start = 0, length = 0;

    ck_assert_int_eq(range_read(ranges[_i].text, 10, arena, &start, &length), ranges[_i].kind);
    if (ranges[_i].kind == RANGE_PART) {
        ck_assert_int_eq(start, ranges[_i].start);
        ck_assert_int_eq(length, ranges[_i].length);
    }
    arena_free(arena);
}
END_TEST

START_TEST(nothing_of_an_empty_file_can_be_asked_for)
{
    struct arena *arena = arena_new();
    int64_t start, length;

    ck_assert_int_eq(range_read("bytes=0-", 0, arena, &start, &length), RANGE_OUTSIDE);
    ck_assert_int_eq(range_read("bytes=-5", 0, arena, &start, &length), RANGE_OUTSIDE);
    arena_free(arena);
}
END_TEST

// clang-format off
TEST_MAIN("range",
    TEST_LOOP(a_range_is_a_part_of_ten_bytes_or_the_whole, (int)(sizeof ranges / sizeof *ranges))
    TEST(nothing_of_an_empty_file_can_be_asked_for))
