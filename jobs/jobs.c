/* jobs/jobs.c: one look at all jobs a turn: what their workers said, who has ended, who starts.
 * Looked at on a clock while anything runs, since a spool may lie on a network file system, and at once when a job is
 * submitted or a child ends. */
#include "jobs/jobs.h"

#include "base/log.h"
#include "jobs/active.h"
#include "jobs/ending.h"
#include "jobs/folder.h"
#include "jobs/spool.h"
#include "jobs/state.h"
#include "jobs/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 200, RETRY_MS = 1000, ACTIVE_MAX = 4096, PARTS_A_LOOK = 8, CHECK_MS = 60000 };

struct jobs {
    struct jobs_env env;
    struct gpus *gpus;
    int64_t cpu_slots;
    struct active active;
    struct queue_order *order;
    bool is_draining;
    bool is_wiping;            /* a deleted job may have rows left */
    bool has_failed, has_more; /* of the look that is going on: something is to be tried again, or at once */
    void (*done)(void *arg);   /* NULL: not asked for */
    void *done_arg;
    void (*wake)(void *arg); /* NULL: nobody listens */
    void *wake_arg;
};

static void wake(const struct jobs *jobs)
{
    if (jobs->wake)
        jobs->wake(jobs->wake_arg);
}

/* Logs a failure that the next look may not meet any more, a full disk's for one. */
static void retry_later(struct jobs *jobs, const struct job *job, const struct err *err)
{
    log_err("tried again soon job=%" PRId64 " reason='%s'", job->id, err->msg);
    jobs->has_failed = true;
}

/* ---- one look ---- */

/* Takes all that the worker has said.  False when that must be tried again. */
static bool take_spool(struct jobs *jobs, struct job *job)
{
    struct err err;
    bool more = true;

    for (int i = 0; more && i < PARTS_A_LOOK; i++) {
        /* the hello first: what follows it belongs to the next state */
        if ((job->attempt.has_hello && job->state == JOB_STARTING && !job_step(job, EV_HELLO, &err)) ||
            !spool_take(job, &more, &err)) {
            retry_later(jobs, job, &err);
            return false;
        }
    }
    jobs->has_more = jobs->has_more || more;
    return !more;
}

/* Ends a job whose worker has ended.  False when it goes on, or when that must be tried again. */
static bool end_job(struct jobs *jobs, struct job *job)
{
    enum job_event event = ending_of(job);
    struct err err;

    if (event == EV_UNSTARTED && !worker_discard(job))
        return false;
    if (ending_record(job, event, &err))
        return true;
    retry_later(jobs, job, &err);
    return false;
}

static void see_to_late(struct job *job)
{
    struct err err;
    bool ok;

    worker_keep_asking(&job->worker);
    if (!worker_is_late(&job->worker))
        return;
    ok = job->state == JOB_STOPPING ? job_step(job, EV_LATE, &err) : worker_kill(job, &err);
    if (!ok)
        log_err("a late worker is left alone job=%" PRId64 " reason='%s'", job->id, err.msg);
}

/* Returns whether the job is over. */
static bool look_at_job(struct jobs *jobs, struct job *job)
{
    bool has_ended = worker_has_ended(job); /* asked first, so that all it ever said is taken below */

    if (has_ended)
        job->spool_retry_s = 0; /* the last chance to read it */
    if (!take_spool(jobs, job))
        return false;
    if (has_ended)
        return end_job(jobs, job);
    see_to_late(job);
    return false;
}

/* Starts the picked job.  One whose worker cannot be started fails. */
static bool start_job(struct jobs *jobs, const struct pick *pick)
{
    struct job *job = job_new(&jobs->env, pick->id, JOB_QUEUED);
    struct err err;

    job->gpu = pick->gpu;
    job->attempt.uuid = pick->gpu ? pick->gpu->uuid : "";
    job->spec = arena_strdup(job->arena, pick->spec);
    job->needs_bfloat16 = pick->needs_bfloat16;
    if (job_step(job, EV_START, &err)) {
        active_add(&jobs->active, job);
        return true;
    }
    if (job->state == JOB_STARTING) {
        job->cause = job_cause_of_err(err.code);
        (void)snprintf(job->detail, sizeof job->detail, "%s", err.msg);
        if (job_step(job, EV_DIED, &err)) {
            job_free(job);
            return true;
        }
        job->worker.was_child = true; /* there is nothing to adopt: the next look ends it */
        active_add(&jobs->active, job);
    } else {
        job_free(job);
    }
    log_err("a job is not started, tried again soon job=%" PRId64 " reason='%s'", pick->id, err.msg);
    jobs->has_failed = true;
    return false;
}

