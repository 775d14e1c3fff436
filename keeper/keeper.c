/* keeper/keeper.c: see keeper.h. */
#include "keeper/keeper.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "keeper/child.h"
#include "keeper/ending.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SPEC_MAX_BYTES = 1 << 20, LOCK_TRIES = 5, LOCK_WAIT_US = 10000 };

struct keeper {
    int dir, lock;
    json_t *spec; /* NULL when it is no JSON: the trainer says where */
    json_t *manifest;
};

static int complain(int status, const char *text)
{
    dprintf(STDERR_FILENO, "detrd-worker: %s\n", text);
    return status;
}

static bool replace_json(int dir, const char *name, const json_t *value, struct err *err)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    char *whole = xasprintf("%s\n", text);
    bool ok = file_replace(dir, name, whole, strlen(whole), err);

    free(whole);
    free(text);
    return ok;
}

/* Like json_string, but text of any bytes is taken: what is not UTF-8 becomes '?'. */
static json_t *json_text(const char *text)
{
    json_t *value = json_string(text);
    char *copy;

    if (value)
        return value;
    copy = xstrdup(text);
    for (char *at = copy; *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    value = json_string(copy);
    free(copy);
    return value;
}

static bool is_locked_by_another(const struct keeper *keeper)
{
    /* a daemon that looks whether anyone holds the folder takes the lock for a moment */
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(keeper->lock, LOCK_EX | LOCK_NB) == 0)
            return false;
        (void)usleep(LOCK_WAIT_US);
    }
    return true;
}

