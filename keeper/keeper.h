/* keeper/keeper.h: runs the job whose spec.json lies in a folder, with or without a daemon.
 * Holds an exclusive flock on the folder's `lock` as long as it lives, records in manifest.json who runs it and in
 * exit.json how it ended; both are replaced atomically.  docs/protocol.md has the files. */
#pragma once

/* Exit statuses of detrd-worker, promised to users. */
enum { KEEPER_OK = 0, KEEPER_FAILED = 1, KEEPER_USAGE = 2, KEEPER_HELD = 3 };

/* Runs the job in folder to its end.  Returns an exit status; what is wrong is the last line on standard error. */
int keeper_run(const char *folder);

/* Runs another command of detrd-trainer; argv[0] is replaced by its path.  Returns its exit status. */
int keeper_hand_over(char *argv[]);
