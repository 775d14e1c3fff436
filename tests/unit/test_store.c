/* tests/unit/test_store.c: the database: jobs and their moves, the queue's order, events, points, attempts, opening. */
#include "base/arena.h"
#include "storage/attempt_rows.h"
#include "storage/event_rows.h"
#include "storage/job_rows.h"
#include "storage/metric_rows.h"
#include "storage/store.h"
#include "tests/unit/check_main.h"
#include "tests/unit/check_store.h"

#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static void reopen(void)
{
    store_close(store);
    store = store_open(root, &err);
    ck_assert_msg(store != NULL, "%s", err.msg);
}

static int64_t add_job(int64_t priority, enum device_type device, const char *user)
{
    struct job_new job = {.name = "cells", .user = user, .spec = "{}", .device_type = device, .priority = priority};
    int64_t id = 0;

    ck_assert_msg(store_job_add(store, &job, &id, &err), "%s", err.msg);
    return id;
}

static void move(int64_t id, enum job_state from, enum job_state to)
{
    ck_assert_msg(store_job_move(store, id, from, to, CAUSE_NONE, NULL, &err), "%s", err.msg);
}

static struct job_row read_job(int64_t id)
{
    struct job_row row;

    ck_assert_msg(store_job_read(store, arena, id, &row, &err), "%s", err.msg);
    return row;
}

/* ---- opening ---- */

START_TEST(what_was_acknowledged_is_there_after_reopening)
{
    int64_t id = add_job(3, DEVICE_CPU, "ada");
    struct job_row row;

    reopen();
    row = read_job(id);
    ck_assert_int_eq(row.state, JOB_QUEUED);
    ck_assert_int_eq(row.priority, 3);
    ck_assert_str_eq(row.name, "cells");
    ck_assert_str_eq(row.user, "ada");
    ck_assert_str_eq(row.spec, "{}");
    ck_assert_int_eq(row.attempt, 0);
    ck_assert_ptr_null(row.detail);
    ck_assert(!row.progress.known && !row.best.known && row.made_ms > 0 && row.started_ms == 0 && row.ended_ms == 0);
}
END_TEST

START_TEST(the_lock_of_a_daemon_that_is_gone_is_waited_for)
{
    int lock = open(arena_printf(arena, "%s/detrd.lock", root), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int ends[2];
    pid_t gone = fork(), child;

    if (gone == 0)
        _exit(0);
    ck_assert_int_eq(waitpid(gone, NULL, 0), gone);
    store_close(store);
    ck_assert_int_eq(ftruncate(lock, 0), 0);
    ck_assert_int_gt(dprintf(lock, "%d\n", (int)gone), 0);
    ck_assert_int_eq(flock(lock, LOCK_EX | LOCK_NB), 0);
    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) { /* as before its exec: it holds what it has inherited */
        char byte;

        (void)close(ends[1]);
        (void)!read(ends[0], &byte, 1);
        (void)usleep(50000);
        _exit(0);
    }
    (void)close(lock);
    (void)close(ends[1]);
    store = store_open(root, &err);
    ck_assert_msg(store != NULL, "%s", err.msg);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    (void)close(ends[0]);
}
END_TEST

START_TEST(a_second_daemon_on_the_same_folder_is_refused_by_the_pid_of_the_first)
{
    ck_assert_ptr_null(store_open(root, &err));
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    ck_assert_str_eq(err.msg, arena_printf(arena, "another detrd (pid %d) uses state_dir '%s'", (int)getpid(), root));
    ck_assert_int_eq(store_holder(root), getpid());
    store_close(store);
    ck_assert_int_eq(store_holder(root), 0);
    store = store_open(root, &err);
    ck_assert_ptr_nonnull(store);
}
END_TEST

