/* tests/unit/test_message.c: lines of the spool, and the names of states, causes, events and series. */
#include "base/arena.h"
#include "spec/job_state.h"
#include "spec/message.h"
#include "spec/metric.h"
#include "tests/unit/check_main.h"

#include <math.h>
#include <string.h>

#define HEAD "{\"seq\": 7, \"time_ms\": 1795629762007, \"type\": "

static struct err err;

static bool reads(const char *line)
{
    struct message message;

    if (!message_read(&message, line, strlen(line), &err))
        return false;
    message_done(&message);
    return true;
}

static const char *const good_lines[] = {
    HEAD "\"hello\"}",
    HEAD "\"hello\", \"versions\": {\"libtorch\": \"2.13.0\"}, \"device\": {\"type\": \"cpu\", \"name\": \"x\"}}",
    HEAD "\"plan\", \"epochs\": 2, \"steps\": 20, \"classes\": [{\"id\": 1, \"index\": 0, \"name\": \"a\"}]}",
    HEAD "\"metric\", \"step\": 1, \"epoch\": 1, \"values\": {\"train/loss\": 9.5, \"x\": \"nan\", \"y\": \"-inf\"}}",
    HEAD "\"amp_trace\", \"pass\": \"train\", \"points\": []}",
    HEAD "\"eval\", \"step\": 1, \"epoch\": 1, \"metrics\": {}, \"per_class\": []}",
    HEAD "\"checkpoint\", \"name\": \"last.safetensors\", \"kind\": \"last\", \"step\": 1, \"epoch\": 1}",
    HEAD "\"warning\", \"detail\": \"d\", \"pointer\": null, \"count\": 3}",
    HEAD "\"bye\", \"result\": \"failed\", \"cause\": \"dataset\", \"detail\": \"d\"}",
};

START_TEST(each_type_of_line_is_read)
{
    ck_assert_msg(reads(good_lines[_i]), "%s: %s", good_lines[_i], err.msg);
}
END_TEST

static const struct {
    const char *line, *msg;
} bad_lines[] = {
    {"", "not JSON at column 0: "},
    {HEAD "\"metric\", \"step\": 1, \"epo", "not JSON at column "},
    {"[1]", "the line is not a JSON object"},
    {"{\"time_ms\": 1, \"type\": \"hello\"}", "'seq' is not a whole number"},
    {"{\"seq\": 0, \"time_ms\": 1, \"type\": \"hello\"}", "'seq' is not a whole number"},
    {"{\"seq\": 1, \"time_ms\": \"now\", \"type\": \"hello\"}", "'time_ms' is not a time"},
    {HEAD "\"song\"}", "unknown type 'song'"},
    {HEAD "3}", "unknown type ''"},
    {HEAD "\"plan\", \"epochs\": 2}", "plan: 'steps' is not a whole"},
    {HEAD "\"plan\", \"epochs\": -1, \"steps\": 1}", "plan: 'epochs' is not a whole"},
    {HEAD "\"metric\", \"step\": 1.5, \"epoch\": 1, \"values\": {}}", "metric: 'step' is not a whole"},
    {HEAD "\"metric\", \"step\": 1, \"epoch\": 1, \"values\": {\"a\": \"big\"}}", "metric: 'values' is not an object"},
    {HEAD "\"metric\", \"step\": 1, \"epoch\": 1, \"values\": {\"a\": 1e999}}", "not JSON at column "},
    {HEAD "\"bye\"}", "bye: 'result' is not text"},
    {HEAD "\"checkpoint\", \"name\": 3, \"kind\": \"last\"}", "checkpoint: 'name' is not text"},
    {HEAD "\"bye\", \"result\": \"done\", \"result\": \"failed\"}", "not JSON at column "},
    {HEAD "\"hello\"} {", "not JSON at column "},
};

START_TEST(a_line_that_is_no_whole_message_is_refused_in_words)
{
    ck_assert_msg(!reads(bad_lines[_i].line), "%s", bad_lines[_i].line);
    ck_assert_msg(strncmp(err.msg, bad_lines[_i].msg, strlen(bad_lines[_i].msg)) == 0, "%s", err.msg);
}
END_TEST

