/* daemon/main.c: detrd, the daemon: what its command line asks for. */
#include "api/server.h"
#include "base/log.h"
#include "daemon/config.h"
#include "daemon/run.h"
#include "jobs/devices.h"
#include "storage/store.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

static const char default_file[] = "/etc/detrd/detrd.conf";

struct options {
    const char *file; /* NULL: the default one, if it is there */
    bool help, version, stop_workers;
};

static const struct {
    const char *name;
    size_t at;
} flags[] = {
    {"--help", offsetof(struct options, help)},
    {"--version", offsetof(struct options, version)},
    {"--stop-workers", offsetof(struct options, stop_workers)},
};

static bool take_flag(struct options *options, const char *argument)
{
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(argument, flags[i].name) != 0)
            continue;
        *(bool *)((char *)options + flags[i].at) = true;
        return true;
    }
    return false;
}

/* Marks the arguments that are settled by NULL; the rest are keys, which come after the file. */
static bool read_options(struct options *options, int argc, char *argv[], struct err *err)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0) {
            argv[i] = NULL;
            if (++i == argc)
                return err_set(err, ERR_BAD_SPEC, "--config needs a file");
            options->file = argv[i];
        } else if (strncmp(argv[i], "--config=", 9) == 0) {
            options->file = argv[i] + 9;
        } else if (!take_flag(options, argv[i])) {
            continue;
        }
        argv[i] = NULL;
    }
    return true;
}

static bool read_config(struct config *config, const struct options *options, int argc, char *argv[], struct err *err)
{
    const char *file = options->file ? options->file : access(default_file, F_OK) == 0 ? default_file : NULL;

    if (file && !config_read(config, file, err))
        return false;
    for (int i = 1; i < argc; i++)
        if (argv[i] && !config_argument(config, argv[i], err))
            return false;
    return config_finish(config, err);
}

static int print_help(void)
{
    printf("usage: detrd [--config FILE] [--KEY=VALUE ...]\n"
           "       detrd --stop-workers [--config FILE] [--KEY=VALUE ...]\n"
           "       detrd --version | --help\n"
           "\n"
           "Runs the training daemon in the foreground.  SIGTERM ends it and leaves its workers running;\n"
           "--stop-workers has them checkpoint and end, and then the daemon.\n"
           "\n"
           "Settings come from %s or --config, one 'key = value' a line, then from the command line:\n",
           default_file);
    config_print_keys();
    return EXIT_SUCCESS;
}

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

static bool ask_devices(const char *worker, struct devices *devices, struct err *err)
{
    struct loop *loop = loop_new(err);
    struct ask *ask = loop ? devices_ask(worker, loop, stop_loop, loop, err) : NULL;
    bool ok = ask && loop_run(loop, err) && devices_read(ask, devices, err);

    ask_free(ask);
    loop_free(loop);
    return ok;
}

static int print_version(const struct config *config)
{
    struct devices devices;
    struct err err;
    bool is_known;

    printf("detrd %s\nSQLite %s\nlibmicrohttpd %s\n", DETRD_VERSION, store_sqlite_version(), server_http_version());
    (void)fflush(stdout);
    is_known = ask_devices(config->worker, &devices, &err);
    printf("libtorch %s%s\n", is_known ? "" : "unknown: ", is_known ? devices.libtorch : err.msg);
    return EXIT_SUCCESS;
}

static int refuse(const struct err *err, int status)
{
    log_err("%s", err->msg);
    return status;
}

int main(int argc, char *argv[])
{
    struct options options = {0};
    struct config config;
    struct err err;
    int status = EXIT_SUCCESS;

    config_init(&config);
    if (!read_options(&options, argc, argv, &err) || !read_config(&config, &options, argc, argv, &err))
        status = refuse(&err, EXIT_USAGE);
    else if (options.help)
        status = print_help();
    else if (options.version)
        status = print_version(&config);
    else if (!(options.stop_workers ? daemon_stop_workers(&config, &err) : daemon_run(&config, &err)))
        status = refuse(&err, EXIT_FAILURE);
    config_free(&config);
    return status;
}
