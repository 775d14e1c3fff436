/* tests/unit/test_api.c: requests, replies and listeners, without a server. */
#include "api/docs.h"
#include "api/http/reply.h"
#include "api/http/request.h"
#include "api/listener.h"
#include "base/file.h"
#include "spec/parse.h"
#include "tests/unit/check_docs.h"
#include "tests/unit/check_main.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *host, *origin;
    bool is_local, served;
} sites[] = {
    {"localhost", NULL, false, true},
    {"LocalHost:8474", NULL, false, true},
    {"127.0.0.1", NULL, false, true},
    {"127.0.0.1:1", NULL, false, true},
    {"[::1]:8474", NULL, false, true},
    {"[::1]", NULL, false, true},
    {NULL, NULL, true, true},
    {"localhost", NULL, true, true},
    {"localhost:8474", "http://localhost:8474", false, true},
    {NULL, NULL, false, false},
    {"", NULL, false, false},
    {"evil.example", NULL, false, false},
    {"evil.example", NULL, true, false},
    {"localhost.evil.example", NULL, false, false},
    {"127.0.0.1.evil.example:80", NULL, false, false},
    {"127.0.0.12", NULL, false, false},
    {"localhost:", NULL, false, false},
    {"localhost:80x", NULL, false, false},
    {"::1", NULL, false, false},
    {"localhost:8474", "http://evil.example", false, false},
    {"localhost:8474", "http://localhost:3000", false, false},
    {"localhost:8474", "https://localhost:8474", false, false},
    {"localhost:8474", "null", false, false},
    {NULL, "http://localhost", true, false},
};

START_TEST(only_this_machine_s_own_pages_are_served)
{
    const struct request request = {.host = sites[_i].host, .origin = sites[_i].origin, .is_local = sites[_i].is_local};
    struct err err = {0};

    ck_assert_int_eq(request_check_site(&request, &err), sites[_i].served);
    if (!sites[_i].served)
        ck_assert_int_eq(err.code, ERR_FORBIDDEN);
}
END_TEST

static const struct {
    const char *text;
    int64_t value; /* -1: refused */
} numbers[] = {{"0", 0},   {"17", 17},   {"007", 7},  {"999999999999999999", 999999999999999999},
               {"", -1},   {"-1", -1},   {"1.0", -1}, {"1e3", -1},
               {" 1", -1}, {"0x10", -1}, {"1 ", -1},  {"1000000000000000000", -1}};

START_TEST(numbers_are_digits_alone)
{
    int64_t value = -1;

    ck_assert_int_eq(request_digits(numbers[_i].text, &value), numbers[_i].value >= 0);
    ck_assert_int_eq(value, numbers[_i].value);
}
END_TEST

START_TEST(a_query_parameter_has_a_range_and_a_fallback)
{
    const struct request_pair query[] = {{"limit", "20"}, {"tail", "501"}};
    const struct request request = {.query = query, .query_count = 2};
    struct err err = {0};
    int64_t value;

    ck_assert(request_int(&request, "limit", 1, 500, 50, &value, &err));
    ck_assert_int_eq(value, 20);
    ck_assert(request_int(&request, "after", 1, 500, 50, &value, &err));
    ck_assert_int_eq(value, 50);
    ck_assert(!request_int(&request, "tail", 1, 500, 50, &value, &err));
    ck_assert_int_eq(err.code, ERR_BAD_QUERY);
    ck_assert_str_eq(err.msg, "tail must be a whole number from 1 to 500");
}
END_TEST

START_TEST(the_user_is_the_account_at_the_unix_socket)
{
    struct request request = {.arena = arena_new(), .is_local = true, .uid = geteuid()};
    const struct passwd *entry = getpwuid(geteuid());

    if (entry)
        ck_assert_str_eq(request_user(&request), entry->pw_name);
    request.uid = 4242424;
    ck_assert_str_eq(request_user(&request), "4242424");
    request.is_local = false;
    ck_assert_ptr_null(request_user(&request));
    arena_free(request.arena);
}
END_TEST

START_TEST(a_problem_says_its_type_and_where)
{
    const struct request request = {.id = "r-1"};
    struct reply reply = reply_empty();
    struct err err = {0};
    char *text;

    (void)err_at(&err, ERR_BAD_SPEC, "/lr", "must be a number");
    reply_problem(&reply, &request, &err);
    text = parse_text(reply.json);
    ck_assert_str_eq(text, "{\"type\":\"urn:detrd:bad_spec\",\"title\":\"The job spec has faults\",\"status\":422,"
                           "\"detail\":\"must be a number\",\"request_id\":\"r-1\","
                           "\"errors\":[{\"pointer\":\"/lr\",\"detail\":\"must be a number\"}]}");
    ck_assert_uint_eq(reply.status, 422);
    ck_assert_str_eq(reply.content_type, "application/problem+json");
    free(text);
    reply_done(&reply);
}
END_TEST

