/* jobs/ending.c: see ending.h. */
#include "jobs/ending.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "jobs/spool.h"
#include "jobs/worker.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { LOG_MAX_BYTES = 16 * 1024 * 1024, BOOT_ID_MAX_BYTES = 100 };

static enum job_event end(struct job *job, enum job_event event, enum job_cause cause, const char *detail)
{
    job->cause = cause;
    (void)snprintf(job->detail, sizeof job->detail, "%s", detail ? detail : "");
    text_make_utf8(job->detail); /* it may have been cut */
    return event;
}

/* The cause a record names; one that is not in the list is a bug of the worker's. */
static enum job_cause cause_in(const json_t *record)
{
    const char *name = json_string_value(json_object_get(record, "cause"));
    enum job_cause cause = name ? job_cause_find(name) : CAUSE_NONE;

    return cause == CAUSE_NONE ? CAUSE_INTERNAL : cause;
}

static enum job_event end_by_bye(struct job *job, const json_t *bye)
{
    const char *result = json_string_value(json_object_get(bye, "result"));
    const char *detail = json_string_value(json_object_get(bye, "detail"));

    if (result && strcmp(result, "done") == 0)
        return job->state == JOB_STARTING
                   ? end(job, EV_DIED, CAUSE_INTERNAL, "the worker said done before it said hello")
                   : end(job, EV_ENDED, CAUSE_NONE, NULL);
    if (result && strcmp(result, "stopped") == 0)
        return end(job, EV_STOPPED, CAUSE_KILLED, detail);
    return end(job, EV_DIED, cause_in(bye), detail);
}

/* The last line of log.txt that is not empty; free it. */
static char *last_log_line(const struct job *job)
{
    struct err ignored;
    size_t size;
    char *text = file_read_beneath(job->worker.dir, "log.txt", LOG_MAX_BYTES, &size, &ignored);
    char *line;

    if (!text)
        return xstrdup("");
    while (size > 0 && text[size - 1] == '\n')
        text[--size] = '\0';
    line = strrchr(text, '\n');
    line = xstrdup(line ? line + 1 : text);
    free(text);
    return line;
}

/* Our own child ended by itself before it had written who it is: starting it again would do the same. */
static enum job_event end_before_manifest(struct job *job)
{
    char *line = last_log_line(job);
    char *detail = xasprintf("detrd-worker ended with status %d before it began%s%s", WEXITSTATUS(job->worker.status),
                             *line ? ": " : "", line);
    enum job_event event = end(job, EV_DIED, CAUSE_INTERNAL, detail);

    free(detail);
    free(line);
    return event;
}

/* Whether the machine has restarted since manifest was written. */
static bool is_of_earlier_boot(const json_t *manifest)
{
    const char *then = json_string_value(json_object_get(manifest, "boot_id"));
    struct err ignored;
    char *now = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", BOOT_ID_MAX_BYTES, NULL, &ignored);
    bool is_earlier = then && now && strncmp(then, now, strlen(then)) != 0;

    free(now);
    return is_earlier;
}

static enum job_event end_without_record(struct job *job)
{
    json_t *manifest = worker_read_json(job, "manifest.json");
    bool has_begun = manifest != NULL || job->attempt.last_seq > 0;
    bool is_earlier = is_of_earlier_boot(manifest);

    json_decref(manifest);
    if (has_begun)
        return end(job, EV_LOST, CAUSE_LOST,
                   is_earlier ? "the machine restarted while it ran"
                              : "nothing records how it ended: its keeper was killed, and its trainer with it");
    if (job->worker.was_child && WIFEXITED(job->worker.status))
        return end_before_manifest(job);
    return end(job, EV_UNSTARTED, CAUSE_NONE, NULL);
}

/* Without a bye, the record of even a good end says nothing good. */
static enum job_event end_by_record(struct job *job, const json_t *record)
{
    const char *detail = json_string_value(json_object_get(record, "detail"));
    char *unread = *job->spool_fault ? xasprintf("how it ended is not known: %s", job->spool_fault) : NULL;
    enum job_event event = end(job, EV_DIED, cause_in(record),
                               detail   ? detail
                               : unread ? unread
                                        : "the worker ended without saying how");

    free(unread);
    return event;
}

enum job_event ending_of(struct job *job)
{
    json_t *bye = job->attempt.bye ? json_loads(job->attempt.bye, 0, NULL) : NULL;
    json_t *record = bye ? NULL : worker_read_json(job, "exit.json");
    enum job_event event;

    if (bye)
        event = end_by_bye(job, bye);
    else if (record)
        event = end_by_record(job, record);
    else
        event = end_without_record(job);
    json_decref(record);
    json_decref(bye);
    return event;
}

/* Tells, as a warning, of a crash behind the bye, which is no other end. */
static bool tell_crash(struct job *job, struct err *err)
{
    json_t *record = job->attempt.bye ? worker_read_json(job, "exit.json") : NULL;
    const json_t *number = json_object_get(record, "signal");
    char detail[120];
    bool ok = true;

    if (json_is_integer(number)) {
        (void)snprintf(detail, sizeof detail, "the trainer crashed after its last word: signal %" JSON_INTEGER_FORMAT,
                       json_integer_value(number));
        ok = spool_warn(job, detail, err);
    }
    json_decref(record);
    return ok;
}

bool ending_record(struct job *job, enum job_event event, struct err *err)
{
    struct store *store = job->env->store;
    enum job_state state = job->state;
    int reports = job->reports;

    if (!store_begin(store, err))
        return false;
    if (tell_crash(job, err) && spool_finish(job, err) && job_step(job, event, err) && store_commit(store, err))
        return true;
    store_rollback(store);
    job->state = state;
    job->reports = reports;
    return false;
}
