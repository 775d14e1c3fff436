/* tests/unit/test_file.c: files in a folder that somebody else may have filled: no link leads out of it. */
#include "base/file.h"
#include "tests/unit/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64];
static int dir;
static struct err err;

/* root/secret lies outside of root/job, which is dir. */
static void setup(void)
{
    char job[80];
    int outside;

    strcpy(root, "/tmp/detrd-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    (void)snprintf(job, sizeof job, "%s/job/checkpoints", root);
    ck_assert(file_make_dirs(job, 0700, &err));
    outside = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert(file_replace(outside, "secret", "secret", 6, &err));
    dir = openat(outside, "job", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)close(outside);
    ck_assert(file_replace(dir, "plain", "plain", 5, &err));
    ck_assert_int_eq(symlinkat("../secret", dir, "link"), 0);
    ck_assert_int_eq(symlinkat("plain", dir, "link_within"), 0);
    ck_assert_int_eq(symlinkat("..", dir, "link_to_folder"), 0);
    ck_assert_int_eq(mkfifoat(dir, "pipe", 0600), 0);
}

static void teardown(void)
{
    char command[80];

    (void)close(dir);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", root);
    ck_assert_int_eq(system(command), 0);
}

static const struct {
    const char *path;
    const char *words; /* in the error; NULL: it can be read */
    bool needs_openat2;
} paths[] = {
    {"plain", NULL, false},
    {"checkpoints/../plain", NULL, true},
    {"missing", "No such file", false},
    {"checkpoints/missing", "No such file", false},
    {"link", "symbolic links", false},
    {"link_within", "symbolic links", false},
    {"link_to_folder/secret", "symbolic links", true},
    {"../secret", "cross-device", false},
    {"/etc/passwd", "cross-device", false},
    {"pipe", "no regular file", false},
    {"checkpoints", "no regular file", false},
};
enum { PATH_COUNT = sizeof paths / sizeof paths[0] };

static bool is_as_expected(int i)
{
    char *text = file_read_beneath(dir, paths[i].path, 100, NULL, &err);
    bool ok = paths[i].words ? !text && strcasestr(err.msg, paths[i].words) : text && strcmp(text, "plain") == 0;

    if (!ok)
        printf("%s: %s\n", paths[i].path, text ? text : err.msg);
    free(text);
    return ok;
}

START_TEST(what_is_opened_beneath_a_folder_lies_in_it)
{
    ck_assert(is_as_expected(_i));
    ck_assert_int_eq(!paths[_i].words || err.code == ERR_NOT_FOUND,
                     !paths[_i].words || strstr(paths[_i].path, "missing"));
}
END_TEST

/* From here on the kernel says number for openat2. */
static bool forbid_openat2(unsigned number)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | number),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

START_TEST(without_openat2_no_link_is_opened)
{
    static const unsigned numbers[] = {ENOSYS, EPERM};
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        int bad = !forbid_openat2(numbers[_i]);

        for (int i = 0; i < PATH_COUNT; i++)
            bad += !paths[i].needs_openat2 && !is_as_expected(i);
        (void)fflush(stdout);
        _exit(bad);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file");
    TCase *tcase = tcase_create("beneath");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 0);
    TEST_LOOP(what_is_opened_beneath_a_folder_lies_in_it, PATH_COUNT)
    TEST_LOOP(without_openat2_no_link_is_opened, 2)
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
