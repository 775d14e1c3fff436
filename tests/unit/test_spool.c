/* tests/unit/test_spool.c: what a worker said, from its spool into the database, each message once. */
#include "base/file.h"
#include "jobs/spool.h"
#include "jobs/worker.h"
#include "spec/message.h"
#include "storage/event_rows.h"
#include "storage/job_rows.h"
#include "storage/metric_rows.h"
#include "tests/unit/check_main.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];
static struct store *store;
static struct jobs_env env;
static struct job job;
static int spool;
static struct err err;

static void setup(void)
{
    const struct job_new new = {.name = "", .spec = "{}", .device_type = DEVICE_CPU};

    strcpy(root, "/tmp/detrd-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    store = store_open(root, &err);
    ck_assert_ptr_nonnull(store);
    env = (struct jobs_env){.store = store, .state_dir = root};
    job = (struct job){.env = &env, .arena = arena_new(), .state = JOB_STARTING, .attempt.uuid = ""};
    worker_init(&job.worker);
    ck_assert(store_job_add(store, &new, &job.id, &err));
    job.attempt.job = job.id;
    ck_assert(store_attempt_add(store, &job.attempt, &err));
    job.worker.dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    spool = -1;
}

static void teardown(void)
{
    char command[80];

    worker_close(&job.worker);
    (void)close(spool);
    arena_free(job.arena);
    store_close(store);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", root);
    ck_assert_int_eq(system(command), 0);
}

static void say(const char *text)
{
    if (spool < 0)
        spool = openat(job.worker.dir, "events.jsonl", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert(file_write_all(spool, text, strlen(text), &err));
}

static void take(void)
{
    bool more = true;

    while (more)
        ck_assert_msg(spool_take(&job, &more, &err), "%s", err.msg);
}

static size_t count_of(enum event_type type)
{
    struct event_row *rows;
    size_t count;

    ck_assert(store_events_of(store, job.arena, job.id, type, &rows, &count, &err));
    return count;
}

static const char *last_warning(void)
{
    struct event_row row;

    ck_assert(store_event_last(store, job.arena, job.id, EVENT_WARNING, &row, &err));
    return row.id ? row.data : "";
}

/* Reads the attempt anew, as the next daemon would. */
static void restart(void)
{
    ck_assert(store_attempt_read(store, job.arena, job.id, &job.attempt, &err));
    if (job.worker.spool >= 0)
        (void)close(job.worker.spool);
    job.worker.spool = -1;
    job.is_line_skipped = false;
    job.reports = 0;
    job.spool_retry_s = 0;
    *job.spool_fault = '\0';
}

#define HELLO                                                                                                          \
    "{\"seq\":1,\"time_ms\":1000,\"type\":\"hello\",\"versions\":{\"libtorch\":\"2.13.0\"},"                           \
    "\"device\":{\"type\":\"cpu\",\"name\":\"Slow\"}}\n"
#define PLAN "{\"seq\":2,\"time_ms\":1000,\"type\":\"plan\",\"epochs\":2,\"steps\":10}\n"
#define METRIC(seq, step, time)                                                                                        \
    "{\"seq\":" #seq ",\"time_ms\":" #time ",\"type\":\"metric\",\"step\":" #step ",\"epoch\":1,"                      \
    "\"values\":{\"train/loss\":9.5,\"train/images_per_s\":3.5}}\n"
#define EVAL(seq, map, epoch)                                                                                          \
    "{\"seq\":" #seq ",\"time_ms\":9,\"type\":\"eval\",\"step\":5,\"epoch\":" #epoch                                   \
    ",\"metrics\":{\"val/mAP_50_95\":" #map "}}\n"
#define BYE(seq) "{\"seq\":" #seq ",\"time_ms\":9,\"type\":\"bye\",\"result\":\"done\"}\n"

START_TEST(before_there_is_a_spool_there_is_nothing)
{
    take();
    ck_assert(spool_finish(&job, &err));
    ck_assert_int_eq(job.attempt.spool_offset, 0);
}
END_TEST

START_TEST(a_whole_run_becomes_rows_and_progress)
{
    struct metric_row *points;
    struct job_row row;
    size_t count;

    say(HELLO PLAN METRIC(3, 1, 2000) METRIC(4, 3, 6000) EVAL(5, 0.25, 1) EVAL(6, 0.5, 2) EVAL(7, 0.5, 3) BYE(8));
    take();
    ck_assert_int_eq(job.attempt.last_seq, 8);
    ck_assert_str_eq(job.attempt.device_name, "Slow");
    ck_assert_str_eq(job.attempt.libtorch, "2.13.0");
    ck_assert_ptr_nonnull(strstr(job.attempt.bye, "\"done\""));
    ck_assert(count_of(EVENT_PLAN) == 1 && count_of(EVENT_METRIC) == 2 && count_of(EVENT_EVAL) == 3);
    ck_assert_uint_eq(count_of(EVENT_WARNING), 0);

    ck_assert(store_metrics_between(store, job.arena, job.id, "train/loss", 0, INT64_MAX, &points, &count, &err));
    ck_assert(count == 2 && points[1].step == 3 && points[1].value == 9.5 && points[1].time_ms == 6000);
    ck_assert(store_job_read(store, job.arena, job.id, &row, &err));
    ck_assert(row.progress.step == 3 && row.progress.steps == 10 && row.progress.images_per_s == 3.5);
    ck_assert_double_eq(row.progress.eta_s, 7 * 2.0);
    ck_assert(row.best.value == 0.5 && row.best.epoch == 2); /* only what is strictly higher */
}
END_TEST

START_TEST(reading_stops_behind_the_hello)
{
    bool more;

    say(HELLO PLAN);
    ck_assert(spool_take(&job, &more, &err));
    ck_assert(more && job.attempt.has_hello && job.attempt.last_seq == 1);
    take();
    ck_assert_int_eq(job.attempt.last_seq, 2);
}
END_TEST

START_TEST(after_a_restart_reading_goes_on_where_it_was)
{
    say(HELLO PLAN METRIC(3, 1, 2000));
    take();
    restart();
    take();
    say(METRIC(4, 2, 3000));
    take();
    ck_assert_uint_eq(count_of(EVENT_METRIC), 2);
    ck_assert_int_eq(job.attempt.first_ms, 2000);
}
END_TEST

START_TEST(messages_read_again_from_the_start_count_once)
{
    say(HELLO PLAN METRIC(3, 1, 2000));
    take();
    job.attempt.spool_offset = 0;
    take();
    ck_assert_uint_eq(count_of(EVENT_METRIC), 1);
    ck_assert_int_eq(job.attempt.last_seq, 3);
    job.attempt.spool_offset = job.attempt.last_seq = 0; /* the rows' own key refuses them too */
    take();
    ck_assert_uint_eq(count_of(EVENT_METRIC), 1);
}
END_TEST

START_TEST(a_line_is_taken_once_its_newline_is_there)
{
    const char *line = HELLO;
    char part[400];

    memcpy(part, line, 30);
    part[30] = '\0';
    say(part);
    take();
    ck_assert_int_eq(job.attempt.spool_offset, 0);
    say(line + 30);
    take();
    ck_assert(job.attempt.has_hello);
}
END_TEST

START_TEST(a_torn_last_line_is_told_once_the_worker_has_ended)
{
    say(HELLO "{\"seq\":2,\"time_");
    take();
    ck_assert_str_eq(last_warning(), "");
    ck_assert(spool_finish(&job, &err));
    ck_assert_ptr_nonnull(strstr(last_warning(), "the last line is torn"));
}
END_TEST

static const struct {
    const char *line, *told;
} faults[] = {
    {"\n", "not JSON"},
    {"garbage \xff\n", "not JSON"},
    {"{\"seq\":2,\"time_ms\":1,\"type\":\"song\"}\n", "unknown type 'song'"},
    {"{\"seq\":2,\"time_ms\":1,\"type\":\"plan\"}\n", "'epochs' is not a whole"},
    {"{\"seq\":2,\"time_ms\":1,\"type\":"
     "\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
     "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4x\xc3\xa4\"}\n",
     "unknown type"},
};

START_TEST(a_line_that_is_no_message_is_told_and_left_out)
{
    say(HELLO);
    say(faults[_i].line);
    say(PLAN);
    take();
    ck_assert_msg(strstr(last_warning(), faults[_i].told) != NULL, "%s", last_warning());
    ck_assert_ptr_nonnull(strstr(last_warning(), "events.jsonl, byte 111: "));
    ck_assert_uint_eq(count_of(EVENT_PLAN), 1);
}
END_TEST

START_TEST(a_gap_in_seq_is_told_and_the_message_taken)
{
    say(HELLO METRIC(5, 1, 2000));
    take();
    ck_assert_ptr_nonnull(strstr(last_warning(), "seq 5 where 2 should be"));
    ck_assert_uint_eq(count_of(EVENT_METRIC), 1);
}
END_TEST

START_TEST(an_oversized_line_is_told_once_and_the_next_is_taken)
{
    size_t size = 5 * MESSAGE_MAX_BYTES;
    char *line = xmalloc(size + 1);

    memset(line, 'x', size);
    line[size] = '\0';
    say(HELLO);
    say(line);
    take();
    say("\n" PLAN);
    take();
    ck_assert_uint_eq(count_of(EVENT_WARNING), 1);
    ck_assert_ptr_nonnull(strstr(last_warning(), "longer than 1048576 bytes"));
    ck_assert_uint_eq(count_of(EVENT_PLAN), 1);

    line[MESSAGE_MAX_BYTES + 1] = '\0'; /* fits into the buffer with its newline, but is too long */
    say(line);
    say("\n" METRIC(3, 1, 2000));
    take();
    ck_assert_uint_eq(count_of(EVENT_WARNING), 2);
    ck_assert_uint_eq(count_of(EVENT_METRIC), 1);
    free(line);
}
END_TEST

START_TEST(an_oversized_line_is_told_once_over_a_restart)
{
    size_t size = 2 * MESSAGE_MAX_BYTES;
    char *line = xmalloc(size + 1);

    memset(line, 'x', size);
    line[size] = '\0';
    say(HELLO);
    say(line);
    take();
    restart();
    ck_assert(spool_finish(&job, &err));
    say(line);
    say("\n" PLAN);
    take();
    restart();
    say(METRIC(3, 1, 2000));
    take();
    ck_assert_uint_eq(count_of(EVENT_WARNING), 1);
    ck_assert(count_of(EVENT_PLAN) == 1 && count_of(EVENT_METRIC) == 1);
    free(line);
}
END_TEST

START_TEST(a_spool_that_cannot_be_read_is_told_once_and_tried_again_later)
{
    ck_assert_int_eq(mkdirat(job.worker.dir, "events.jsonl", 0700), 0);
    for (int i = 0; i < 3; i++) {
        take();
        job.spool_retry_s = 0;
    }
    restart();
    take();
    ck_assert(spool_finish(&job, &err));
    ck_assert_uint_eq(count_of(EVENT_WARNING), 1);
    ck_assert_ptr_nonnull(strstr(last_warning(), "cannot be read: open 'events.jsonl': it is no regular file"));
    ck_assert_ptr_nonnull(strstr(job.spool_fault, "no regular file"));

    ck_assert_int_eq(unlinkat(job.worker.dir, "events.jsonl", AT_REMOVEDIR), 0);
    say(HELLO PLAN);
    take();
    ck_assert_int_eq(job.attempt.last_seq, 0); /* not yet */
    job.spool_retry_s = 0;
    take();
    ck_assert_int_eq(job.attempt.last_seq, 2);
    ck_assert_str_eq(job.spool_fault, "");
}
END_TEST

START_TEST(a_spool_that_is_a_link_is_not_read)
{
    ck_assert_int_eq(symlinkat("/etc/passwd", job.worker.dir, "events.jsonl"), 0);
    take();
    ck_assert_uint_eq(count_of(EVENT_WARNING), 1);
    ck_assert_ptr_nonnull(strstr(last_warning(), "symbolic links"));
}
END_TEST

START_TEST(a_worker_that_writes_only_garbage_does_not_fill_the_database)
{
    for (int i = 0; i < 1000; i++)
        say("?\n");
    take();
    ck_assert_uint_eq(count_of(EVENT_WARNING), 20);
    ck_assert_ptr_nonnull(strstr(last_warning(), "further faults are not told"));
}
END_TEST

START_TEST(a_failing_database_takes_nothing_and_the_next_try_takes_all)
{
    bool more;

    say(HELLO);
    take();
    say(PLAN METRIC(3, 1, 2000));
    ck_assert(store_begin(store, &err)); /* what a rollback of the outer transaction undoes is read again */
    take();
    store_rollback(store);
    restart();
    ck_assert_int_eq(job.attempt.last_seq, 1);
    ck_assert(spool_take(&job, &more, &err));
    ck_assert(count_of(EVENT_PLAN) == 1 && count_of(EVENT_METRIC) == 1);
}
END_TEST

START_TEST(series_with_unfit_names_are_left_out)
{
    struct metric_row *points;
    size_t count;

    say(HELLO
        "{\"seq\":2,\"time_ms\":1,\"type\":\"metric\",\"step\":1,\"epoch\":1,\"values\":{\"\":1,\"a\\nb\":2,\"c\":"
        "\"nan\"}}\n");
    take();
    ck_assert(store_metrics_last(store, job.arena, job.id, &points, &count, &err));
    ck_assert(count == 1 && isnan(points[0].value));
    ck_assert_str_eq(points[0].name, "c");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spool");
    TCase *tcase = tcase_create("spool");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 0);
    TEST(before_there_is_a_spool_there_is_nothing)
    TEST(a_whole_run_becomes_rows_and_progress)
    TEST(reading_stops_behind_the_hello)
    TEST(after_a_restart_reading_goes_on_where_it_was)
    TEST(messages_read_again_from_the_start_count_once)
    TEST(a_line_is_taken_once_its_newline_is_there)
    TEST(a_torn_last_line_is_told_once_the_worker_has_ended)
    TEST_LOOP(a_line_that_is_no_message_is_told_and_left_out, sizeof faults / sizeof faults[0])
    TEST(a_gap_in_seq_is_told_and_the_message_taken)
    TEST(an_oversized_line_is_told_once_and_the_next_is_taken)
    TEST(an_oversized_line_is_told_once_over_a_restart)
    TEST(a_spool_that_cannot_be_read_is_told_once_and_tried_again_later)
    TEST(a_spool_that_is_a_link_is_not_read)
    TEST(a_worker_that_writes_only_garbage_does_not_fill_the_database)
    TEST(a_failing_database_takes_nothing_and_the_next_try_takes_all)
    TEST(series_with_unfit_names_are_left_out)
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