/* Takes the folder.  Returns KEEPER_OK or the exit status after a complaint. */
static int take_folder(struct keeper *keeper, const char *folder)
{
    struct err err;
    struct stat about;
    char *text;

    keeper->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (keeper->dir < 0) {
        err_os(&err, "open job folder '%s'", folder);
        return complain(KEEPER_USAGE, err.msg);
    }
    keeper->lock = openat(keeper->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (keeper->lock < 0) {
        err_os(&err, "open lock in '%s'", folder);
        return complain(KEEPER_USAGE, err.msg);
    }
    if (is_locked_by_another(keeper))
        return complain(KEEPER_HELD, "another worker holds this folder");
    if (fstatat(keeper->dir, "events.jsonl", &about, 0) == 0 && about.st_size > 0)
        return complain(KEEPER_USAGE, "this folder ran already: copy spec.json to a new folder");
    text = file_read(keeper->dir, "spec.json", SPEC_MAX_BYTES, NULL, &err);
    if (!text)
        return complain(KEEPER_USAGE, err.msg);
    keeper->spec = json_loads(text, 0, NULL);
    free(text);
    return KEEPER_OK;
}

/* What the trainer's libraries read when they load. */
static void set_environment(const json_t *spec)
{
    json_int_t threads = json_integer_value(json_object_get(spec, "threads"));

    (void)setenv("GOMP_SPINCOUNT", "1000", 0); /* threads that wait must not burn a core that others need */
    if (threads > 0) {
        char *text = xasprintf("%" JSON_INTEGER_FORMAT, threads);

        (void)setenv("OMP_NUM_THREADS", text, 1);
        free(text);
    }
}

/* The GPUs given to this worker, as UUIDs or however CUDA_VISIBLE_DEVICES names them. */
static json_t *visible_devices(void)
{
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    char *copy = xstrdup(visible ? visible : ""), *rest = copy, *name;
    json_t *devices = json_array();

    while ((name = strsep(&rest, ",")))
        if (*name)
            json_array_append_new(devices, json_text(name));
    free(copy);
    return devices;
}

static bool write_manifest(struct keeper *keeper, struct err *err)
{
    char time[CLOCK_TEXT_SIZE];
    char *boot_id = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 100, NULL, err);

    if (!boot_id)
        return false;
    boot_id[strcspn(boot_id, "\n")] = '\0';
    keeper->manifest = json_pack("{s:i, s:s, s:s, s:o}", "keeper_pid", (int)getpid(), "started",
                                 clock_text(clock_wall_ms(), time), "boot_id", boot_id, "devices", visible_devices());
    free(boot_id);
    return replace_json(keeper->dir, "manifest.json", keeper->manifest, err);
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

static bool write_exit(struct keeper *keeper, const struct ending *ending, int status, const struct rusage *usage,
                       struct err *err)
{
    char time[CLOCK_TEXT_SIZE];
    json_t *record = json_pack("{s:o?, s:o?, s:{s:f, s:f, s:I}, s:s}", "cause",
                               ending->cause == CAUSE_NONE ? json_null() : json_string(job_cause_name(ending->cause)),
                               "detail", *ending->detail ? json_text(ending->detail) : json_null(), "usage", "user_s",
                               seconds(usage->ru_utime), "system_s", seconds(usage->ru_stime), "max_rss_bytes",
                               (json_int_t)usage->ru_maxrss * 1024, "time", clock_text(clock_wall_ms(), time));
    bool ok;

    if (WIFSIGNALED(status))
        json_object_set_new(record, "signal", json_integer(WTERMSIG(status)));
    else
        json_object_set_new(record, "code", json_integer(WEXITSTATUS(status)));
    ok = replace_json(keeper->dir, "exit.json", record, err);
    json_decref(record);
    return ok;
}

/* Runs the trainer and settles how the job ended. */
static bool run_trainer(struct keeper *keeper, const char *folder, struct ending *ending, int *status,
                        struct rusage *usage, struct err *err)
{
    char *exe = child_trainer_path();
    char *argv[] = {exe, (char *)folder, NULL};
    struct child child;
    struct message bye;
    /* the lock goes along: a folder is free when its trainer has ended, too, and has written its last */
    bool has_bye, ok = child_start(&child, exe, argv, keeper->lock, err);

    free(exe);
    if (!ok)
        return false;
    json_object_set_new(keeper->manifest, "trainer_pid", json_integer(child.pid));
    if (!replace_json(keeper->dir, "manifest.json", keeper->manifest, err) || !child_wait(&child, status, usage, err))
        return false; /* the trainer dies with this process */
    has_bye = ending_read_bye(keeper->dir, &bye);
    ending_settle(ending, has_bye ? &bye : NULL, *status, &child);
    if (has_bye && WIFSIGNALED(*status))
        dprintf(STDERR_FILENO, "warning: the trainer crashed after its last word: signal %d\n", WTERMSIG(*status));
    if (has_bye)
        message_done(&bye);
    return true;
}

/* A trainer that could not be started has an end, too: the code a shell would give. */
static void settle_unstarted(struct ending *ending, int *status, const struct err *err)
{
    *ending = (struct ending){0};
    *status = W_EXITCODE(127, 0);
    ending->cause = err->code == ERR_LIBTORCH ? CAUSE_LIBTORCH : CAUSE_INTERNAL;
    (void)snprintf(ending->detail, sizeof ending->detail, "%s", err->msg);
}

static int keep(struct keeper *keeper, const char *folder)
{
    struct ending ending;
    struct rusage usage = {0};
    struct err err;
    int status;

    (void)unlinkat(keeper->dir, "exit.json", 0); /* of a start that never reached the spool */
    set_environment(keeper->spec);
    child_hold_signals(); /* once there is a manifest, a signal's end is recorded */
    if (!write_manifest(keeper, &err))
        return complain(KEEPER_FAILED, err.msg);
    if (!run_trainer(keeper, folder, &ending, &status, &usage, &err))
        settle_unstarted(&ending, &status, &err);
    if (!write_exit(keeper, &ending, status, &usage, &err))
        dprintf(STDERR_FILENO, "warning: %s\n", err.msg);
    if (ending.is_success)
        return KEEPER_OK;
    dprintf(STDERR_FILENO, "detrd-worker: %s: %s\n", job_cause_name(ending.cause), ending.detail);
    return KEEPER_FAILED;
}

int keeper_run(const char *folder)
{
    struct keeper keeper = {.dir = -1, .lock = -1};
    int status = take_folder(&keeper, folder);

    if (status == KEEPER_OK)
        status = keep(&keeper, folder);
    json_decref(keeper.manifest);
    json_decref(keeper.spec);
    if (keeper.lock >= 0)
        (void)close(keeper.lock);
    if (keeper.dir >= 0)
        (void)close(keeper.dir);
    return status;
}

int keeper_hand_over(char *argv[])
{
    struct child child;
    struct rusage usage;
    struct ending ending;
    struct err err;
    int status;
    char *exe = child_trainer_path();
    bool ok;

    argv[0] = exe;
    set_environment(NULL);
    ok = child_start(&child, exe, argv, -1, &err) && child_wait(&child, &status, &usage, &err);
    free(exe);
    if (!ok)
        return complain(KEEPER_FAILED, err.msg);
    if (WIFEXITED(status) && !child.is_unloadable)
        return WEXITSTATUS(status);
    ending_settle(&ending, NULL, status, &child);
    return complain(KEEPER_FAILED, ending.detail);
}
