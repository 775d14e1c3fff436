/* daemon/run.c: see run.h. */
#include "daemon/run.h"

#include "api/server.h"
#include "base/file.h"
#include "base/log.h"
#include "jobs/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DESCRIPTORS = 4096 };

struct daemon {
    struct loop *loop;
    struct store *store;
    struct gpus *gpus;
    struct jobs *jobs;
    struct server *server;
    struct ask *asking; /* the worker for devices; NULL once it has answered */
    struct devices devices;
    struct app app;
};

static void stop_loop(void *arg)
{
    struct daemon *daemon = arg;

    loop_stop(daemon->loop);
}

static void on_signal(void *arg, int number)
{
    struct daemon *daemon = arg;

    if (number == SIGUSR1) {
        log_info("asking the workers to end");
        jobs_stop_workers(daemon->jobs, stop_loop, daemon);
        return;
    }
    log_info("ending, workers go on signal=%d", number);
    loop_stop(daemon->loop);
}

static bool watch_signals(struct daemon *daemon, struct err *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    (void)signal(SIGPIPE, SIG_IGN); /* a client that left is no reason to end */
    return loop_signals(daemon->loop, &set, on_signal, daemon, err) != NULL;
}

/* All but the server.  Signals first: whoever can read our pid may send one. */
static bool open_parts(struct daemon *daemon, const struct config *config, struct err *err)
{
    const struct jobs_config jobs = {.state_dir = config->state_dir,
                                     .worker = config->worker,
                                     .cpu_slots = config->cpu_slots,
                                     .stop_grace_s = config->stop_grace_s};

    if (!file_make_dirs(config->state_dir, 0700, err))
        return false;
    daemon->loop = loop_new(err);
    if (!daemon->loop || !watch_signals(daemon, err))
        return false;
    daemon->store = store_open(config->state_dir, err);
    if (!daemon->store)
        return false;
    daemon->gpus = gpus_open();
    daemon->jobs = jobs_open(&jobs, daemon->store, daemon->loop, daemon->gpus, err);
    return daemon->jobs != NULL;
}

static void close_parts(struct daemon *daemon)
{
    server_free(daemon->server);
    ask_free(daemon->asking);
    jobs_close(daemon->jobs);
    gpus_close(daemon->gpus);
    store_close(daemon->store);
    loop_free(daemon->loop);
}

/* A worker that cannot tell is no reason not to serve: its jobs will fail in words. */
static void take_devices(struct daemon *daemon, const struct devices *read)
{
    struct devices *devices = &daemon->devices;

    *devices = *read;
    log_info("worker answered libtorch=%s cuda=%d native_bfloat16=%d", devices->libtorch, devices->has_cuda,
             devices->cpu_native_bfloat16);
    if (devices->has_cuda && gpus_count(daemon->gpus) == 0) {
        log_warning("libtorch finds a GPU, but NVML none to give to a job: all run on the CPU");
        devices->has_cuda = false;
    }
}

static void have_no_devices(struct daemon *daemon, const struct err *err)
{
    daemon->devices = (struct devices){.is_known = true};
    log_warning("jobs are taken as for a CPU without bfloat16: %s", err->msg);
}

static void on_devices(void *arg)
{
    struct daemon *daemon = arg;
    struct devices read;
    struct err err;

    if (devices_read(daemon->asking, &read, &err))
        take_devices(daemon, &read);
    else
        have_no_devices(daemon, &err);
    ask_free(daemon->asking);
    daemon->asking = NULL;
    server_devices_known(daemon->server);
}

/* Not waited for: libtorch takes seconds to load, more with a GPU. */
static void ask_devices(struct daemon *daemon, const char *worker)
{
    struct err err;

    daemon->asking = devices_ask(worker, daemon->loop, on_devices, daemon, &err);
    if (!daemon->asking)
        have_no_devices(daemon, &err);
}

