/* jobs/worker.c: see worker.h. */
#include "jobs/worker.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "jobs/spawn.h"
#include "spec/amp_policy.h"
#include "spec/parse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RECORD_MAX_BYTES = 64 * 1024, EXIT_HELD = 3 /* detrd-worker's: another one holds the folder */ };

static const double kill_again_s = 5;

char *worker_folder(const struct jobs_env *env, int64_t id, int64_t attempt)
{
    return xasprintf("%s/jobs/%" PRId64 "/%" PRId64, env->state_dir, id, attempt);
}

void worker_init(struct worker *worker)
{
    *worker = (struct worker){.dir = -1, .spool = -1, .pidfd = -1};
}

static void close_pidfd(struct worker *worker)
{
    loop_remove(worker->end);
    worker->end = NULL;
    if (worker->pidfd >= 0)
        (void)close(worker->pidfd);
    worker->pidfd = -1;
}

void worker_close(struct worker *worker)
{
    close_pidfd(worker);
    if (worker->spool >= 0)
        (void)close(worker->spool);
    if (worker->dir >= 0)
        (void)close(worker->dir);
    worker_init(worker);
}

static bool open_folder(struct job *job, const char *folder, struct err *err)
{
    job->worker.dir = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (job->worker.dir >= 0)
        return true;
    err_os(err, "open '%s'", folder);
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
        err->code = ERR_NOT_FOUND;
    return false;
}

bool worker_adopt(struct job *job, struct err *err)
{
    char *folder = worker_folder(job->env, job->id, job->attempt.attempt);
    bool ok = open_folder(job, folder, err);

    free(folder);
    return ok;
}

json_t *worker_read_json(const struct job *job, const char *name)
{
    struct err ignored; /* a record that is not there and one that cannot be read say the same: nothing */
    size_t size;
    char *text =
        job->worker.dir < 0 ? NULL : file_read_beneath(job->worker.dir, name, RECORD_MAX_BYTES, &size, &ignored);
    json_t *json = text ? parse_json(text, size, &ignored) : NULL;

    free(text);
    return json;
}

/* ---- starting ---- */

/* Ours to decide for the worker, or the daemon's own business. */
static const char *const unshared[] = {
    "CUDA_VISIBLE_DEVICES=", "CUDA_DEVICE_ORDER=", "JOURNAL_STREAM=", "NOTIFY_SOCKET=", "STATE_DIRECTORY="};

static bool is_shared(const char *variable)
{
    for (size_t i = 0; i < sizeof unshared / sizeof unshared[0]; i++)
        if (strncmp(variable, unshared[i], strlen(unshared[i])) == 0)
            return false;
    return true;
}

/* The daemon's environment and the one GPU that the worker may see; none on the CPU. */
static char **make_environment(struct arena *arena, const char *uuid)
{
    size_t count = 0, used = 0;
    char **env;

    while (environ[count])
        count++;
    env = arena_alloc(arena, (count + 3) * sizeof *env);
    for (size_t i = 0; i < count; i++)
        if (is_shared(environ[i]))
            env[used++] = environ[i];
    env[used++] = arena_printf(arena, "CUDA_VISIBLE_DEVICES=%s", uuid);
    env[used] = arena_strdup(arena, "CUDA_DEVICE_ORDER=PCI_BUS_ID");
    return env;
}

/* Opens what the worker has as standard input and output. */
static bool open_stdio(int dir, int fds[3], struct err *err)
{
    fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    fds[1] = fds[2] = openat(dir, "log.txt", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fds[0] >= 0 && fds[1] >= 0)
        return true;
    err_os(err, "open '%s'", fds[0] < 0 ? "/dev/null" : "log.txt");
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    return false;
}

static void on_end(void *arg, uint32_t events)
{
    struct job *job = arg;

    (void)events;
    loop_remove(job->worker.end); /* it stays readable */
    job->worker.end = NULL;
    loop_timer_set(job->env->turn, 0);
}

