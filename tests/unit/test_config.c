/* tests/unit/test_config.c: settings from a file and the command line, and what is refused in which words. */
#include "base/file.h"
#include "daemon/config.h"
#include "tests/unit/check_docs.h"
#include "tests/unit/check_main.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/detrd-test-XXXXXX";
static struct config config;
static struct err err;

static bool read_text(const char *text)
{
    int fd;

    strcpy(path, "/tmp/detrd-test-XXXXXX");
    fd = mkstemp(path);
    ck_assert(fd >= 0 && file_write_all(fd, text, strlen(text), &err));
    (void)close(fd);
    return config_read(&config, path, &err);
}

static void setup(void)
{
    config_init(&config);
}

static void teardown(void)
{
    config_free(&config);
    (void)unlink(path);
}

START_TEST(defaults_are_as_the_table_says)
{
    ck_assert_int_eq(unsetenv("STATE_DIRECTORY"), 0);
    ck_assert(config_finish(&config, &err));
    ck_assert_int_eq(config.cpu_slots, 1);
    ck_assert_int_eq(config.stop_grace_s, 120);
    ck_assert_uint_eq(config.listen.count, 1);
    ck_assert_str_eq(config.listen.items[0], "127.0.0.1:8474");
    ck_assert_uint_eq(config.dataset_roots.count, 0);
    ck_assert(strlen(config.worker) > 13 && config.worker[0] == '/');
    ck_assert_str_eq(config.worker + strlen(config.worker) - 13, "/detrd-worker");
    ck_assert(config.state_dir[0] == '/');
}
END_TEST

START_TEST(systemd_s_folder_is_the_default_state_dir)
{
    ck_assert_int_eq(setenv("STATE_DIRECTORY", "/var/lib/private/detrd", 1), 0);
    ck_assert(config_finish(&config, &err));
    ck_assert_str_eq(config.state_dir, "/var/lib/private/detrd");
}
END_TEST

START_TEST(a_file_sets_keys_and_repeats_lists)
{
    ck_assert_msg(read_text("# a lab's server\nstate_dir = /srv/detrd\nlisten = 127.0.0.1:0\n"
                            "listen = unix:/run/detrd.sock\ncpu_slots=3\ndataset_roots = /srv/data\n"),
                  "%s", err.msg);
    ck_assert(config_finish(&config, &err));
    ck_assert_str_eq(config.state_dir, "/srv/detrd");
    ck_assert_uint_eq(config.listen.count, 2);
    ck_assert_str_eq(config.listen.items[0], "127.0.0.1:0");
    ck_assert_str_eq(config.listen.items[1], "unix:/run/detrd.sock");
    ck_assert_int_eq(config.cpu_slots, 3);
    ck_assert_str_eq(config.dataset_roots.items[0], "/srv/data");
}
END_TEST

START_TEST(the_command_line_comes_after_the_file)
{
    ck_assert(read_text("listen = 127.0.0.1:1\nlisten = 127.0.0.1:2\ncpu_slots = 3\n"));
    ck_assert(config_argument(&config, "--listen=127.0.0.1:0", &err));
    ck_assert(config_argument(&config, "--listen=unix:/a=b", &err));
    ck_assert(config_argument(&config, "--cpu_slots=0", &err));
    ck_assert_uint_eq(config.listen.count, 2);
    ck_assert_str_eq(config.listen.items[0], "127.0.0.1:0");
    ck_assert_str_eq(config.listen.items[1], "unix:/a=b");
    ck_assert_int_eq(config.cpu_slots, 0);
}
END_TEST

static const struct {
    const char *text, *line, *msg;
} bad_files[] = {
    {"cpu_slots = 1\n\ncolour = red\n", ":3: ", "unknown key 'colour'"},
    {"cpu_slots = many\n", ":1: ", "cpu_slots must be a whole number from 0 to 1024, not 'many'"},
    {"\nstop_grace_s = 0\n", ":2: ", "stop_grace_s must be a whole number from 1 to 86400, not '0'"},
    {"cpu_slots = 99999999999999999999\n", ":1: ", "cpu_slots must be a whole number from 0 to 1024, not '99999"},
    {"state_dir =\n", ":1: ", "state_dir has no value"},
    {"[detrd]\ncpu_slots = 1\n", ":2: ", "there are no sections, not [detrd] either"},
    {"cpu_slots\n", ":1: ", "the line is not 'key = value'"},
    {"colour = red\ncpu_slots = x\n", ":1: ", "unknown key 'colour'"},
};

START_TEST(a_bad_file_is_refused_with_file_and_line)
{
    ck_assert(!read_text(bad_files[_i].text));
    ck_assert_msg(strncmp(err.msg, path, strlen(path)) == 0, "%s", err.msg);
    ck_assert_msg(strncmp(err.msg + strlen(path), bad_files[_i].line, 4) == 0, "%s", err.msg);
    ck_assert_msg(strstr(err.msg, bad_files[_i].msg) != NULL, "%s", err.msg);
}
END_TEST

static const struct {
    const char *argument, *msg;
} bad_arguments[] = {
    {"state_dir=/a", "unknown argument 'state_dir=/a'"},
    {"--state_dir", "unknown argument '--state_dir'"},
    {"--colour=red", "--colour=red: unknown key 'colour'"},
    {"--cpu_slots=-1", "--cpu_slots=-1: cpu_slots must be a whole"},
};

START_TEST(a_bad_argument_is_refused_by_name)
{
    ck_assert(!config_argument(&config, bad_arguments[_i].argument, &err));
    ck_assert_msg(strncmp(err.msg, bad_arguments[_i].msg, strlen(bad_arguments[_i].msg)) == 0, "%s", err.msg);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_refused)
{
    ck_assert(!config_read(&config, "/nonexistent/detrd.conf", &err));
    ck_assert_str_eq(err.msg, "cannot read '/nonexistent/detrd.conf': No such file or directory");
}
END_TEST

START_TEST(a_data_set_root_that_is_not_absolute_is_refused)
{
    ck_assert(config_argument(&config, "--dataset_roots=data", &err));
    ck_assert(!config_finish(&config, &err));
    ck_assert_str_eq(err.msg, "dataset_roots must be absolute and without a colon, not 'data'");
}
END_TEST

START_TEST(a_line_too_long_for_inih_is_refused_not_cut)
{
    char text[1200] = "cpu_slots = 1\nstate_dir = /";

    memset(text + strlen(text), 'a', 1000);
    strcat(text, "\nlisten = unix:/a\n");
    ck_assert(!read_text(text));
    ck_assert_ptr_nonnull(strstr(err.msg, ":2: the line is longer than "));
}
END_TEST

START_TEST(docs_config_md_is_what_the_table_prints)
{
    check_docs("config.md", config_print_docs);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tcase = tcase_create("config");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 0);
    TEST(defaults_are_as_the_table_says)
    TEST(systemd_s_folder_is_the_default_state_dir)
    TEST(a_file_sets_keys_and_repeats_lists)
    TEST(the_command_line_comes_after_the_file)
    TEST_LOOP(a_bad_file_is_refused_with_file_and_line, sizeof bad_files / sizeof bad_files[0])
    TEST_LOOP(a_bad_argument_is_refused_by_name, sizeof bad_arguments / sizeof bad_arguments[0])
    TEST(a_file_that_is_not_there_is_refused)
    TEST(a_data_set_root_that_is_not_absolute_is_refused)
    TEST(a_line_too_long_for_inih_is_refused_not_cut)
    TEST(docs_config_md_is_what_the_table_prints)
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
