/* keeper/main.c: detrd-worker, the command. */
#include "keeper/keeper.h"

#include <stdio.h>
#include <string.h>

/* What detrd-trainer does besides jobs. */
static const char *const trainer_commands[] = {"check", "devices", "eval", "shapes", "--help", "--version", NULL};

static int usage(void)
{
    fputs("usage: detrd-worker FOLDER          runs the job whose spec.json lies in FOLDER\n"
          "       detrd-worker COMMAND [...]   detrd-worker --help lists them\n",
          stderr);
    return KEEPER_USAGE;
}

int main(int argc, char *argv[])
{
    if (argc < 2)
        return usage();
    for (const char *const *command = trainer_commands; *command; command++)
        if (strcmp(argv[1], *command) == 0)
            return keeper_hand_over(argv);
    if (argc > 2 || argv[1][0] == '-')
        return usage();
    return keeper_run(argv[1]);
}