static void run_sql(const char *sql)
{
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open(arena_printf(arena, "%s/detrd.db", root), &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

START_TEST(a_database_of_a_newer_program_is_refused_and_left_as_it_is)
{
    store_close(store);
    run_sql("PRAGMA user_version = 99");
    store = store_open(root, &err);
    ck_assert_ptr_null(store);
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    ck_assert_msg(strstr(err.msg, "newer detrd (schema 99;") != NULL, "%s", err.msg);
    run_sql("PRAGMA user_version = 4");
    store = store_open(root, &err);
    ck_assert_ptr_nonnull(store);
}
END_TEST

START_TEST(a_migration_that_fails_says_which_and_changes_nothing)
{
    store_close(store);
    run_sql("PRAGMA user_version = 0"); /* so that the first migration finds its tables already made */
    store = store_open(root, &err);
    ck_assert_ptr_null(store);
    ck_assert_msg(strstr(err.msg, "migration 1: table job already exists") != NULL, "%s", err.msg);
}
END_TEST

START_TEST(a_file_that_is_no_database_is_an_error)
{
    store_close(store);
    ck_assert_int_eq(system(arena_printf(arena, "rm '%s'/detrd.db*; head -c 8192 /dev/zero | tr '\\0' x >'%s/detrd.db'",
                                         root, root)),
                     0);
    store = store_open(root, &err);
    ck_assert_ptr_null(store);
    ck_assert_msg(strstr(err.msg, "not a database") != NULL, "%s", err.msg);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_an_error)
{
    ck_assert_ptr_null(store_open("/nonexistent", &err));
    ck_assert_str_eq(err.msg, "open '/nonexistent/detrd.lock': No such file or directory");
}
END_TEST

/* ---- jobs ---- */

START_TEST(a_move_keeps_cause_and_times_and_tells_them_as_an_event)
{
    int64_t id = add_job(0, DEVICE_CPU, NULL);
    struct event_row event;
    struct job_row row;

    move(id, JOB_QUEUED, JOB_STARTING);
    row = read_job(id);
    ck_assert(row.started_ms >= row.made_ms && row.ended_ms == 0);
    ck_assert(store_job_move(store, id, JOB_STARTING, JOB_FAILED, CAUSE_KILLED, "signal 9", &err));
    row = read_job(id);
    ck_assert_int_eq(row.state, JOB_FAILED);
    ck_assert_int_eq(row.cause, CAUSE_KILLED);
    ck_assert_str_eq(row.detail, "signal 9");
    ck_assert(row.started_ms > 0 && row.ended_ms >= row.started_ms);
    ck_assert(store_event_last(store, arena, id, EVENT_STATE, &event, &err));
    ck_assert_str_eq(event.data, "{\"state\":\"failed\",\"cause\":\"killed\",\"detail\":\"signal 9\"}");
}
END_TEST

START_TEST(a_job_that_goes_back_to_the_queue_has_not_started)
{
    int64_t id = add_job(0, DEVICE_CPU, NULL);

    move(id, JOB_QUEUED, JOB_STARTING);
    move(id, JOB_STARTING, JOB_QUEUED);
    ck_assert_int_eq(read_job(id).started_ms, 0);
}
END_TEST

START_TEST(move_from_the_wrong_state_is_a_conflict_and_tells_nothing)
{
    int64_t id = add_job(0, DEVICE_CPU, NULL);
    struct event_row *events;
    size_t count;

    ck_assert(!store_job_move(store, id, JOB_RUNNING, JOB_DONE, CAUSE_NONE, NULL, &err));
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    ck_assert_str_eq(err.msg, "job 1 is not running");
    ck_assert(store_events_of(store, arena, id, EVENT_STATE, &events, &count, &err));
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(a_job_that_is_not_there_is_not_found)
{
    struct job_row row;

    ck_assert(!store_job_read(store, arena, 17, &row, &err));
    ck_assert_int_eq(err.code, ERR_NOT_FOUND);
    ck_assert_str_eq(err.msg, "there is no job 17");
}
END_TEST

START_TEST(warnings_of_a_submission_are_events_of_the_job)
{
    const struct job_warning warnings[] = {
        {.detail = "bfloat16 is emulated", .pointer = "/amp/dtype"},
        {.detail = "boxes left out", .file = "a.json", .count = 2},
    };
    struct job_new job = {
        .name = "", .spec = "{}", .device_type = DEVICE_CPU, .warnings = warnings, .warning_count = 2};
    struct event_row *events;
    size_t count;
    int64_t id;

    ck_assert(store_job_add(store, &job, &id, &err));
    ck_assert(store_events_of(store, arena, id, EVENT_WARNING, &events, &count, &err));
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(events[0].data, "{\"detail\":\"bfloat16 is emulated\",\"pointer\":\"/amp/dtype\"}");
    ck_assert_str_eq(events[1].data, "{\"detail\":\"boxes left out\",\"file\":\"a.json\",\"count\":2}");
    ck_assert_ptr_null(read_job(id).name);
}
END_TEST

START_TEST(lists_are_newest_first_and_filtered_by_state_user_and_cursor)
{
    struct job_filter filter = {.limit = 2};
    struct job_row *rows;
    size_t count;

    for (int i = 1; i <= 6; i++)
        (void)add_job(0, DEVICE_CPU, i % 2 ? "ada" : "bob");
    move(2, JOB_QUEUED, JOB_CANCELLED);

    ck_assert(store_job_list(store, arena, &filter, &rows, &count, &err));
    ck_assert(count == 2 && rows[0].id == 6 && rows[1].id == 5 && rows[0].spec == NULL);
    filter.before = rows[1].id;
    ck_assert(store_job_list(store, arena, &filter, &rows, &count, &err));
    ck_assert(count == 2 && rows[0].id == 4 && rows[1].id == 3);
    filter = (struct job_filter){.user = "bob", .states = 1u << JOB_QUEUED, .limit = 50};
    ck_assert(store_job_list(store, arena, &filter, &rows, &count, &err));
    ck_assert(count == 2 && rows[0].id == 6 && rows[1].id == 4);
    filter.states |= 1u << JOB_CANCELLED;
    ck_assert(store_job_list(store, arena, &filter, &rows, &count, &err));
    ck_assert(count == 3 && rows[2].id == 2 && rows[2].state == JOB_CANCELLED);
    filter.user = "eve";
    ck_assert(store_job_list(store, arena, &filter, &rows, &count, &err));
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(the_queue_is_by_priority_then_age_and_apart_for_each_device)
{
    const int64_t expected[] = {4, 1, 3, 2};
    struct job_row next = {0}, *after = NULL;
    struct queue_place *places;
    size_t count;

    (void)add_job(0, DEVICE_CPU, NULL);
    (void)add_job(-5, DEVICE_CPU, NULL);
    (void)add_job(0, DEVICE_CPU, NULL);
    (void)add_job(100, DEVICE_CPU, NULL);
    (void)add_job(100, DEVICE_CUDA, NULL);
    move(add_job(0, DEVICE_CPU, NULL), JOB_QUEUED, JOB_CANCELLED);
    for (int i = 0; i < 4; i++) {
        ck_assert(store_queue_next(store, arena, DEVICE_CPU, after, &next, &err));
        ck_assert_int_eq(next.id, expected[i]);
        after = &next;
    }
    ck_assert(store_queue_order(store, arena, &places, &count, &err));
    ck_assert_uint_eq(count, 5);
    for (int i = 0; i < 4; i++)
        ck_assert(places[expected[i] - 1].id == expected[i] && places[expected[i] - 1].ahead == i);
    ck_assert(places[4].id == 5 && places[4].ahead == 0);
    ck_assert(store_queue_next(store, arena, DEVICE_CPU, after, &next, &err));
    ck_assert_int_eq(next.id, 0);
    ck_assert(store_queue_next(store, arena, DEVICE_CUDA, NULL, &next, &err));
    ck_assert_int_eq(next.id, 5);
}
END_TEST

/* ---- attempts, events, points ---- */

static struct attempt_row add_attempt(int64_t job)
{
    struct attempt_row row = {.job = job, .uuid = "GPU-1"};

    ck_assert_msg(store_attempt_add(store, &row, &err), "%s", err.msg);
    return row;
}

START_TEST(an_attempt_is_numbered_written_and_read_back)
{
    int64_t id = add_job(0, DEVICE_CUDA, NULL);
    struct attempt_row row = add_attempt(id), back;

    ck_assert_int_eq(row.attempt, 1);
    row.spool_offset = 1000;
    row.last_seq = 12;
    row.has_hello = true;
    row.device_name = "Card";
    row.libtorch = "2.13.0";
    row.bye = "{}";
    ck_assert(store_attempt_save(store, &row, &err));
    ck_assert(store_attempt_read(store, arena, id, &back, &err));
    ck_assert_int_eq(back.attempt, 1);
    ck_assert_str_eq(back.uuid, "GPU-1");
    ck_assert(back.spool_offset == 1000 && back.last_seq == 12 && back.has_hello && isnan(back.best));
    ck_assert_str_eq(back.device_name, "Card");
    ck_assert_str_eq(back.bye, "{}");
    ck_assert_int_eq(add_attempt(id).attempt, 2);
    ck_assert(store_attempt_remove(store, id, 2, &err));
    ck_assert_int_eq(read_job(id).attempt, 1);
    ck_assert(!store_attempt_read(store, arena, 17, &back, &err));
    ck_assert_int_eq(err.code, ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_job_shows_how_far_its_attempt_is_and_when_it_ends)
{
    int64_t id = add_job(0, DEVICE_CUDA, NULL);
    struct attempt_row row = add_attempt(id);
    struct job_row job;

    row.epochs = 5;
    row.steps = 100;
    row.first_step = row.step = 1;
    row.first_ms = row.last_ms = 50000;
    ck_assert(store_attempt_save(store, &row, &err));
    ck_assert(isnan(read_job(id).progress.eta_s));

    row.step = 21;
    row.epoch = 2;
    row.last_ms = 60000;
    row.images_per_s = 1.5;
    row.best = 0.31;
    row.best_epoch = 1;
    ck_assert(store_attempt_save(store, &row, &err));
    job = read_job(id);
    ck_assert(job.progress.known && job.progress.step == 21 && job.progress.steps == 100);
    ck_assert(job.progress.epoch == 2 && job.progress.epochs == 5);
    ck_assert_double_eq(job.progress.eta_s, 79 * 0.5);
    ck_assert_double_eq(job.progress.images_per_s, 1.5);
    ck_assert(job.best.known && job.best.value == 0.31 && job.best.epoch == 1);
    ck_assert_str_eq(job.device.uuid, "GPU-1");
}
END_TEST

static int64_t add_event(int64_t job, int64_t seq, enum event_type type, const char *data)
{
    struct event_row event = {.job = job, .attempt = 1, .seq = seq, .time_ms = 1, .type = type, .data = data};
    int64_t id = -1;

    ck_assert_msg(store_event_add(store, &event, &id, &err), "%s", err.msg);
    return id;
}

START_TEST(a_message_that_is_read_twice_counts_once)
{
    int64_t job = add_job(0, DEVICE_CPU, NULL);
    int64_t first = add_event(job, 1, EVENT_PLAN, "{}");

    ck_assert_int_gt(first, 0);
    ck_assert_int_eq(add_event(job, 1, EVENT_PLAN, "{}"), 0);
    ck_assert_int_gt(add_event(job, 2, EVENT_PLAN, "{}"), first);
    ck_assert_int_gt(add_event(job, 0, EVENT_WARNING, "{}"), first);
    ck_assert_int_gt(add_event(job, 0, EVENT_WARNING, "{}"), first); /* the daemon's own are never the same */
}
END_TEST

START_TEST(of_each_checkpoint_name_the_newest_is_listed)
{
    int64_t job = add_job(0, DEVICE_CPU, NULL);
    struct event_row *rows, none;
    size_t count;

    add_event(job, 1, EVENT_CHECKPOINT, "{\"name\":\"last\",\"epoch\":1}");
    add_event(job, 2, EVENT_CHECKPOINT, "{\"name\":\"best\",\"epoch\":1}");
    add_event(job, 3, EVENT_CHECKPOINT, "{\"name\":\"last\",\"epoch\":2}");
    ck_assert(store_checkpoints(store, arena, job, &rows, &count, &err));
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(rows[0].data, "{\"name\":\"best\",\"epoch\":1}");
    ck_assert_str_eq(rows[1].data, "{\"name\":\"last\",\"epoch\":2}");
    ck_assert(store_event_last(store, arena, job, EVENT_EVAL, &none, &err));
    ck_assert_int_eq(none.id, 0);
}
END_TEST

static void add_point(int64_t job, int64_t id, const char *name, double value)
{
    struct metric_row point = {
        .id = id, .attempt = 1, .step = id * 10, .epoch = 1, .time_ms = 5, .value = value, .name = name};

    ck_assert_msg(store_metric_add(store, job, &point, &err), "%s", err.msg);
}

START_TEST(points_are_read_by_series_and_the_newest_of_all_series_at_once)
{
    int64_t job = add_job(0, DEVICE_CPU, NULL), other = add_job(0, DEVICE_CPU, NULL);
    struct metric_row *rows;
    size_t count;
    int64_t id[3];

    for (int i = 0; i < 3; i++) {
        id[i] = add_event(job, i + 1, EVENT_METRIC, "{}");
        add_point(job, id[i], "train/loss", i == 1 ? (double)INFINITY : i);
    }
    add_point(job, id[0], "train/lr", NAN);
    add_point(other, add_event(other, 1, EVENT_METRIC, "{}"), "train/loss", 9);

    ck_assert(store_metrics_between(store, arena, job, "train/loss", id[0], INT64_MAX, &rows, &count, &err));
    ck_assert_uint_eq(count, 2);
    ck_assert(isinf(rows[0].value) && rows[1].value == 2 && rows[1].step == id[2] * 10 && rows[1].id == id[2]);
    ck_assert(store_metrics_last(store, arena, job, &rows, &count, &err));
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(rows[0].name, "train/loss");
    ck_assert(rows[0].value == 2 && isnan(rows[1].value));
    ck_assert_str_eq(rows[1].name, "train/lr");
    ck_assert(store_metrics_last(store, arena, 17, &rows, &count, &err));
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(points_of_an_older_database_are_summed_up_too)
{
    int64_t job = add_job(0, DEVICE_CPU, NULL);
    struct metric_row *rows;
    size_t count;

    for (int i = 1; i <= 3; i++) /* at steps 20, 30 and 40 */
        add_point(job, add_event(job, i, EVENT_METRIC, "{}"), "train/loss", i == 2 ? (double)INFINITY : i);
    store_close(store);
    run_sql("DROP TRIGGER metric_into_blocks; DROP TABLE metric_block; PRAGMA user_version = 3");
    store = store_open(root, &err);
    ck_assert_msg(store != NULL, "%s", err.msg);
    ck_assert(store_metrics_between(store, arena, job, "train/loss", 0, INT64_MAX, &rows, &count, &err));
    ck_assert_uint_eq(count, 3);
    for (int size = METRIC_BLOCK_MIN; size <= METRIC_BLOCK_MAX; size *= METRIC_BLOCK_FACTOR) {
        ck_assert(store_metric_blocks(store, arena, job, "train/loss", size, (struct metric_place){1, 0},
                                      (struct metric_place){1, 30}, &rows, &count, &err));
        ck_assert_uint_eq(count, size == 8 ? 2 : 1);
        ck_assert(rows[0].min == 1 && rows[0].finite == (size == 8 ? 1 : 2) && rows[0].points == (size == 8 ? 1 : 3));
        ck_assert(rows[0].max == (size == 8 ? 1 : 3) && rows[0].value == (size == 8 ? 1 : 2));
    }
    ck_assert(rows[0].step == 40 && rows[0].attempt == 1 && rows[0].time_ms == 5);
}
END_TEST

START_TEST(no_table_refers_to_events)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;

    /* else each event of a job that is deleted has that whole table searched, and the daemon stands still for minutes
     */
    ck_assert_int_eq(sqlite3_open(arena_printf(arena, "%s/detrd.db", root), &db), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_prepare_v2(db,
                           "SELECT count(*), count(*) FILTER (WHERE f.\"table\" = 'event')"
                           " FROM sqlite_schema s, pragma_foreign_key_list(s.name) f WHERE s.type = 'table'",
                           -1, &stmt, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    ck_assert_int_gt(sqlite3_column_int(stmt, 0), 0);
    ck_assert_int_eq(sqlite3_column_int(stmt, 1), 0);
    (void)sqlite3_finalize(stmt);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}
END_TEST

START_TEST(a_rollback_takes_back_what_came_after_its_own_begin)
{
    struct job_row row;
    int64_t kept, undone;

    ck_assert(store_begin(store, &err));
    kept = add_job(0, DEVICE_CPU, NULL);
    ck_assert(store_begin(store, &err));
    undone = add_job(0, DEVICE_CPU, NULL);
    store_rollback(store);
    ck_assert(store_commit(store, &err));
    store_rollback(store); /* with nothing begun it does nothing */
    reopen();
    ck_assert_int_eq(read_job(kept).id, kept);
    ck_assert(!store_job_read(store, arena, undone, &row, &err));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *tcase = tcase_create("store");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 0);
    TEST(what_was_acknowledged_is_there_after_reopening)
    TEST(the_lock_of_a_daemon_that_is_gone_is_waited_for)
    TEST(a_second_daemon_on_the_same_folder_is_refused_by_the_pid_of_the_first)
    TEST(a_database_of_a_newer_program_is_refused_and_left_as_it_is)
    TEST(a_migration_that_fails_says_which_and_changes_nothing)
    TEST(a_file_that_is_no_database_is_an_error)
    TEST(a_folder_that_is_not_there_is_an_error)
    TEST(a_move_keeps_cause_and_times_and_tells_them_as_an_event)
    TEST(a_job_that_goes_back_to_the_queue_has_not_started)
    TEST(move_from_the_wrong_state_is_a_conflict_and_tells_nothing)
    TEST(a_job_that_is_not_there_is_not_found)
    TEST(warnings_of_a_submission_are_events_of_the_job)
    TEST(lists_are_newest_first_and_filtered_by_state_user_and_cursor)
    TEST(the_queue_is_by_priority_then_age_and_apart_for_each_device)
    TEST(an_attempt_is_numbered_written_and_read_back)
    TEST(a_job_shows_how_far_its_attempt_is_and_when_it_ends)
    TEST(a_message_that_is_read_twice_counts_once)
    TEST(of_each_checkpoint_name_the_newest_is_listed)
    TEST(points_are_read_by_series_and_the_newest_of_all_series_at_once)
    TEST(points_of_an_older_database_are_summed_up_too)
    TEST(no_table_refers_to_events)
    TEST(a_rollback_takes_back_what_came_after_its_own_begin)
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
