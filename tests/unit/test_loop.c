/* tests/unit/test_loop.c: descriptors, timers and signals of the event loop. */
#include "base/loop.h"
#include "tests/unit/check_main.h"

#include <unistd.h>

struct story {
    struct loop *loop;
    struct loop_source *source, *other;
    int pipe[2];
    int calls;
};

static struct err err;

static void setup(struct story *story)
{
    *story = (struct story){.loop = loop_new(&err)};
    ck_assert_ptr_nonnull(story->loop);
    ck_assert_int_eq(pipe(story->pipe), 0);
}

static void teardown(struct story *story)
{
    loop_free(story->loop);
    (void)close(story->pipe[0]);
    (void)close(story->pipe[1]);
}

static void read_one_and_stop(void *arg, uint32_t events)
{
    struct story *story = arg;
    char byte;

    ck_assert(events & EPOLLIN);
    ck_assert_int_eq(read(story->pipe[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'x');
    story->calls++;
    loop_stop(story->loop);
}

START_TEST(a_readable_descriptor_is_told)
{
    struct story story;

    setup(&story);
    ck_assert_ptr_nonnull(loop_fd(story.loop, story.pipe[0], EPOLLIN, read_one_and_stop, &story, &err));
    ck_assert_int_eq(write(story.pipe[1], "x", 1), 1);
    ck_assert(loop_run(story.loop, &err));
    ck_assert_int_eq(story.calls, 1);
    teardown(&story);
}
END_TEST

static void remove_the_other(void *arg, uint32_t events)
{
    struct story *story = arg;

    (void)events;
    story->calls++;
    loop_remove(story->source);
    loop_remove(story->other);
    loop_stop(story->loop);
}

START_TEST(a_source_removed_in_the_same_turn_is_not_called_any_more)
{
    struct story story;

    setup(&story); /* both ends are ready at once: one to read, one to write */
    ck_assert_int_eq(write(story.pipe[1], "x", 1), 1);
    story.source = loop_fd(story.loop, story.pipe[0], EPOLLIN, remove_the_other, &story, &err);
    story.other = loop_fd(story.loop, story.pipe[1], EPOLLOUT, remove_the_other, &story, &err);
    ck_assert(loop_run(story.loop, &err));
    ck_assert_int_eq(story.calls, 1);
    teardown(&story);
}
END_TEST

static void count_to_three(void *arg)
{
    struct story *story = arg;

    if (++story->calls == 3)
        loop_stop(story->loop);
    else
        loop_timer_set(story->source, 0);
}

static void never(void *arg)
{
    (void)arg;
    ck_abort_msg("a timer that is not set was due");
}

START_TEST(a_timer_is_due_once_each_time_it_is_set)
{
    struct story story;
    struct loop_source *unset, *cleared;

    setup(&story);
    unset = loop_timer(story.loop, never, NULL);
    cleared = loop_timer(story.loop, never, NULL);
    loop_timer_set(cleared, 0);
    loop_timer_set(cleared, -1);
    story.source = loop_timer(story.loop, count_to_three, &story);
    loop_timer_set(story.source, 1);
    ck_assert(loop_run(story.loop, &err));
    ck_assert_int_eq(story.calls, 3);
    loop_remove(unset);
    teardown(&story);
}
END_TEST

static void note_signal(void *arg, int number)
{
    struct story *story = arg;

    story->calls = number;
    loop_stop(story->loop);
}

START_TEST(a_signal_is_told_in_the_loop)
{
    struct story story;
    sigset_t set;

    setup(&story);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ck_assert_ptr_nonnull(loop_signals(story.loop, &set, note_signal, &story, &err));
    ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
    ck_assert(loop_run(story.loop, &err));
    ck_assert_int_eq(story.calls, SIGUSR1);
    teardown(&story);
}
END_TEST

START_TEST(a_descriptor_that_cannot_be_watched_is_an_error)
{
    struct story story;

    setup(&story);
    ck_assert_ptr_null(loop_fd(story.loop, -1, EPOLLIN, remove_the_other, &story, &err));
    ck_assert_str_eq(err.msg, "epoll_ctl: Bad file descriptor");
    teardown(&story);
}
END_TEST

TEST_MAIN("loop", TEST(a_readable_descriptor_is_told) TEST(a_source_removed_in_the_same_turn_is_not_called_any_more)
                      TEST(a_timer_is_due_once_each_time_it_is_set) TEST(a_signal_is_told_in_the_loop)
                          TEST(a_descriptor_that_cannot_be_watched_is_an_error))
