/* tests/unit/test_job_state.c: every cell of the state table.  The acts on workers are this file's own. */
#include "jobs/state.h"
#include "jobs/worker.h"
#include "storage/job_rows.h"
#include "tests/unit/check_main.h"

#include <string.h>

enum act { ACT_NONE, ACT_START, ACT_ASK, ACT_KILL };

static enum act done;
static bool act_fails;

bool worker_start(struct job *job, struct err *err)
{
    (void)job;
    done = ACT_START;
    return !act_fails || err_set(err, ERR_INTERNAL, "no such program");
}

bool worker_ask_stop(struct job *job, struct err *err)
{
    (void)job, (void)err;
    done = ACT_ASK;
    return true;
}

bool worker_kill(struct job *job, struct err *err)
{
    (void)job, (void)err;
    done = ACT_KILL;
    return true;
}

// clang-format off
static const char *const event_names[JOB_EVENT_COUNT] = {"start", "hello", "cancel", "ended", "stopped", "died", "lost",
                                                         "unstarted", "late"};

/* JOB_NONE: refused.  The columns are EV_START, HELLO, CANCEL, ENDED, STOPPED, DIED, LOST, UNSTARTED, LATE. */
#define NO JOB_NONE
static const enum job_state expected[JOB_STATE_COUNT][JOB_EVENT_COUNT] = {
    [JOB_QUEUED]    = {JOB_STARTING, NO, JOB_CANCELLED, NO, NO, NO, NO, NO, NO},
    [JOB_STARTING]  = {NO, JOB_RUNNING, JOB_STOPPING, NO, JOB_FAILED, JOB_FAILED, JOB_FAILED, JOB_QUEUED, NO},
    [JOB_RUNNING]   = {NO, NO, JOB_STOPPING, JOB_DONE, JOB_FAILED, JOB_FAILED, JOB_FAILED, NO, NO},
    [JOB_STOPPING]  = {NO, JOB_STOPPING, JOB_STOPPING, JOB_DONE, JOB_CANCELLED, JOB_CANCELLED, JOB_CANCELLED,
                       JOB_CANCELLED, JOB_STOPPING},
    [JOB_DONE]      = {NO, NO, NO, NO, NO, NO, NO, NO, NO},
    [JOB_FAILED]    = {NO, NO, NO, NO, NO, NO, NO, NO, NO},
    [JOB_CANCELLED] = {NO, NO, NO, NO, NO, NO, NO, NO, NO},
};

static const struct {
    enum job_state state;
    enum job_event event;
    enum act act;
} acts[] = {
    {JOB_QUEUED,   EV_START,  ACT_START},
    {JOB_STARTING, EV_CANCEL, ACT_ASK},
    {JOB_RUNNING,  EV_CANCEL, ACT_ASK},
    {JOB_STOPPING, EV_LATE,   ACT_KILL},
};

/* How a fresh job comes into each state. */
static const struct {
    enum job_event events[3];
    int count;
} paths[JOB_STATE_COUNT] = {
    [JOB_QUEUED]    = {{0}, 0},
    [JOB_STARTING]  = {{EV_START}, 1},
    [JOB_RUNNING]   = {{EV_START, EV_HELLO}, 2},
    [JOB_STOPPING]  = {{EV_START, EV_CANCEL}, 2},
    [JOB_DONE]      = {{EV_START, EV_HELLO, EV_ENDED}, 3},
    [JOB_FAILED]    = {{EV_START, EV_DIED}, 2},
    [JOB_CANCELLED] = {{EV_CANCEL}, 1},
};
// clang-format on

static char root[64];
static struct store *store;
static struct jobs_env env;
static struct job job;
static struct err err;