static void start_jobs(struct jobs *jobs)
{
    bool goes_on = !jobs->is_draining;

    while (goes_on && jobs->active.count < ACTIVE_MAX) {
        struct arena *arena = arena_new();
        struct places places = active_places(&jobs->active, arena, jobs->gpus, jobs->cpu_slots);
        struct pick pick;
        struct err err;

        if (!queue_pick(jobs->env.store, arena, &places, &pick, &err)) {
            log_err("the queue cannot be read, tried again soon reason='%s'", err.msg);
            jobs->has_failed = true;
            goes_on = false;
        } else {
            goes_on = pick.id != 0 && start_job(jobs, &pick);
        }
        arena_free(arena);
    }
}

static int64_t delay_ms(const struct jobs *jobs)
{
    if (jobs->has_more)
        return 0;
    if (jobs->has_failed)
        return RETRY_MS;
    return jobs->active.count > 0 ? LOOK_MS : -1;
}

/* Goes on removing the rows of deleted jobs. */
static void wipe_some(struct jobs *jobs)
{
    struct err err;

    if (jobs->is_wiping && !store_wipe_some(jobs->env.store, &jobs->is_wiping, &err)) {
        log_err("rows of a deleted job are left for now: %s", err.msg);
        jobs->has_failed = true;
    } else if (jobs->is_wiping) {
        jobs->has_more = true;
    }
}

static void look(void *arg)
{
    struct jobs *jobs = arg;

    jobs->has_failed = jobs->has_more = false;
    for (size_t i = jobs->active.count; i-- > 0;)
        if (look_at_job(jobs, jobs->active.jobs[i]))
            active_remove(&jobs->active, i);
    start_jobs(jobs);
    wipe_some(jobs);
    loop_timer_set(jobs->env.turn, delay_ms(jobs));
    wake(jobs);
    if (jobs->is_draining && jobs->active.count == 0)
        jobs->done(jobs->done_arg);
}

/* ---- opening ---- */

/* Takes up a job that an earlier daemon left behind. */
static bool adopt(struct jobs *jobs, const struct job_row *row, struct err *err)
{
    struct job *job = job_new(&jobs->env, row->id, row->state);
    struct err folder_err;

    if (!store_attempt_read(jobs->env.store, job->arena, row->id, &job->attempt, err)) {
        job_free(job);
        return false;
    }
    job->gpu = gpus_find(jobs->gpus, job->attempt.uuid);
    if (!worker_adopt(job, &folder_err))
        log_warning("a job's folder cannot be opened job=%" PRId64 " reason='%s'", row->id, folder_err.msg);
    else
        log_info("job adopted job=%" PRId64 " state=%s", row->id, job_state_name(row->state));
    active_add(&jobs->active, job);
    /* the daemon may have ended between writing that the job stops and telling its worker */
    return row->state != JOB_STOPPING || worker_ask_stop(job, err);
}

static bool adopt_all(struct jobs *jobs, struct err *err)
{
    const struct job_filter filter = {.states = 1u << JOB_STARTING | 1u << JOB_RUNNING | 1u << JOB_STOPPING,
                                      .limit = ACTIVE_MAX};
    struct arena *arena = arena_new();
    struct job_row *rows;
    size_t count;
    bool ok = store_job_list(jobs->env.store, arena, &filter, &rows, &count, err);

    for (size_t i = 0; ok && i < count; i++)
        ok = adopt(jobs, &rows[i], err);
    arena_free(arena);
    return ok;
}

struct jobs *jobs_open(const struct jobs_config *config, struct store *store, struct loop *loop, struct gpus *gpus,
                       struct err *err)
{
    struct jobs *jobs = xcalloc(1, sizeof *jobs);

    *jobs = (struct jobs){.env = {.store = store,
                                  .loop = loop,
                                  .turn = loop_timer(loop, look, jobs),
                                  .state_dir = config->state_dir,
                                  .worker = config->worker,
                                  .stop_grace_s = (double)config->stop_grace_s},
                          .gpus = gpus,
                          .cpu_slots = config->cpu_slots,
                          .order = queue_order_new(),
                          .is_wiping = true};
    if (!adopt_all(jobs, err)) {
        jobs_close(jobs);
        return NULL;
    }
    loop_timer_set(jobs->env.turn, 0);
    return jobs;
}

void jobs_close(struct jobs *jobs)
{
    if (!jobs)
        return;
    active_done(&jobs->active);
    queue_order_free(jobs->order);
    loop_remove(jobs->env.turn);
    free(jobs);
}

/* ---- what users ask for ---- */

