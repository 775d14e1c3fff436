/* jobs/spool.c: see spool.h.  What a worker says is input like any other: bounded and checked by spec/message. */
#include "jobs/spool.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "spec/message.h"
#include "spec/metric.h"
#include "storage/event_rows.h"
#include "storage/metric_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_SIZE = MESSAGE_MAX_BYTES + 64 * 1024, REPORTS_MAX = 20 };

static const double retry_s = 60;

/* One line that is being taken; attempt is what the transaction will write. */
struct taking {
    struct job *job;
    struct attempt_row *attempt;
    const struct message *message;
    const char *text; /* the line */
    int64_t event;    /* id of its event row; 0: it has none */
};

/* ---- what each type of message changes ---- */

static const char *keep_text(struct job *job, const json_t *value)
{
    return json_is_string(value) ? arena_strdup(job->arena, json_string_value(value)) : NULL;
}

static bool take_hello(struct taking *take, struct err *err)
{
    const json_t *device = json_object_get(take->message->json, "device");
    const json_t *versions = json_object_get(take->message->json, "versions");

    (void)err;
    take->attempt->has_hello = true;
    take->attempt->device_name = keep_text(take->job, json_object_get(device, "name"));
    take->attempt->libtorch = keep_text(take->job, json_object_get(versions, "libtorch"));
    return true;
}

static bool take_plan(struct taking *take, struct err *err)
{
    (void)err;
    take->attempt->epochs = message_int(take->message, "epochs");
    take->attempt->steps = message_int(take->message, "steps");
    return true;
}

static bool add_points(const struct taking *take, const json_t *values, struct err *err)
{
    struct metric_row point = {.id = take->event,
                               .attempt = take->attempt->attempt,
                               .step = take->message->step,
                               .epoch = take->message->epoch,
                               .time_ms = take->message->time_ms};
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)values, name, value)
    {
        point.name = name;
        if (message_number(value, &point.value) && metric_name_is_valid(name) &&
            !store_metric_add(take->job->env->store, take->job->id, &point, err))
            return false;
    }
    return true;
}

static bool take_metric(struct taking *take, struct err *err)
{
    const json_t *values = json_object_get(take->message->json, "values");
    struct attempt_row *attempt = take->attempt;
    double rate;

    if (attempt->first_ms == 0) {
        attempt->first_step = take->message->step;
        attempt->first_ms = take->message->time_ms;
    }
    attempt->step = take->message->step;
    attempt->epoch = take->message->epoch;
    attempt->last_ms = take->message->time_ms;
    if (message_number(json_object_get(values, METRIC_TRAIN_IMAGES_RATE), &rate))
        attempt->images_per_s = rate;
    return add_points(take, values, err);
}

static bool take_eval(struct taking *take, struct err *err)
{
    const json_t *metrics = json_object_get(take->message->json, "metrics");
    struct attempt_row *attempt = take->attempt;
    double value;

    if (message_number(json_object_get(metrics, METRIC_VAL_MAP), &value) && isfinite(value) &&
        (attempt->best_epoch == 0 || value > attempt->best)) {
        attempt->best = value;
        attempt->best_epoch = take->message->epoch > 0 ? take->message->epoch : 1;
    }
    return add_points(take, metrics, err);
}

static bool take_bye(struct taking *take, struct err *err)
{
    (void)err;
    take->attempt->bye = arena_strdup(take->job->arena, take->text);
    return true;
}

// clang-format off
static const struct {
    enum event_type event; /* EVENT_NONE: no row of event */
    bool (*take)(struct taking *take, struct err *err);
} takers[MESSAGE_TYPE_COUNT] = {
    [MESSAGE_HELLO]      = {EVENT_NONE,       take_hello},
    [MESSAGE_PLAN]       = {EVENT_PLAN,       take_plan},
    [MESSAGE_METRIC]     = {EVENT_METRIC,     take_metric},
    [MESSAGE_AMP_TRACE]  = {EVENT_AMP,        NULL},
    [MESSAGE_EVAL]       = {EVENT_EVAL,       take_eval},
    [MESSAGE_CHECKPOINT] = {EVENT_CHECKPOINT, NULL},
    [MESSAGE_WARNING]    = {EVENT_WARNING,    NULL},
    [MESSAGE_BYE]        = {EVENT_NONE,       take_bye},
};
// clang-format on

