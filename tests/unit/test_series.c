/* tests/unit/test_series.c: parts of series, as they are read and cut; long ones by blocks, held against their points.
 */
#include "api/resources/series.h"
#include "storage/event_rows.h"
#include "storage/job_rows.h"
#include "tests/unit/check_main.h"
#include "tests/unit/check_store.h"

#include <math.h>

enum { SHORT = 1000, LONG = 20000, ATTEMPT = 12000 };

static int64_t job, last_id;
static struct series series;

/* A series of that many points, a step each, and an epoch for each 100; `value` says what they are.  An attempt ends
 * after ATTEMPT points, and the next starts with step 1 again. */
static void add_series(int count, double (*value)(int i))
{
    ck_assert(store_job_add(store, &(struct job_new){.name = "", .spec = "{}"}, &job, &err));
    ck_assert(store_begin(store, &err));
    for (int i = 0; i < count; i++) {
        struct event_row event = {.job = job, .attempt = 1 + i / ATTEMPT, .type = EVENT_METRIC, .data = "{}"};
        struct metric_row point = {.attempt = event.attempt,
                                   .step = i % ATTEMPT + 1,
                                   .epoch = i % ATTEMPT / 100 + 1,
                                   .time_ms = INT64_C(1000) * i,
                                   .value = value(i),
                                   .name = "loss"};

        event.seq = i + 1;
        ck_assert(store_event_add(store, &event, &point.id, &err));
        ck_assert_msg(store_metric_add(store, job, &point, &err), "%s", err.msg);
    }
    ck_assert(store_commit(store, &err));
}

static void read_part(enum series_axis axis, int64_t from, int64_t to, int64_t buckets)
{
    const struct series_part part = {.axis = axis, .from = from, .to = to, .buckets = buckets};

    series = (struct series){.name = "loss"};
    ck_assert_msg(series_read(store, arena, job, &part, 0, &series, &last_id, &err), "%s", err.msg);
}

static double counted(int i)
{
    return i;
}

static double sometimes_infinite(int i)
{
    return i == 15 ? (double)INFINITY : i >= 20 && i < 30 ? (double)NAN : i;
}

static double random_like(int i)
{
    double value = fabs(sin(i * 12.9898) * 43758.5453);

    return i % 97 == 0 ? (double)-INFINITY : i % 89 < 9 ? (double)NAN : value - floor(value) + (i > 5000 ? 1 : 0);
}

START_TEST(buckets_hold_mean_min_and_max_of_what_is_finite)
{
    add_series(SHORT, sometimes_infinite);
    read_part(AXIS_STEP, INT64_MIN, INT64_MAX, 100);
    series_cut(&series, AXIS_STEP, 1, SHORT, 100);
    ck_assert_uint_eq(series.count, 100);
    ck_assert_double_eq(series.points[0].value, 4.5);
    ck_assert_double_eq(series.points[0].min, 0);
    ck_assert_double_eq(series.points[0].max, 9);
    ck_assert_int_eq(series.points[0].step, 10);
    ck_assert_double_eq_tol(series.points[1].value, (145 - 15) / 9.0, 1e-12);
    ck_assert_double_eq(series.points[1].max, 19);
    ck_assert(isnan(series.points[2].value) && isnan(series.points[2].min) && isnan(series.points[2].max));
    ck_assert_double_eq(series.points[99].value, 994.5);
}
END_TEST

START_TEST(attempts_are_not_mixed_and_a_gap_has_no_bucket)
{
    add_series(ATTEMPT + 500, counted);
    read_part(AXIS_EPOCH, 1, 10, 4);
    series_clip(&series, AXIS_EPOCH, 1, 10);
    ck_assert_uint_eq(series.count, 1500);
    series_cut(&series, AXIS_EPOCH, 1, 40, 4); /* epochs 1 to 10 are one part of four */
    ck_assert_uint_eq(series.count, 2);
    ck_assert_int_eq(series.points[0].attempt, 1);
    ck_assert_double_eq(series.points[0].value, 499.5);
    ck_assert_double_eq(series.points[1].value, ATTEMPT + 249.5);
}
END_TEST

START_TEST(a_short_series_keeps_its_points)
{
    int64_t from = INT64_MAX, to = INT64_MIN;

    add_series(SHORT, counted);
    read_part(AXIS_TIME, 5000, 9000, 5);
    series_clip(&series, AXIS_TIME, 5000, 9000);
    ck_assert_uint_eq(series.count, 5);
    series_span(&series, AXIS_STEP, &from, &to);
    ck_assert_int_eq(from, 6);
    ck_assert_int_eq(to, 10);
    series_cut(&series, AXIS_EPOCH, 1, 1, 5);
    ck_assert_uint_eq(series.count, 5);
    ck_assert_double_eq(series.points[2].max, 7);
}
END_TEST