bool jobs_submit(struct jobs *jobs, const struct job_new *job, int64_t *id, struct err *err)
{
    if (!store_job_add(jobs->env.store, job, id, err))
        return false;
    log_info("job is queued job=%" PRId64, *id);
    loop_timer_set(jobs->env.turn, 0); /* which also wakes who listens */
    return true;
}

/* Cancels a job that is not active. */
static bool cancel_inactive(struct jobs *jobs, int64_t id, bool *ended, struct err *err)
{
    struct job *job = job_new(&jobs->env, id, JOB_QUEUED);
    struct job_row row;
    bool ok = store_job_read(jobs->env.store, job->arena, id, &row, err);

    job->state = ok ? row.state : JOB_QUEUED;
    if (ok && row.state != JOB_CANCELLED)
        ok = job_step(job, EV_CANCEL, err);
    if (ok)
        *ended = row.state == JOB_CANCELLED;
    job_free(job);
    return ok;
}

bool jobs_cancel(struct jobs *jobs, int64_t id, bool *ended, struct err *err)
{
    struct job *job = active_find(&jobs->active, id);

    if (job ? !job_step(job, EV_CANCEL, err) : !cancel_inactive(jobs, id, ended, err))
        return false;
    if (job)
        *ended = false;
    loop_timer_set(jobs->env.turn, 0);
    return true;
}

static char *folder_of(const struct jobs *jobs, int64_t id)
{
    return xasprintf("%s/jobs/%" PRId64, jobs->env.state_dir, id);
}

bool jobs_delete(struct jobs *jobs, int64_t id, struct err *err)
{
    struct arena *arena = arena_new();
    struct job_row row;
    char *folder = folder_of(jobs, id);
    bool ok = store_job_read(jobs->env.store, arena, id, &row, err);

    if (ok && !job_state_is_final(row.state))
        ok = err_set(err, ERR_CONFLICT, "job %" PRId64 " is %s; cancel it first", id, job_state_name(row.state));
    /* the folder first: what is left after a crash is a job that can be deleted again */
    ok = ok && folder_remove(folder, err) && store_job_delete(jobs->env.store, id, err);
    if (ok) {
        log_info("job is deleted job=%" PRId64, id);
        jobs->is_wiping = true;
        loop_timer_set(jobs->env.turn, 0);
    }
    free(folder);
    arena_free(arena);
    return ok;
}

struct ask *jobs_check(const struct jobs *jobs, const char *dataset, void (*done)(void *arg), void *arg,
                       struct err *err)
{
    return ask_start(jobs->env.worker, jobs->env.loop, (const char *const[]){"check", "--brief", dataset, NULL},
                     CHECK_MS, done, arg, err);
}

void jobs_on_event(struct jobs *jobs, void (*wake_one)(void *arg), void *arg)
{
    jobs->wake = wake_one;
    jobs->wake_arg = arg;
}

int64_t jobs_disk_bytes(const struct jobs *jobs, int64_t id)
{
    char *folder = folder_of(jobs, id);
    int64_t bytes = folder_size_bytes(folder);

    free(folder);
    return bytes;
}

const char *jobs_reason(struct jobs *jobs, struct arena *arena, const struct job_row *row)
{
    struct places places;

    if (row->state != JOB_QUEUED)
        return NULL;
    if (jobs->is_draining)
        return "the daemon is about to end and starts nothing";
    places = active_places(&jobs->active, arena, jobs->gpus, jobs->cpu_slots);
    return queue_reason(jobs->order, jobs->env.store, arena, &places, row);
}

int64_t jobs_on_gpu(const struct jobs *jobs, const char *uuid)
{
    return active_on_gpu(&jobs->active, uuid);
}

size_t jobs_on_cpu(const struct jobs *jobs, int64_t *ids, size_t max)
{
    return active_on_cpu(&jobs->active, ids, max);
}

char *jobs_folder(const struct jobs *jobs, struct arena *arena, int64_t id, int64_t attempt)
{
    char *folder = worker_folder(&jobs->env, id, attempt);
    char *copy = arena_strdup(arena, folder);

    free(folder);
    return copy;
}

void jobs_stop_workers(struct jobs *jobs, void (*done)(void *arg), void *arg)
{
    struct err ignored; /* asking cannot fail: it is repeated until it is heard */

    jobs->is_draining = true;
    jobs->done = done;
    jobs->done_arg = arg;
    for (size_t i = 0; i < jobs->active.count; i++)
        (void)!worker_ask_stop(jobs->active.jobs[i], &ignored);
    loop_timer_set(jobs->env.turn, 0);
}
