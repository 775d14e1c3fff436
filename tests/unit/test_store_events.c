/* tests/unit/test_store_events.c: the database as streams read it, jobs that are deleted, submissions. */
#include "base/clock.h"
#include "storage/event_rows.h"
#include "storage/job_rows.h"
#include "storage/metric_rows.h"
#include "storage/submission_rows.h"
#include "tests/unit/check_main.h"
#include "tests/unit/check_store.h"

#include <string.h>

static int64_t add_job(void)
{
    int64_t id = 0;

    ck_assert(store_job_add(store, &(struct job_new){.name = "cells", .spec = "{}"}, &id, &err));
    return id;
}

static int64_t add_event(int64_t job, enum event_type type)
{
    int64_t id = 0;

    ck_assert(store_event_add(store, &(struct event_row){.job = job, .type = type, .data = "{}"}, &id, &err));
    return id;
}

static int64_t next(int64_t job, int64_t after)
{
    struct event_row row;

    ck_assert_msg(store_event_next(store, arena, job, after, &row, &err), "%s", err.msg);
    return row.id;
}

static int64_t newest(void)
{
    int64_t id = -1;

    ck_assert_msg(store_event_newest(store, &id, &err), "%s", err.msg);
    return id;
}

START_TEST(the_next_event_is_of_one_job_or_the_states_of_all)
{
    int64_t first, second, warning, point;

    ck_assert_int_eq(newest(), 0);
    first = add_job();
    second = add_job();
    warning = add_event(first, EVENT_WARNING);
    point = add_event(second, EVENT_METRIC);
    ck_assert_int_eq(next(first, 0), 1);
    ck_assert_int_eq(next(first, 1), warning);
    ck_assert_int_eq(next(first, warning), 0);
    ck_assert_int_eq(next(second, 2), point);
    ck_assert_int_eq(next(0, 0), 1);
    ck_assert_int_eq(next(0, 1), 2);
    ck_assert_int_eq(next(0, 2), 0);
    ck_assert_int_eq(newest(), point);
    ck_assert(store_job_move(store, first, JOB_QUEUED, JOB_CANCELLED, CAUSE_NONE, NULL, &err));
    ck_assert_int_eq(next(0, 2), point + 1);
}
END_TEST

START_TEST(a_deleted_job_is_gone_but_for_the_event_that_says_so)
{
    const struct job_filter all = {.limit = 10};
    int64_t kept = add_job(), id = add_job(), last = add_event(id, EVENT_METRIC);
    struct metric_row point = {.id = last, .attempt = 1, .step = 1, .name = "train/loss"}, *points;
    struct event_row event;
    struct job_row row, *rows;
    size_t count;

    ck_assert(store_metric_add(store, id, &point, &err));
    ck_assert_msg(store_job_delete(store, id, &err), "%s", err.msg);
    for (bool more = true; more;)
        ck_assert_msg(store_wipe_some(store, &more, &err), "%s", err.msg);
    ck_assert(!store_job_read(store, arena, id, &row, &err));
    ck_assert_int_eq(err.code, ERR_GONE);
    ck_assert(store_job_list(store, arena, &all, &rows, &count, &err));
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(rows[0].id, kept);
    ck_assert(store_metrics_between(store, arena, id, "train/loss", 0, INT64_MAX, &points, &count, &err));
    ck_assert_uint_eq(count, 0);
    ck_assert(store_metric_blocks(store, arena, id, "train/loss", METRIC_BLOCK_MIN, (struct metric_place){0},
                                  (struct metric_place){9, 9}, &points, &count, &err));
    ck_assert_uint_eq(count, 0);
    ck_assert(store_event_next(store, arena, id, 0, &event, &err));
    ck_assert_int_eq(event.type, EVENT_DELETED);
    ck_assert_int_eq(event.id, last + 1); /* ids are not used again */
    ck_assert_int_eq(next(0, last), last + 1);
    ck_assert_int_eq(add_job(), id + 1);
}
END_TEST

START_TEST(a_submission_is_found_by_user_and_key_until_it_is_forgotten)
{
    struct submission_row row = {.user = "ada", .key = "k", .body = "00", .job = add_job()};
    struct submission_row found = {.user = "ada", .key = "k"}, other = {.user = "", .key = "k"};

    ck_assert_msg(store_submission_add(store, &row, &err), "%s", err.msg);
    ck_assert(store_submission_find(store, arena, &found, &err));
    ck_assert_int_eq(found.job, row.job);
    ck_assert_str_eq(found.body, "00");
    ck_assert(store_submission_find(store, arena, &other, &err));
    ck_assert_int_eq(other.job, 0);
    ck_assert(!store_submission_add(store, &row, &err));
    ck_assert(store_submissions_forget(store, clock_wall_ms() - 60000, &err));
    ck_assert(store_submission_find(store, arena, &found, &err));
    ck_assert_int_eq(found.job, row.job);
    ck_assert(store_submissions_forget(store, clock_wall_ms() + 60000, &err));
    ck_assert(store_submission_find(store, arena, &found, &err));
    ck_assert_int_eq(found.job, 0);
}
END_TEST

// clang-format off
TEST_MAIN("store_events",
    tcase_add_checked_fixture(tcase, setup, teardown);
    TEST(the_next_event_is_of_one_job_or_the_states_of_all)
    TEST(a_deleted_job_is_gone_but_for_the_event_that_says_so)
    TEST(a_submission_is_found_by_user_and_key_until_it_is_forgotten))