/* Without a pidfd the end is still seen at the next look. */
static void watch_keeper(struct job *job, pid_t pid)
{
    struct err err;

    job->worker.pidfd = pidfd_of(pid);
    if (job->worker.pidfd < 0)
        return;
    job->worker.end = loop_fd(job->env->loop, job->worker.pidfd, EPOLLIN, on_end, job, &err);
    if (!job->worker.end)
        log_warning("worker is looked at by the clock only job=%" PRId64 " reason='%s'", job->id, err.msg);
}

static bool start_in(struct job *job, char *folder, struct err *err)
{
    char *argv[] = {(char *)job->env->worker, folder, NULL};
    char **env = make_environment(job->arena, job->attempt.uuid);
    int fds[3];
    bool ok;

    if (!open_stdio(job->worker.dir, fds, err))
        return false;
    ok = spawn(job->env->worker, argv, env, fds, &job->worker.child, err);
    (void)close(fds[0]);
    (void)close(fds[1]);
    if (!ok)
        return false;
    log_info("worker started job=%" PRId64 " attempt=%" PRId64 " pid=%d device=%s", job->id, job->attempt.attempt,
             (int)job->worker.child, job->gpu ? job->gpu->uuid : "cpu");
    watch_keeper(job, job->worker.child);
    return true;
}

/* What could not be known when the job was submitted: the GPU it got. */
static bool check_gpu(const struct job *job, struct err *err)
{
    struct amp_policy policy = {.device_type = DEVICE_CUDA};
    struct amp_fault faults[AMP_RULES];

    if (!job->needs_bfloat16 || !job->gpu || gpu_has_bfloat16(job->gpu))
        return true;
    policy.enabled = true;
    policy.dtype = AMP_BFLOAT16;
    if (amp_policy_check(&policy, DEVICE_CUDA, false, faults) == 0)
        return true;
    return err_at(err, ERR_BAD_SPEC, faults[0].pointer, "%s: %s", faults[0].pointer, faults[0].detail);
}

bool worker_start(struct job *job, struct err *err)
{
    char *folder = worker_folder(job->env, job->id, job->attempt.attempt);
    bool ok = check_gpu(job, err) && file_make_dirs(folder, 0700, err) && open_folder(job, folder, err) &&
              file_replace(job->worker.dir, "spec.json", job->spec, strlen(job->spec), err) &&
              start_in(job, folder, err);

    free(folder);
    return ok;
}

/* ---- whether it lives ---- */

/* Whether keeper or trainer holds the lock.  A free one is locked for the moment of asking, which a keeper bears. */
static bool is_locked(const struct worker *worker)
{
    struct err ignored;
    int fd = file_open_beneath(worker->dir, "lock", &ignored);
    bool is_held;

    if (fd < 0)
        return false;
    is_held = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    (void)close(fd);
    return is_held;
}

