/* trainer/main.c: detrd-trainer: what detrd-worker hands on: a job's FOLDER, or a command of the table below.
 * Exit status: 0 done, 1 failed, 2 usage. */
#include "base/log.h"
#include "trainer/data/check.h"
#include "trainer/data/shapes.h"
#include "trainer/devices.h"
#include "trainer/run.h"
#include "trainer/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

static int fail(const struct err *err)
{
    log_err("%s", err->msg);
    return EXIT_FAILURE;
}

static int usage(const char *text)
{
    (void)fprintf(stderr, "usage: %s\n", text);
    return EXIT_USAGE;
}

static int main_devices(int argc, char **argv)
{
    struct err err = {0};
    json_t *devices;

    (void)argv;
    if (argc != 2)
        return usage("detrd-worker devices");
    devices = devices_json(&err);
    if (!devices)
        return fail(&err);
    (void)json_dumpf(devices, stdout, JSON_INDENT(2));
    (void)putchar('\n');
    json_decref(devices);
    return EXIT_SUCCESS;
}

static int main_check(int argc, char **argv)
{
    bool brief = argc == 4 && strcmp(argv[2], "--brief") == 0;
    struct err err = {0};

    if (argc != 3 && !brief)
        return usage("detrd-worker check [--brief] DATASET");
    if (!check_dataset(argv[argc - 1], setup_dataset_roots(), brief ? CHECK_BRIEF : CHECK_WHOLE, stdout, &err))
        return fail(&err);
    return EXIT_SUCCESS;
}

/* Reads --train N and the like.  False after an unknown option or a value that is not a number from 0 to a million. */
static bool read_counts(int argc, char **argv, int counts[SPLIT_COUNT])
{
    for (int i = 3; i < argc; i += 2) {
        int split = 0;
        char *end;
        long count;

        if (i + 1 == argc || strncmp(argv[i], "--", 2) != 0)
            return false;
        while (split < SPLIT_COUNT && strcmp(argv[i] + 2, split_name((enum split)split)) != 0)
            split++;
        errno = 0;
        count = strtol(argv[i + 1], &end, 10);
        if (split == SPLIT_COUNT || errno || *end || end == argv[i + 1] || count < 0 || count > 1000000)
            return false;
        counts[split] = (int)count;
    }
    return true;
}

static int main_shapes(int argc, char **argv)
{
    int counts[SPLIT_COUNT];
    struct err err = {0};

    memcpy(counts, shapes_counts, sizeof counts);
    if (argc < 3 || argv[2][0] == '-' || !read_counts(argc, argv, counts))
        return usage("detrd-worker shapes DIR [--train N] [--valid N] [--test N]");
    return shapes_write(argv[2], counts, &err) ? EXIT_SUCCESS : fail(&err);
}

static int main_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("detrd-trainer %s, libtorch %s\n", DETRD_VERSION, tensor_libtorch_built());
    return EXIT_SUCCESS;
}

static int main_help(int argc, char **argv);

static const struct command {
    const char *name, *form, *help;
    int (*main)(int argc, char **argv);
} commands[] = {
    {"devices", "devices", "what this machine and its libtorch can compute on, as JSON", main_devices},
    {"check", "check [--brief] DATASET",
     "reads a whole data set and reports; --brief: as JSON, with the images' headers only, so that it is "
     "quick on large sets; a file that is cut short behind its header is then not found",
     main_check},
    {"shapes", "shapes DIR [--train N] [--valid N] [--test N]", "writes the generated data set", main_shapes},
    {"--version", "--version", "versions", main_version},
    {"--help", "--help", "this list", main_help},
};

static int main_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("detrd-worker FOLDER\n    runs the job whose spec.json lies in FOLDER; exit status 0: finished, or "
                 "stopped with "
                 "a checkpoint\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        (void)printf("detrd-worker %s\n    %s\n", commands[i].form, commands[i].help);
    return EXIT_SUCCESS;
}

static int main_run(const char *folder)
{
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct err err = {0};

    if (dir < 0) {
        err_os(&err, "open the folder '%s'", folder);
        return fail(&err);
    }
    return run_job(dir, &err) ? EXIT_SUCCESS : fail(&err);
}

int main(int argc, char **argv)
{
    struct err err = {0};

    if (!tensor_check_release(&err))
        return fail(&err);
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].main(argc, argv);
    if (argc != 2 || argv[1][0] == '-')
        return usage("detrd-worker FOLDER, or a command; --help lists them");
    return main_run(argv[1]);
}