/* ---- lines ---- */

bool spool_warn(struct job *job, const char *detail, struct err *err)
{
    json_t *json = json_pack("{s:s}", "detail", detail);
    char *text = json_dumps(json, JSON_COMPACT);
    struct event_row event = {.job = job->id,
                              .attempt = job->attempt.attempt,
                              .time_ms = clock_wall_ms(),
                              .type = EVENT_WARNING,
                              .data = text};
    int64_t id;
    bool ok = store_event_add(job->env->store, &event, &id, err);

    free(text);
    json_decref(json);
    return ok;
}

/* Tells of a fault at byte offset of the spool.  Only the first ones, since a broken worker may write millions. */
static bool report(struct job *job, int64_t offset, const char *what, struct err *err)
{
    char *detail;
    bool ok;

    if (++job->reports > REPORTS_MAX)
        return true;
    detail = xasprintf("events.jsonl, byte %" PRId64 ": %s%s", offset, what,
                       job->reports == REPORTS_MAX ? " (further faults are not told)" : "");
    text_make_utf8(detail);
    log_warning("a line of the spool is left out job=%" PRId64 " reason='%s'", job->id, detail);
    ok = spool_warn(job, detail, err);
    free(detail);
    return ok;
}

static bool add_event(struct taking *take, enum event_type type, struct err *err)
{
    const struct event_row event = {.job = take->job->id,
                                    .attempt = take->attempt->attempt,
                                    .seq = take->message->seq,
                                    .time_ms = take->message->time_ms,
                                    .type = type,
                                    .data = take->text};

    return store_event_add(take->job->env->store, &event, &take->event, err);
}

static bool take_message(struct taking *take, int64_t offset, struct err *err)
{
    int64_t expected = take->attempt->last_seq + 1;
    enum message_type type = take->message->type;

    if (take->message->seq < expected)
        return true; /* each seq once */
    if (take->message->seq > expected) {
        char what[80];

        (void)snprintf(what, sizeof what, "seq %" PRId64 " where %" PRId64 " should be", take->message->seq, expected);
        if (!report(take->job, offset, what, err))
            return false;
    }
    take->attempt->last_seq = take->message->seq;
    if (takers[type].event != EVENT_NONE) {
        if (!add_event(take, takers[type].event, err))
            return false;
        if (take->event == 0)
            return true; /* its row is there already, and all that came with it */
    }
    return !takers[type].take || takers[type].take(take, err);
}

static bool take_line(struct job *job, struct attempt_row *attempt, char *line, size_t size, struct err *err)
{
    struct taking take = {.job = job, .attempt = attempt, .text = line};
    struct message message;
    struct err fault;
    bool ok;

    if (!message_read(&message, line, size, &fault))
        return report(job, attempt->spool_offset, fault.msg, err);
    take.message = &message;
    ok = take_message(&take, attempt->spool_offset, err);
    message_done(&message);
    return ok;
}

/* ---- the file ---- */

/* Opens the spool.  What an earlier daemon took may end amid an oversized line. */
static bool open_spool(struct job *job, struct err *err)
{
    int64_t offset = job->attempt.spool_offset;
    char before = '\n';

    job->worker.spool = file_open_beneath(job->worker.dir, "events.jsonl", err);
    if (job->worker.spool < 0)
        return false;
    job->is_line_skipped = offset > 0 && pread(job->worker.spool, &before, 1, offset - 1) == 1 && before != '\n';
    return true;
}

/* Reads at the job's offset.  Fills in the bytes read; 0 also while there is no spool.  On failure errno is set. */
static bool read_spool(struct job *job, char *buffer, size_t size, size_t *used, struct err *err)
{
    struct worker *worker = &job->worker;
    ssize_t got;

    *used = 0;
    if (worker->dir < 0)
        return true;
    if (worker->spool < 0 && !open_spool(job, err))
        return err->code == ERR_NOT_FOUND;
    got = pread(worker->spool, buffer, size, job->attempt.spool_offset);
    if (got < 0)
        return err_os(err, "read 'events.jsonl'");
    *used = (size_t)got;
    return true;
}

/* Whether the daemon is short of something itself, so that the next try may do. */
static bool is_passing(int number)
{
    return number == EMFILE || number == ENFILE || number == ENOMEM || number == EINTR;
}

