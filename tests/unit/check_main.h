/* tests/unit/check_main.h: main() of a test program with one suite.
 *   TEST_MAIN("arena", TEST(text_outlives_many_blocks) TEST(...))
 * Check forks a process a test, so that a crash fails one test only; not under sanitizers' slow start: CK_FORK=no. */
#pragma once
#include <check.h>
#include <stdlib.h>

#define TEST(name)             tcase_add_test(tcase, name);
#define TEST_LOOP(name, count) tcase_add_loop_test(tcase, name, 0, count);

#define TEST_MAIN(suite_name, tests)                                                                                   \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        Suite *suite = suite_create(suite_name);                                                                       \
        TCase *tcase = tcase_create(suite_name);                                                                       \
        SRunner *runner = srunner_create(suite);                                                                       \
        int failed;                                                                                                    \
                                                                                                                       \
        tcase_set_timeout(tcase, 0); /* ctest has the time limit */                                                    \
        tests suite_add_tcase(suite, tcase);                                                                           \
        srunner_run_all(runner, CK_ENV);                                                                               \
        failed = srunner_ntests_failed(runner);                                                                        \
        srunner_free(runner);                                                                                          \
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                                                              \
    }