START_TEST(every_code_has_a_problem)
{
    const struct request request = {.id = "r-1"};

    for (int code = ERR_NOT_JSON; code < ERR_COUNT; code++) {
        struct reply reply = reply_empty();
        struct err err = {.code = (enum err_code)code, .msg = "x\xff"};

        reply_problem(&reply, &request, &err);
        ck_assert_uint_ge(reply.status, 400);
        ck_assert_str_eq(json_string_value(json_object_get(reply.json, "detail")), "x?");
        reply_done(&reply);
    }
}
END_TEST

START_TEST(numbers_that_are_not_finite_are_text)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{1.5, "1.5"}, {NAN, "\"nan\""}, {INFINITY, "\"inf\""}, {-INFINITY, "\"-inf\""}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *json = reply_number(cases[i].value);
        char *text = parse_text(json);

        ck_assert_str_eq(text, cases[i].text);
        free(text);
        json_decref(json);
    }
}
END_TEST

static const char *const bad_addresses[] = {
    "0.0.0.0:80",      "192.168.1.2:80", "[::]:80",        "127.0.0.2:80",  "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
    "127.0.0.1:65536", "127.0.0.1:-1",   "example.org:80", "unix:relative", ":80",       "",
};

START_TEST(only_loopback_and_unix_sockets_are_listened_on)
{
    struct listener listener;
    struct err err = {0};

    ck_assert(!listener_open(&listener, bad_addresses[_i], &err));
    ck_assert_int_eq(err.code, ERR_BAD_SPEC);
    ck_assert_int_eq(strncmp(err.msg, "listen: ", 8), 0);
}
END_TEST

START_TEST(port_0_takes_a_free_port)
{
    static const char *const addresses[] = {"127.0.0.1:0", "localhost:0"};
    struct listener listener;
    struct err err = {0};
    int port = 0;

    ck_assert_msg(listener_open(&listener, addresses[_i], &err), "%s", err.msg);
    ck_assert_int_eq(sscanf(listener.url, "http://127.0.0.1:%d", &port), 1);
    ck_assert_int_gt(port, 0);
    (void)close(listener.fd);
    listener_done(&listener);
}
END_TEST

START_TEST(a_unix_socket_replaces_a_stale_one_but_no_other)
{
    char root[] = "/tmp/detrd-test-XXXXXX", address[64], *path;
    struct listener first, second;
    struct stat status;
    struct err err = {0};

    ck_assert_ptr_nonnull(mkdtemp(root));
    (void)snprintf(address, sizeof address, "unix:%s/s", root);
    path = address + 5;
    ck_assert_msg(listener_open(&first, address, &err), "%s", err.msg);
    ck_assert(!listener_open(&second, address, &err)); /* somebody listens */
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    (void)close(first.fd); /* as a kill would */
    ck_assert_msg(listener_open(&second, address, &err), "%s", err.msg);
    (void)close(second.fd);
    listener_done(&second);
    ck_assert_int_lt(stat(path, &status), 0);
    (void)close(open(path, O_CREAT | O_WRONLY, 0600));
    ck_assert(!listener_open(&second, address, &err)); /* not a socket */
    (void)unlink(path);
    (void)rmdir(root);
    listener_done(&first);
}
END_TEST

START_TEST(docs_api_md_is_what_the_tables_print)
{
    check_docs("api.md", docs_print_api);
}
END_TEST

#define COUNT(array) (int)(sizeof array / sizeof *array)

// clang-format off
TEST_MAIN("api",
    TEST_LOOP(only_this_machine_s_own_pages_are_served, COUNT(sites))
    TEST_LOOP(numbers_are_digits_alone, COUNT(numbers))
    TEST(a_query_parameter_has_a_range_and_a_fallback)
    TEST(the_user_is_the_account_at_the_unix_socket)
    TEST(a_problem_says_its_type_and_where)
    TEST(every_code_has_a_problem)
    TEST(numbers_that_are_not_finite_are_text)
    TEST_LOOP(only_loopback_and_unix_sockets_are_listened_on, COUNT(bad_addresses))
    TEST_LOOP(port_0_takes_a_free_port, 2)
    TEST(docs_api_md_is_what_the_tables_print)
    TEST(a_unix_socket_replaces_a_stale_one_but_no_other))
