/* jobs/state.c: the table. */
#include "jobs/state.h"

#include "base/log.h"
#include "jobs/worker.h"
#include "storage/job_rows.h"

#include <inttypes.h>

struct move {
    enum job_state to; /* JOB_NONE: not allowed */
    bool (*act)(struct job *job, struct err *err);
};

// clang-format off
static const struct move moves[JOB_STATE_COUNT][JOB_EVENT_COUNT] = {
    [JOB_QUEUED]   = {[EV_START]     = {JOB_STARTING,  worker_start},
                      [EV_CANCEL]    = {JOB_CANCELLED, NULL}},
    [JOB_STARTING] = {[EV_HELLO]     = {JOB_RUNNING,   NULL},
                      [EV_CANCEL]    = {JOB_STOPPING,  worker_ask_stop},
                      [EV_STOPPED]   = {JOB_FAILED,    NULL},
                      [EV_UNSTARTED] = {JOB_QUEUED,    NULL},
                      [EV_DIED]      = {JOB_FAILED,    NULL},
                      [EV_LOST]      = {JOB_FAILED,    NULL}},
    [JOB_RUNNING]  = {[EV_ENDED]     = {JOB_DONE,      NULL},
                      [EV_CANCEL]    = {JOB_STOPPING,  worker_ask_stop},
                      [EV_STOPPED]   = {JOB_FAILED,    NULL},
                      [EV_DIED]      = {JOB_FAILED,    NULL},
                      [EV_LOST]      = {JOB_FAILED,    NULL}},
    [JOB_STOPPING] = {[EV_HELLO]     = {JOB_STOPPING,  NULL},
                      [EV_CANCEL]    = {JOB_STOPPING,  NULL},
                      [EV_LATE]      = {JOB_STOPPING,  worker_kill},
                      [EV_ENDED]     = {JOB_DONE,      NULL},
                      [EV_STOPPED]   = {JOB_CANCELLED, NULL},
                      [EV_UNSTARTED] = {JOB_CANCELLED, NULL},
                      [EV_DIED]      = {JOB_CANCELLED, NULL},
                      [EV_LOST]      = {JOB_CANCELLED, NULL}},
};
// clang-format on

static bool write_move(struct job *job, enum job_state to, struct attempt_row *attempt, struct err *err)
{
    struct store *store = job->env->store;
    enum job_cause cause = to == JOB_FAILED ? job->cause : CAUSE_NONE;
    const char *detail = job_state_is_final(to) && *job->detail ? job->detail : NULL;

    if (to == JOB_STARTING && !store_attempt_add(store, attempt, err))
        return false;
    if (to == JOB_QUEUED && !store_attempt_remove(store, job->id, attempt->attempt, err))
        return false;
    return store_job_move(store, job->id, job->state, to, cause, detail, err);
}

static void log_move(const struct job *job, enum job_state to)
{
    if (to == JOB_FAILED)
        log_info("job is failed job=%" PRId64 " cause=%s detail='%s'", job->id, job_cause_name(job->cause),
                 job->detail);
    else
        log_info("job is %s job=%" PRId64, job_state_name(to), job->id);
}

/* State and attempt change together. */
static bool record(struct job *job, enum job_state to, struct err *err)
{
    struct attempt_row attempt = job->attempt;

    if (to == job->state)
        return true;
    if (!store_begin(job->env->store, err))
        return false;
    if (!write_move(job, to, &attempt, err) || !store_commit(job->env->store, err)) {
        store_rollback(job->env->store);
        return false;
    }
    log_move(job, to);
    job->attempt = attempt;
    job->state = to;
    return true;
}

bool job_step(struct job *job, enum job_event event, struct err *err)
{
    const struct move *move = &moves[job->state][event];

    if (move->to == JOB_NONE)
        return err_set(err, ERR_CONFLICT, "job %" PRId64 " is %s", job->id, job_state_name(job->state));
    if (!record(job, move->to, err)) /* on disk before in memory */
        return false;
    return move->act ? move->act(job, err) : true;
}