/* A connection is a descriptor; the usual limit of 1024 is for programs that use select(). */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* else fewer connections are taken */
}

static bool write_url(const struct config *config, const char *url, struct err *err)
{
    int dir = open(config->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char line[256];
    int size = snprintf(line, sizeof line, "%s\n", url);
    bool ok =
        dir >= 0 ? file_replace(dir, "url", line, (size_t)size, err) : err_os(err, "open '%s'", config->state_dir);

    if (dir >= 0)
        (void)close(dir);
    return ok;
}

/* Workers inherit which folders links of a data set may lead into. */
static bool export_dataset_roots(const struct config *config, struct err *err)
{
    const char *roots = "";

    for (size_t i = 0; i < config->dataset_roots.count; i++)
        roots = arena_printf(config->arena, "%s%s%s", roots, i ? ":" : "", config->dataset_roots.items[i]);
    if ((*roots ? setenv("DETRD_DATASET_ROOTS", roots, 1) : unsetenv("DETRD_DATASET_ROOTS")) == 0)
        return true;
    return err_os(err, "set DETRD_DATASET_ROOTS");
}

static bool start_server(struct daemon *daemon, const struct config *config, struct err *err)
{
    const char *url;

    daemon->app = (struct app){.store = daemon->store,
                               .jobs = daemon->jobs,
                               .gpus = daemon->gpus,
                               .devices = &daemon->devices,
                               .cpu_slots = config->cpu_slots,
                               .dataset_roots = config->dataset_roots.items,
                               .dataset_root_count = config->dataset_roots.count,
                               .version = DETRD_VERSION};
    daemon->server = server_new(&daemon->app, daemon->loop);
    for (size_t i = 0; i < config->listen.count; i++)
        if (!server_listen(daemon->server, config->listen.items[i], err))
            return false;
    url = server_url(daemon->server);
    if (!url)
        url = config->listen.items[0]; /* UNIX sockets alone */
    if (!write_url(config, url, err))
        return false;
    printf("detrd: listening on %s\n", url);
    return fflush(stdout) == 0 || err_os(err, "write to standard output");
}

bool daemon_run(const struct config *config, struct err *err)
{
    struct daemon daemon = {0};
    bool ok;

    raise_descriptors();
    ok = export_dataset_roots(config, err) && open_parts(&daemon, config, err);
    ok = ok && start_server(&daemon, config, err);
    if (ok)
        ask_devices(&daemon, config->worker);
    ok = ok && loop_run(daemon.loop, err);
    close_parts(&daemon);
    return ok;
}

/* Waits for the daemon that holds state_dir.  Returns whether there was one. */
static bool stop_running_daemon(const char *state_dir)
{
    int pid = store_holder(state_dir);
    int pidfd = pid ? pidfd_of(pid) : -1;
    struct pollfd wait = {.fd = pidfd, .events = POLLIN};
    bool is_sent;

    if (pidfd < 0)
        return false;
    /* held still: then the pidfd is the holder's, and no later process's of that number */
    is_sent = store_holder(state_dir) == pid && pidfd_signal(pidfd, SIGUSR1);
    while (is_sent && poll(&wait, 1, -1) < 0 && errno == EINTR)
        ;
    (void)close(pidfd);
    return is_sent;
}

bool daemon_stop_workers(const struct config *config, struct err *err)
{
    struct daemon daemon = {0};
    bool ok;

    if (stop_running_daemon(config->state_dir))
        return true;
    if (!store_is_there(config->state_dir))
        return err_set(err, ERR_NOT_FOUND, "no daemon has ever run on state_dir '%s'", config->state_dir);
    /* no daemon: its workers may run all the same */
    ok = open_parts(&daemon, config, err);
    if (ok) {
        jobs_stop_workers(daemon.jobs, stop_loop, &daemon);
        ok = loop_run(daemon.loop, err);
    }
    close_parts(&daemon);
    return ok;
}