START_TEST(an_oversized_line_is_refused_by_its_length)
{
    size_t size = MESSAGE_MAX_BYTES + 1;
    char *line = xmalloc(size);
    struct message message;

    memset(line, ' ', size);
    ck_assert(!message_read(&message, line, size, &err));
    ck_assert_str_eq(err.msg, "the line is longer than 1048576 bytes");
    free(line);
}
END_TEST

START_TEST(members_and_numbers_are_handed_out)
{
    struct message message;
    double number;
    const json_t *values;

    ck_assert(message_read(&message, good_lines[3], strlen(good_lines[3]), &err));
    ck_assert_int_eq(message.seq, 7);
    ck_assert_int_eq(message.time_ms, 1795629762007);
    ck_assert_int_eq(message.type, MESSAGE_METRIC);
    ck_assert_int_eq(message.step, 1);
    values = json_object_get(message.json, "values");
    ck_assert(message_number(json_object_get(values, "train/loss"), &number) && number == 9.5);
    ck_assert(message_number(json_object_get(values, "x"), &number) && isnan(number));
    ck_assert(message_number(json_object_get(values, "y"), &number) && isinf(number) && number < 0);
    ck_assert(!message_number(NULL, &number));
    ck_assert_ptr_null(message_text(&message, "values"));
    message_done(&message);
}
END_TEST

START_TEST(names_of_states_causes_and_events_are_found_again)
{
    for (int i = 1; i < JOB_STATE_COUNT; i++)
        ck_assert_int_eq(job_state_find(job_state_name((enum job_state)i)), i);
    for (int i = 1; i < CAUSE_COUNT; i++)
        ck_assert_int_eq(job_cause_find(job_cause_name((enum job_cause)i)), i);
    for (int i = 1; i < EVENT_TYPE_COUNT; i++)
        ck_assert_int_eq(event_type_find(event_type_name((enum event_type)i)), i);
    for (int i = 1; i < MESSAGE_TYPE_COUNT; i++)
        ck_assert_str_ne(message_type_name((enum message_type)i), "");
    ck_assert_int_eq(job_state_find("lazy"), JOB_NONE);
    ck_assert_int_eq(job_cause_find(""), CAUSE_NONE);
    ck_assert(job_state_is_final(JOB_CANCELLED) && !job_state_is_final(JOB_STOPPING));
    ck_assert_int_eq(job_cause_of_err(ERR_DATASET), CAUSE_DATASET);
    ck_assert_int_eq(job_cause_of_err(ERR_CONFLICT), CAUSE_INTERNAL);
}
END_TEST

START_TEST(a_series_is_defined_by_its_name_or_its_beginning)
{
    char name[METRIC_NAME_MAX + 2];

    ck_assert_str_ne(metric_definition("train/loss"), "");
    ck_assert_str_ne(metric_definition("train/loss"), metric_definition("train/loss_ce"));
    ck_assert_str_eq(metric_definition("val/mAP_50_95@500"), metric_definition("val/mAP_50_95"));
    ck_assert_str_ne(metric_definition("val/AP/red blood cell"), "");
    ck_assert_str_eq(metric_definition("train/los"), "");
    ck_assert(metric_name_is_valid("val/AP/Zellen é"));
    ck_assert(!metric_name_is_valid("") && !metric_name_is_valid("a\nb"));
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert(!metric_name_is_valid(name));
}
END_TEST

TEST_MAIN("message",
          TEST_LOOP(each_type_of_line_is_read, sizeof good_lines / sizeof good_lines[0])
              TEST_LOOP(a_line_that_is_no_whole_message_is_refused_in_words, sizeof bad_lines / sizeof bad_lines[0])
                  TEST(an_oversized_line_is_refused_by_its_length) TEST(members_and_numbers_are_handed_out)
                      TEST(names_of_states_causes_and_events_are_found_again)
                          TEST(a_series_is_defined_by_its_name_or_its_beginning))