static pid_t pid_in_manifest(const struct job *job, const char *member)
{
    json_t *manifest = worker_read_json(job, "manifest.json");
    json_int_t pid = json_integer_value(json_object_get(manifest, member));

    json_decref(manifest);
    return pid > 1 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

static pid_t parent_of(pid_t pid)
{
    char *path = xasprintf("/proc/%d/stat", (int)pid);
    struct err ignored;
    char *text = file_read(AT_FDCWD, path, RECORD_MAX_BYTES, NULL, &ignored);
    const char *at = text ? strrchr(text, ')') : NULL; /* the name before may hold anything */
    int parent = 0;

    if (!at || sscanf(at + 1, " %*c %d", &parent) != 1)
        parent = 0;
    free(text);
    free(path);
    return (pid_t)parent;
}

/* To be called before is_locked: a lock that is held after the pidfd was opened says that the pid is the keeper's,
 * unless a trainer that has lost its keeper holds it yet. */
static void find_keeper(struct job *job)
{
    pid_t pid = job->worker.pidfd < 0 ? pid_in_manifest(job, "keeper_pid") : 0, trainer, parent;

    if (!pid)
        return;
    watch_keeper(job, pid);
    trainer = pid_in_manifest(job, "trainer_pid");
    parent = trainer ? parent_of(trainer) : 0;
    if (parent && parent != pid)
        close_pidfd(&job->worker);
}

static bool child_has_ended(struct job *job)
{
    struct worker *worker = &job->worker;

    if (waitpid(worker->child, &worker->status, WNOHANG) == 0)
        return false;
    worker->child = 0;
    close_pidfd(worker);
    if (WIFEXITED(worker->status) && WEXITSTATUS(worker->status) == EXIT_HELD) {
        log_warning("worker of an earlier start holds the folder, it is adopted job=%" PRId64, job->id);
        return false;
    }
    worker->was_child = true;
    return true;
}

bool worker_has_ended(struct job *job)
{
    struct worker *worker = &job->worker;
    struct err err = {0};

    if (worker->child && !child_has_ended(job))
        return false;
    if (worker->dir < 0 && (worker->was_child || !worker_adopt(job, &err)))
        return worker->was_child || err.code == ERR_NOT_FOUND; /* a folder that cannot be opened now says nothing */
    if (!worker->was_child)
        find_keeper(job);
    if (is_locked(worker))
        return false;
    close_pidfd(worker);
    return true;
}

/* ---- ending it ---- */

static void send_stop(struct worker *worker)
{
    worker->is_stop_sent = worker->pidfd >= 0 && pidfd_signal(worker->pidfd, SIGTERM);
}

bool worker_ask_stop(struct job *job, struct err *err)
{
    struct worker *worker = &job->worker;

    (void)err;
    if (worker->stop_asked_s > 0)
        return true;
    worker->stop_asked_s = clock_monotonic_s();
    worker->next_kill_s = worker->stop_asked_s + job->env->stop_grace_s;
    send_stop(worker);
    return true;
}

void worker_keep_asking(struct worker *worker)
{
    if (worker->stop_asked_s > 0 && !worker->is_stop_sent)
        send_stop(worker);
}

bool worker_is_late(const struct worker *worker)
{
    return worker->stop_asked_s > 0 && clock_monotonic_s() >= worker->next_kill_s;
}

/* Kills the trainer alone, so that the keeper, its only witness, records the end. */
static bool kill_trainer(const struct job *job, pid_t keeper)
{
    pid_t pid = pid_in_manifest(job, "trainer_pid");
    int pidfd = pid ? pidfd_of(pid) : -1;
    bool ok = pidfd >= 0 && keeper != 0 && parent_of(pid) == keeper && pidfd_signal(pidfd, SIGKILL);

    if (pidfd >= 0)
        (void)close(pidfd);
    return ok;
}

bool worker_kill(struct job *job, struct err *err)
{
    struct worker *worker = &job->worker;
    pid_t keeper = worker->child ? worker->child : pid_in_manifest(job, "keeper_pid");

    (void)err;
    worker->next_kill_s = clock_monotonic_s() + kill_again_s;
    if (kill_trainer(job, keeper))
        log_warning("trainer killed, it did not end in time job=%" PRId64, job->id);
    else if (worker->pidfd >= 0 && pidfd_signal(worker->pidfd, SIGKILL))
        log_warning("keeper killed, it has no trainer and did not end in time job=%" PRId64, job->id);
    return true;
}

static void remove_files(int dir)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;

    while (list && (entry = readdir(list)))
        (void)unlinkat(dir, entry->d_name, 0); /* "." and ".." refuse */
    if (list)
        (void)closedir(list);
}

bool worker_discard(struct job *job)
{
    struct worker *worker = &job->worker;
    int lock = worker->dir < 0 ? -1 : openat(worker->dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    char *folder = worker_folder(job->env, job->id, job->attempt.attempt);
    bool is_ours = worker->dir < 0 || (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0 &&
                                       faccessat(worker->dir, "manifest.json", F_OK, AT_SYMLINK_NOFOLLOW) < 0);

    if (is_ours && worker->dir >= 0) {
        remove_files(worker->dir);
        (void)rmdir(folder);
        worker_close(worker);
    } else if (!is_ours) {
        worker->was_child = false; /* whoever holds it is adopted */
    }
    if (lock >= 0)
        (void)close(lock);
    free(folder);
    return is_ours;
}