static void setup(void)
{
    const struct job_new new = {.name = "", .spec = "{}", .device_type = DEVICE_CPU};

    strcpy(root, "/tmp/detrd-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    store = store_open(root, &err);
    ck_assert_ptr_nonnull(store);
    env = (struct jobs_env){.store = store};
    job = (struct job){.env = &env, .arena = arena_new(), .state = JOB_QUEUED, .attempt.uuid = ""};
    ck_assert(store_job_add(store, &new, &job.id, &err));
    job.attempt.job = job.id;
    act_fails = false;
}

static void teardown(void)
{
    char command[80];

    arena_free(job.arena);
    store_close(store);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", root);
    ck_assert_int_eq(system(command), 0);
}

static struct job_row read_job(void)
{
    struct job_row row;

    ck_assert_msg(store_job_read(store, job.arena, job.id, &row, &err), "%s", err.msg);
    return row;
}

static void go(enum job_state state)
{
    for (int i = 0; i < paths[state].count; i++)
        ck_assert_msg(job_step(&job, paths[state].events[i], &err), "%s", err.msg);
    ck_assert_int_eq(job.state, state);
}

static enum act expected_act(enum job_state state, enum job_event event)
{
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
        if (acts[i].state == state && acts[i].event == event)
            return acts[i].act;
    return ACT_NONE;
}

START_TEST(each_cell_moves_as_the_table_says_or_refuses)
{
    enum job_state state = (enum job_state)(_i / JOB_EVENT_COUNT + 1), to;
    enum job_event event = (enum job_event)(_i % JOB_EVENT_COUNT);
    bool ok;

    go(state);
    to = expected[state][event];
    done = ACT_NONE;
    ok = job_step(&job, event, &err);
    ck_assert_msg(ok == (to != NO), "%s on %s", event_names[event], job_state_name(state));
    ck_assert_int_eq(job.state, ok ? to : state);
    ck_assert_int_eq(read_job().state, job.state);
    ck_assert_int_eq(done, ok ? expected_act(state, event) : ACT_NONE);
    if (!ok)
        ck_assert_int_eq(err.code, ERR_CONFLICT);
}
END_TEST

START_TEST(a_refusal_names_job_and_state)
{
    go(JOB_DONE);
    ck_assert(!job_step(&job, EV_CANCEL, &err));
    ck_assert_str_eq(err.msg, "job 1 is done");
}
END_TEST

START_TEST(the_first_start_is_attempt_1_and_one_that_never_ran_does_not_count)
{
    go(JOB_STARTING);
    ck_assert_int_eq(job.attempt.attempt, 1);
    ck_assert_int_eq(read_job().attempt, 1);
    ck_assert(job_step(&job, EV_UNSTARTED, &err));
    ck_assert_int_eq(read_job().attempt, 0);
    ck_assert(job_step(&job, EV_START, &err));
    ck_assert_int_eq(job.attempt.attempt, 1);
}
END_TEST

START_TEST(a_failure_keeps_its_cause_and_words_and_a_cancel_its_words)
{
    struct job_row row;

    go(JOB_RUNNING);
    job.cause = CAUSE_DATASET;
    strcpy(job.detail, "no valid split");
    ck_assert(job_step(&job, EV_DIED, &err));
    row = read_job();
    ck_assert_int_eq(row.cause, CAUSE_DATASET);
    ck_assert_str_eq(row.detail, "no valid split");
    teardown();

    setup();
    go(JOB_STOPPING);
    job.cause = CAUSE_KILLED;
    strcpy(job.detail, "stopped at step 3");
    ck_assert(job_step(&job, EV_STOPPED, &err));
    row = read_job();
    ck_assert_int_eq(row.cause, CAUSE_NONE);
    ck_assert_str_eq(row.detail, "stopped at step 3");
}
END_TEST

START_TEST(a_move_stands_when_its_act_fails)
{
    act_fails = true;
    ck_assert(!job_step(&job, EV_START, &err));
    ck_assert_str_eq(err.msg, "no such program");
    ck_assert_int_eq(job.state, JOB_STARTING);
    ck_assert_int_eq(read_job().state, JOB_STARTING);
}
END_TEST

START_TEST(memory_does_not_move_when_the_database_refuses)
{
    go(JOB_RUNNING);
    ck_assert(store_job_move(store, job.id, JOB_RUNNING, JOB_FAILED, CAUSE_LOST, NULL, &err));
    ck_assert(!job_step(&job, EV_ENDED, &err));
    ck_assert_int_eq(job.state, JOB_RUNNING);
    ck_assert_int_eq(read_job().state, JOB_FAILED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("job_state");
    TCase *tcase = tcase_create("job_state");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 0);
    TEST_LOOP(each_cell_moves_as_the_table_says_or_refuses, (JOB_STATE_COUNT - 1) * JOB_EVENT_COUNT)
    TEST(a_refusal_names_job_and_state)
    TEST(the_first_start_is_attempt_1_and_one_that_never_ran_does_not_count)
    TEST(a_failure_keeps_its_cause_and_words_and_a_cancel_its_words)
    TEST(a_move_stands_when_its_act_fails)
    TEST(memory_does_not_move_when_the_database_refuses)
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
