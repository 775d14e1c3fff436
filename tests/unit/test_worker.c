/* tests/unit/test_worker.c: whether a worker of an earlier daemon lives, told by its folder alone. */
#include "jobs/worker.h"

#include "base/file.h"
#include "tests/unit/check_main.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64], folder[80], moved[80];
static struct loop *loop;
static struct jobs_env env;
static struct job job;
static struct err err;

static void setup(void)
{
    strcpy(root, "/tmp/detrd-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    (void)snprintf(folder, sizeof folder, "%s/jobs/7/1", root);
    (void)snprintf(moved, sizeof moved, "%s/jobs/7/moved", root);
    ck_assert(file_make_dirs(folder, 0700, &err));
    loop = loop_new(&err);
    env = (struct jobs_env){.state_dir = root, .loop = loop};
    job = (struct job){.env = &env, .id = 7, .state = JOB_RUNNING, .attempt.attempt = 1};
    worker_init(&job.worker);
}

static void teardown(void)
{
    char command[80];

    worker_close(&job.worker);
    loop_free(loop);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", root);
    ck_assert_int_eq(system(command), 0);
}

/* As a keeper does it; close it to let go. */
static int hold_lock(void)
{
    char path[96];
    int fd;

    (void)snprintf(path, sizeof path, "%s/lock", folder);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
    return fd;
}

START_TEST(it_lives_as_long_as_its_lock_is_held)
{
    int lock = hold_lock();

    ck_assert(!worker_has_ended(&job));
    (void)close(lock);
    ck_assert(worker_has_ended(&job));
}
END_TEST

START_TEST(a_keeper_that_was_our_child_is_followed_by_its_trainer)
{
    int lock = hold_lock();

    ck_assert(worker_adopt(&job, &err));
    job.worker.was_child = true;
    ck_assert(!worker_has_ended(&job));
    (void)close(lock);
    ck_assert(worker_has_ended(&job));
}
END_TEST

START_TEST(without_a_folder_it_has_ended)
{
    ck_assert_int_eq(rename(folder, moved), 0);
    ck_assert(worker_has_ended(&job));
    ck_assert_int_eq(symlink(moved, folder), 0);
    ck_assert(worker_has_ended(&job));
    ck_assert(!worker_adopt(&job, &err) && err.code == ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_folder_that_cannot_be_opened_now_says_nothing)
{
    struct rlimit limit, none;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    ck_assert(!worker_has_ended(&job));
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert(worker_has_ended(&job));
}
END_TEST

START_TEST(a_lock_that_is_no_file_is_not_waited_for)
{
    char path[96];

    (void)snprintf(path, sizeof path, "%s/lock", folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert(worker_has_ended(&job));
}
END_TEST

static void write_manifest(pid_t keeper, pid_t trainer)
{
    char text[80];
    int size = snprintf(text, sizeof text, "{\"keeper_pid\": %d, \"trainer_pid\": %d}", (int)keeper, (int)trainer);

    ck_assert(worker_adopt(&job, &err));
    ck_assert(file_replace(job.worker.dir, "manifest.json", text, (size_t)size, &err));
}

START_TEST(its_keeper_is_known_by_being_its_trainers_parent)
{
    int lock = hold_lock();

    write_manifest(getppid(), getpid());
    ck_assert(!worker_has_ended(&job));
    ck_assert_int_ge(job.worker.pidfd, 0);
    (void)close(lock);
}
END_TEST

START_TEST(a_process_that_has_the_number_of_a_keeper_that_is_gone_is_not_taken_for_it)
{
    int lock = hold_lock();

    write_manifest(getpid(), getpid()); /* the trainer's parent is another */
    ck_assert(!worker_has_ended(&job));
    ck_assert_int_eq(job.worker.pidfd, -1);
    (void)close(lock);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker");
    TCase *tcase = tcase_create("worker");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 0);
    TEST(it_lives_as_long_as_its_lock_is_held)
    TEST(a_keeper_that_was_our_child_is_followed_by_its_trainer)
    TEST(without_a_folder_it_has_ended)
    TEST(a_folder_that_cannot_be_opened_now_says_nothing)
    TEST(a_lock_that_is_no_file_is_not_waited_for)
    TEST(its_keeper_is_known_by_being_its_trainers_parent)
    TEST(a_process_that_has_the_number_of_a_keeper_that_is_gone_is_not_taken_for_it)
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
