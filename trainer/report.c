/* trainer/report.c: see report.h. */
#include "trainer/report.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "spec/parse.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct report {
    int fd;
    int64_t seq;
};

struct report *report_open(int dir, struct err *err)
{
    int fd = openat(dir, "events.jsonl", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    struct report *report;

    if (fd < 0) {
        err_os(err, "open 'events.jsonl'");
        return NULL;
    }
    if (lseek(fd, 0, SEEK_END) > 0) {
        err_set(err, ERR_CONFLICT,
                "events.jsonl is not empty: this folder ran already; copy spec.json to a new folder");
        (void)close(fd);
        return NULL;
    }
    report = xcalloc(1, sizeof *report);
    report->fd = fd;
    return report;
}

void report_close(struct report *report)
{
    if (!report)
        return;
    (void)close(report->fd);
    free(report);
}

bool report_send(struct report *report, const char *type, json_t *members, struct err *err)
{
    json_t *message =
        json_pack("{sI sI ss}", "seq", report->seq + 1, "time_ms", (json_int_t)clock_wall_ms(), "type", type);
    char *text;
    size_t size;
    bool ok;

    json_object_update(message, members);
    json_decref(members);
    text = parse_text(message);
    json_decref(message);
    size = strlen(text);
    text[size++] = '\n'; /* in the NUL's place: the size goes along */
    ok = file_write_all(report->fd, text, size, err);
    free(text);
    if (ok)
        report->seq++;
    return ok;
}

json_t *report_number(double number)
{
    if (isnan(number))
        return json_string("nan");
    if (isinf(number))
        return json_string(number > 0 ? "inf" : "-inf");
    return json_real(number);
}