/* A bucket must be what the points behind the one before it come to, up to its own last one. */
static void check_bucket(const struct metric_row *bucket, int64_t after_id)
{
    double sum = 0, min = (double)INFINITY, max = (double)-INFINITY;
    struct metric_row *points;
    int64_t finite = 0;
    size_t count;

    ck_assert(store_metrics_between(store, arena, job, "loss", after_id, bucket->id, &points, &count, &err));
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(points[i].value))
            continue;
        sum += points[i].value;
        min = fmin(min, points[i].value);
        max = fmax(max, points[i].value);
        finite++;
    }
    ck_assert_int_eq(bucket->points, (int64_t)count);
    ck_assert_int_eq(bucket->step, points[count - 1].step);
    ck_assert_int_eq(bucket->time_ms, points[count - 1].time_ms);
    ck_assert_int_eq(bucket->finite, finite);
    ck_assert(finite > 0 && bucket->min == min && bucket->max == max);
    ck_assert_double_eq_tol(bucket->value, sum / (double)finite, 1e-12);
}

START_TEST(blocks_stand_for_the_points_of_a_long_series)
{
    static const int64_t buckets[] = {400, 60, 7, 1};
    static const size_t most[] = {2600, 330, 330, 50}; /* rows read: blocks of 8, 64, 512 */

    add_series(LONG, random_like);
    for (size_t b = 0; b < sizeof buckets / sizeof *buckets; b++) {
        int64_t after = 0, points = 0;

        read_part(AXIS_STEP, INT64_MIN, INT64_MAX, buckets[b]);
        ck_assert_int_eq(last_id, LONG + 1); /* the job's first event was its state */
        ck_assert_uint_le(series.count, most[b]);
        series_cut(&series, AXIS_STEP, 1, ATTEMPT, buckets[b]);
        ck_assert_uint_ge(series.count, (size_t)buckets[b]);
        for (size_t i = 0; i < series.count; i++) {
            check_bucket(&series.points[i], after);
            after = series.points[i].id;
            points += series.points[i].points;
        }
        ck_assert_int_eq(points, LONG);
    }
}
END_TEST

START_TEST(of_a_long_series_only_the_part_is_read)
{
    add_series(LONG, random_like);
    read_part(AXIS_STEP, 10100, 10150, 400);
    ck_assert_uint_le(series.count, 3 * METRIC_BLOCK_MAX);
    series_clip(&series, AXIS_STEP, 10100, 10150);
    ck_assert_uint_eq(series.count, 51);
    ck_assert_int_eq(series.points[0].points, 1);
    ck_assert_int_eq(last_id, LONG + 1);
    read_part(AXIS_TIME, 15000000, 15002000, 0);
    series_clip(&series, AXIS_TIME, 15000000, 15002000);
    ck_assert_uint_eq(series.count, 3);
    ck_assert_int_eq(series.points[2].step, 15002 - ATTEMPT + 1);
    read_part(AXIS_STEP, 50, 50, 0); /* of both attempts */
    series_clip(&series, AXIS_STEP, 50, 50);
    ck_assert_uint_eq(series.count, 2);
    read_part(AXIS_STEP, ATTEMPT + 1, INT64_MAX, 10);
    ck_assert_uint_eq(series.count, 0);
}
END_TEST

START_TEST(a_series_goes_on_behind_an_id)
{
    const struct series_part part = {.axis = AXIS_STEP, .from = INT64_MIN, .to = INT64_MAX, .buckets = 2};

    add_series(LONG, counted);
    series = (struct series){.name = "loss"};
    ck_assert(series_read(store, arena, job, &part, LONG - 1, &series, &last_id, &err));
    ck_assert_uint_eq(series.count, 2);
    ck_assert_int_eq(last_id, LONG + 1);
    ck_assert(series_read(store, arena, job, &part, LONG + 1, &series, &last_id, &err));
    ck_assert_uint_eq(series.count, 0);
    ck_assert_int_eq(last_id, LONG + 1);
}
END_TEST

START_TEST(csv_quotes_names_and_keeps_numbers_exact)
{
    struct metric_row points[] = {{.attempt = 1, .step = 1, .epoch = 1, .value = 0.1},
                                  {.attempt = 1, .step = 2, .epoch = 1, .time_ms = 1000, .value = 0.1 + 0.2},
                                  {.attempt = 1, .step = 3, .epoch = 1, .time_ms = 2000, .value = (double)-INFINITY}};

    series = (struct series){.name = "a \"b\"", .points = points, .count = 3};
    ck_assert_str_eq(series_csv(&series, 1, arena), "name,attempt,step,epoch,time_ms,value\n"
                                                    "\"a \"\"b\"\"\",1,1,1,0,0.1\n"
                                                    "\"a \"\"b\"\"\",1,2,1,1000,0.30000000000000004\n"
                                                    "\"a \"\"b\"\"\",1,3,1,2000,-inf\n");
    ck_assert_str_eq(series_csv(NULL, 0, arena), "name,attempt,step,epoch,time_ms,value\n");
}
END_TEST

// clang-format off
TEST_MAIN("series",
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 0);
    TEST(buckets_hold_mean_min_and_max_of_what_is_finite)
    TEST(attempts_are_not_mixed_and_a_gap_has_no_bucket)
    TEST(a_short_series_keeps_its_points)
    TEST(blocks_stand_for_the_points_of_a_long_series)
    TEST(of_a_long_series_only_the_part_is_read)
    TEST(a_series_goes_on_behind_an_id)
    TEST(csv_quotes_names_and_keeps_numbers_exact))
// clang-format on
