/* tests/unit/test_dribble.c: requests that never get whole, over a real connection. */
#include "api/dribble.h"
#include "base/clock.h"
#include "tests/unit/check_main.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;
static struct dribble *dribble;
static struct MHD_Daemon *server;
static struct MHD_Connection *waiting; /* its request is whole */
static int client, server_end;

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **slot)
{
    static int seen;

    (void)arg, (void)url, (void)method, (void)version, (void)data;
    if (!*slot) {
        *slot = &seen;
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    dribble_whole(connection);
    waiting = connection;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

static void setup(void)
{
    struct err err;
    struct sockaddr address = {.sa_family = AF_UNIX};
    int ends[2];

    loop = loop_new(&err);
    dribble = dribble_new(loop);
    server = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
                              handle, NULL, MHD_OPTION_NOTIFY_CONNECTION, dribble_notify, dribble, MHD_OPTION_END);
    ck_assert_ptr_nonnull(server);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    client = ends[0];
    server_end = ends[1];
    ck_assert_int_eq(MHD_add_connection(server, server_end, &address, sizeof address), MHD_YES);
}

static void teardown(void)
{
    MHD_stop_daemon(server);
    dribble_free(dribble);
    loop_free(loop);
    (void)close(client);
}

static void say(const char *text)
{
    ck_assert_int_eq(send(client, text, strlen(text), 0), (ssize_t)strlen(text));
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(MHD_run(server), MHD_YES);
}

static bool is_shut(void)
{
    char byte;

    return recv(client, &byte, 1, MSG_DONTWAIT) == 0;
}

START_TEST(a_request_that_never_gets_whole_is_shut_in_its_time)
{
    say("GET / HTTP/1.1\r\nHost: ");
    dribble_shut(dribble, clock_monotonic_s() + DRIBBLE_S - 60);
    ck_assert(!is_shut());
    say("l");
    dribble_shut(dribble, clock_monotonic_s() + DRIBBLE_S + 1);
    ck_assert(is_shut());
}
END_TEST

START_TEST(a_body_that_never_gets_whole_is_shut_too)
{
    say("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{");
    dribble_shut(dribble, clock_monotonic_s() + DRIBBLE_S + 1);
    ck_assert(is_shut());
}
END_TEST

START_TEST(who_waits_for_a_reply_is_left_alone_until_it_was_sent)
{
    say("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ck_assert_ptr_nonnull(waiting);
    dribble_shut(dribble, clock_monotonic_s() + 10 * DRIBBLE_S);
    ck_assert(!is_shut());
    dribble_replied(waiting);
    dribble_shut(dribble, clock_monotonic_s() + DRIBBLE_S - 60);
    ck_assert(!is_shut());
    dribble_shut(dribble, clock_monotonic_s() + DRIBBLE_S + 1);
    ck_assert(is_shut());
    MHD_resume_connection(waiting);
}
END_TEST

// clang-format off
TEST_MAIN("dribble",
    tcase_add_checked_fixture(tcase, setup, teardown);
    TEST(a_request_that_never_gets_whole_is_shut_in_its_time)
    TEST(a_body_that_never_gets_whole_is_shut_too)
    TEST(who_waits_for_a_reply_is_left_alone_until_it_was_sent))