/* Whether the job's last warning says the same already, told by an earlier daemon perhaps. */
static bool is_told(const struct job *job, const char *detail)
{
    struct arena *arena = arena_new();
    struct event_row row;
    struct err ignored;
    bool found = store_event_last(job->env->store, arena, job->id, EVENT_WARNING, &row, &ignored) && row.id;
    json_t *json = found ? json_loads(row.data, 0, NULL) : NULL;
    const char *last = json_string_value(json_object_get(json, "detail"));
    bool is_same = last && strcmp(last, detail) == 0;

    json_decref(json);
    arena_free(arena);
    return is_same;
}

/* A spool that cannot be read may never be: that is told once, and tried again rarely. */
static bool leave_alone(struct job *job, const struct err *fault, struct err *err)
{
    char *detail = xasprintf("what the worker says cannot be read: %s", fault->msg);
    bool ok = is_told(job, detail);

    job->spool_retry_s = clock_monotonic_s() + retry_s;
    (void)snprintf(job->spool_fault, sizeof job->spool_fault, "%s", detail);
    if (!ok) {
        log_warning("%s job=%" PRId64, detail, job->id);
        ok = spool_warn(job, detail, err);
    }
    free(detail);
    return ok;
}

/* Takes the lines in buffer until it ends or a hello is taken. */
static bool take_lines(struct job *job, struct attempt_row *attempt, char *buffer, size_t used, struct err *err)
{
    bool had_hello = attempt->has_hello;
    char *at = buffer, *end;

    while (had_hello == attempt->has_hello && (end = memchr(at, '\n', used - (size_t)(at - buffer)))) {
        *end = '\0';
        if (!job->is_line_skipped && !take_line(job, attempt, at, (size_t)(end - at), err))
            return false;
        job->is_line_skipped = false;
        attempt->spool_offset += end + 1 - at;
        at = end + 1;
    }
    return true;
}

/* A buffer without a newline holds a part of an oversized line. */
static bool skip_part(struct job *job, struct attempt_row *attempt, size_t used, struct err *err)
{
    if (!job->is_line_skipped && !report(job, attempt->spool_offset, "the line is longer than 1048576 bytes", err))
        return false;
    job->is_line_skipped = true;
    attempt->spool_offset += (int64_t)used;
    return true;
}

static bool take_buffer(struct job *job, char *buffer, size_t used, struct err *err)
{
    struct store *store = job->env->store;
    struct attempt_row attempt = job->attempt;
    bool was_skipped = job->is_line_skipped;
    int reports = job->reports;
    bool is_line = memchr(buffer, '\n', used) != NULL;

    if (!is_line && used < BUFFER_SIZE)
        return true; /* its end is not written yet */
    if (!store_begin(store, err))
        return false;
    if ((is_line ? take_lines(job, &attempt, buffer, used, err) : skip_part(job, &attempt, used, err)) &&
        store_attempt_save(store, &attempt, err) && store_commit(store, err)) {
        job->attempt = attempt;
        return true;
    }
    store_rollback(store);
    job->is_line_skipped = was_skipped;
    job->reports = reports;
    return false;
}

bool spool_take(struct job *job, bool *more, struct err *err)
{
    int64_t offset = job->attempt.spool_offset;
    struct err fault;
    size_t used;
    char *buffer;
    bool ok;

    *more = false;
    if (clock_monotonic_s() < job->spool_retry_s)
        return true;
    buffer = xmalloc(BUFFER_SIZE);
    if (read_spool(job, buffer, BUFFER_SIZE, &used, &fault)) {
        *job->spool_fault = '\0';
        ok = take_buffer(job, buffer, used, err);
    } else if (is_passing(errno)) {
        *err = fault;
        ok = false;
    } else {
        ok = leave_alone(job, &fault, err);
    }
    free(buffer);
    *more = ok && job->attempt.spool_offset > offset;
    return ok;
}

bool spool_finish(struct job *job, struct err *err)
{
    char byte;
    size_t used;

    if (*job->spool_fault)
        return true;
    if (!read_spool(job, &byte, 1, &used, err))
        return false;
    if (used == 0 || job->is_line_skipped)
        return true;
    return report(job, job->attempt.spool_offset, "the last line is torn: the worker was ended while it wrote it", err);
}
