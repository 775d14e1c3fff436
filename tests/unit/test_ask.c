/* tests/unit/test_ask.c: a question to another process, with what such a process can do. */
#include "base/arena.h"
#include "jobs/ask.h"
#include "tests/unit/check_main.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64];
static struct err err;
static struct loop *loop;
static json_t *report;
static const char *const question[] = {"check", "--brief", root, NULL};

/* A worker whose check runs a shell's words; $3 is what it is to check. */
static char *worker(const char *words)
{
    char *path = xasprintf("%s/worker", root);
    FILE *out = fopen(path, "w");

    ck_assert_ptr_nonnull(out);
    (void)fprintf(out, "#!/bin/sh\n[ \"$1 $2\" = 'check --brief' ] || exit 2\n%s\n", words);
    (void)fclose(out);
    ck_assert_int_eq(chmod(path, 0700), 0);
    return path;
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

/* Has it read; false with err. */
static bool read_set(const char *words, int64_t timeout_ms)
{
    char *path = worker(words);
    struct ask *ask;
    bool ok;

    loop = loop_new(&err);
    ask = ask_start(path, loop, question, timeout_ms, stop, NULL, &err);
    ck_assert_msg(ask != NULL, "%s", err.msg);
    ck_assert(loop_run(loop, &err));
    ok = ask_answer(ask, ERR_DATASET, &report, &err);
    ask_free(ask);
    loop_free(loop);
    free(path);
    return ok;
}

static void setup(void)
{
    strcpy(root, "/tmp/detrd-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static void teardown(void)
{
    char *command = xasprintf("rm -rf '%s'", root);

    ck_assert_int_eq(system(command), 0);
    free(command);
}

START_TEST(a_report_is_read_however_long_it_is)
{
    ck_assert_msg(read_set("echo \"{\\\"at\\\": \\\"$3\\\", \\\"pad\\\": \\\"$(printf '%0500000d' 0)\\\"}\"", 60000),
                  "%s", err.msg);
    ck_assert_str_eq(json_string_value(json_object_get(report, "at")), root);
    json_decref(report);
}
END_TEST

static const struct {
    const char *words;
    enum err_code code;
    const char *msg;
} ends[] = {
    {"echo one >&2; echo 'error: no valid split' >&2; exit 1", ERR_DATASET, "no valid split"},
    {"echo '<3>no valid split' >&2; exit 1", ERR_DATASET, "no valid split"},
    {"echo 'detrd-worker: there is no libtorch' >&2; exit 1", ERR_UNAVAILABLE, "there is no libtorch"},
    {"exit 1", ERR_DATASET, "detrd-worker said nothing"},
    {"echo 'usage: x' >&2; exit 2", ERR_UNAVAILABLE, "usage: x"},
    {"kill -9 $$", ERR_UNAVAILABLE, "detrd-worker said nothing"},
    {"echo '{'", ERR_UNAVAILABLE, "the answer of detrd-worker is not JSON"},
    {"printf '%02000000d' 0", ERR_UNAVAILABLE, "the answer of detrd-worker is longer than 1048576 bytes"},
};

START_TEST(what_is_wrong_is_told_in_the_worker_s_words)
{
    ck_assert(!read_set(ends[_i].words, 60000));
    ck_assert_int_eq(err.code, ends[_i].code);
    ck_assert_str_eq(err.msg, ends[_i].msg);
}
END_TEST

/* Whether the process runs; one that nobody waits for does not. */
static bool is_running(int pid)
{
    char *path = xasprintf("/proc/%d/stat", pid), state = 'X';
    FILE *in = fopen(path, "r");

    if (in) {
        (void)!fscanf(in, "%*d (%*[^)]) %c", &state);
        (void)fclose(in);
    }
    free(path);
    return state != 'X' && state != 'Z';
}

START_TEST(who_takes_too_long_is_ended_with_all_that_it_has_started)
{
    char *words = xasprintf("sleep 600 & echo $! >'%s/child'; wait", root), *path = xasprintf("%s/child", root);
    FILE *in;
    int pid = 0;

    ck_assert(!read_set(words, 1000));
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.msg, "did not answer in time"));
    in = fopen(path, "r");
    if (in && fscanf(in, "%d", &pid) == 1) /* else it was ended before it came to that */
        while (is_running(pid))
            (void)usleep(1000);
    if (in)
        (void)fclose(in);
    free(words);
    free(path);
}
END_TEST

START_TEST(a_worker_that_is_not_there_is_an_error)
{
    loop = loop_new(&err);
    ck_assert_ptr_null(ask_start("/nowhere/worker", loop, question, 1000, stop, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, "No such file"));
    loop_free(loop);
}
END_TEST

START_TEST(who_is_not_asked_any_more_is_ended)
{
    char *path = worker("exec sleep 600");
    struct ask *ask;

    loop = loop_new(&err);
    ask = ask_start(path, loop, question, 60000, stop, NULL, &err);
    ck_assert_ptr_nonnull(ask);
    ck_assert(!ask_answer(ask, ERR_DATASET, &report, &err));
    ck_assert_str_eq(err.msg, "detrd is about to end");
    ask_free(ask); /* returns only when it has ended */
    ck_assert(wait(NULL) == -1 && errno == ECHILD);
    loop_free(loop);
    free(path);
}
END_TEST

// clang-format off
TEST_MAIN("ask",
    tcase_add_checked_fixture(tcase, setup, teardown);
    TEST(a_report_is_read_however_long_it_is)
    TEST_LOOP(what_is_wrong_is_told_in_the_worker_s_words, (int)(sizeof ends / sizeof *ends))
    TEST(who_takes_too_long_is_ended_with_all_that_it_has_started)
    TEST(a_worker_that_is_not_there_is_an_error)
    TEST(who_is_not_asked_any_more_is_ended))
