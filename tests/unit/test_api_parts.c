/* tests/unit/test_api_parts.c: parts of files and of series. */
#include "api/http/range.h"
#include "api/resources/series.h"
#include "tests/unit/check_main.h"

#include <math.h>

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

enum { POINTS = 1000 };

static struct series make_series(struct arena *arena)
{
    struct series series = {
        .name = "a \"b\"", .points = arena_alloc(arena, POINTS * sizeof(struct metric_row)), .count = POINTS};

    for (int i = 0; i < POINTS; i++)
        series.points[i] = (struct metric_row){
            .id = i + 1, .attempt = 1, .step = i + 1, .epoch = i / 100 + 1, .time_ms = 1000 * i, .value = i};
    return series;
}

START_TEST(buckets_hold_mean_min_and_max_of_what_is_finite)
{
    struct arena *arena = arena_new();
    struct series series = make_series(arena);

    series.points[15].value = INFINITY;
    for (int i = 20; i < 30; i++)
        series.points[i].value = NAN;
    series_cut(&series, arena, AXIS_STEP, 1, POINTS, 100);
    ck_assert_uint_eq(series.count, 100);
    ck_assert_double_eq(series.points[0].value, 4.5);
    ck_assert_double_eq(series.min[0], 0);
    ck_assert_double_eq(series.max[0], 9);
    ck_assert_int_eq(series.points[0].step, 10);
    ck_assert_double_eq_tol(series.points[1].value, (145 - 15) / 9.0, 1e-12);
    ck_assert_double_eq(series.max[1], 19);
    ck_assert(isnan(series.points[2].value) && isnan(series.min[2]) && isnan(series.max[2]));
    ck_assert_double_eq(series.points[99].value, 994.5);
    arena_free(arena);
}
END_TEST

START_TEST(attempts_are_not_mixed_and_a_gap_has_no_bucket)
{
    struct arena *arena = arena_new();
    struct series series = make_series(arena);

    for (int i = 500; i < POINTS; i++)
        series.points[i].attempt = 2;
    series_cut(&series, arena, AXIS_EPOCH, 1, 40, 4); /* epochs 1 to 10 are one part of four */
    ck_assert_uint_eq(series.count, 2);
    ck_assert_int_eq(series.points[0].attempt, 1);
    ck_assert_double_eq(series.points[1].value, 749.5);
    arena_free(arena);
}
END_TEST

START_TEST(a_short_series_keeps_its_points)
{
    struct arena *arena = arena_new();
    struct series series = make_series(arena);
    int64_t from = INT64_MAX, to = INT64_MIN;

    series_clip(&series, AXIS_TIME, 5000, 9000);
    ck_assert_uint_eq(series.count, 5);
    series_span(&series, AXIS_STEP, &from, &to);
    ck_assert_int_eq(from, 6);
    ck_assert_int_eq(to, 10);
    series_cut(&series, arena, AXIS_EPOCH, 1, 1, 5);
    ck_assert_uint_eq(series.count, 5);
    ck_assert_double_eq(series.max[2], 7);
    arena_free(arena);
}
END_TEST

START_TEST(csv_quotes_names_and_keeps_numbers_exact)
{
    struct arena *arena = arena_new();
    struct series series = make_series(arena);

    series.count = 3;
    series.points[0].value = 0.1;
    series.points[1].value = 0.1 + 0.2;
    series.points[2].value = -INFINITY;
    ck_assert_str_eq(series_csv(&series, 1, arena), "name,attempt,step,epoch,time_ms,value\n"
                                                    "\"a \"\"b\"\"\",1,1,1,0,0.1\n"
                                                    "\"a \"\"b\"\"\",1,2,1,1000,0.30000000000000004\n"
                                                    "\"a \"\"b\"\"\",1,3,1,2000,-inf\n");
    ck_assert_str_eq(series_csv(NULL, 0, arena), "name,attempt,step,epoch,time_ms,value\n");
    arena_free(arena);
}
END_TEST

// clang-format off
TEST_MAIN("api_parts",
    TEST_LOOP(a_range_is_a_part_of_ten_bytes_or_the_whole, (int)(sizeof ranges / sizeof *ranges))
    TEST(nothing_of_an_empty_file_can_be_asked_for)
    TEST(buckets_hold_mean_min_and_max_of_what_is_finite)
    TEST(attempts_are_not_mixed_and_a_gap_has_no_bucket)
    TEST(a_short_series_keeps_its_points)
    TEST(csv_quotes_names_and_keeps_numbers_exact))
