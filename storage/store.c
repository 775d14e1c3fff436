/* storage/store.c: opening, locking and transactions. */
#include "storage/store.h"

#include "base/file.h"
#include "storage/migrate.h"
#include "storage/stmt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { BUSY_TIMEOUT_MS = 5000, PID_SIZE = 32, LOCK_TRIES = 500, LOCK_WAIT_US = 10000 };

static int read_pid(int fd)
{
    char text[PID_SIZE] = {0};

    return pread(fd, text, sizeof text - 1, 0) > 0 ? (int)strtol(text, NULL, 10) : 0;
}

static int open_lock(const char *state_dir, int flags)
{
    char *path = xasprintf("%s/detrd.lock", state_dir);
    int fd = open(path, flags | O_CLOEXEC, 0600);

    free(path);
    return fd;
}

/* A daemon that was killed may have left a child that was about to become a worker; until then it holds the lock. */
static bool is_held_by_another(int lock)
{
    for (int i = 0; flock(lock, LOCK_EX | LOCK_NB) < 0; i++) {
        int pid = read_pid(lock);

        if (i == LOCK_TRIES || (pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH)))
            return true;
        (void)usleep(LOCK_WAIT_US);
    }
    return false;
}

/* The lock is held by the open descriptor, so that the kernel frees it however the daemon ends. */
static bool lock_state_dir(struct store *store, const char *state_dir, struct err *err)
{
    char pid[PID_SIZE];
    int size = snprintf(pid, sizeof pid, "%d\n", (int)getpid());

    store->lock = open_lock(state_dir, O_RDWR | O_CREAT);
    if (store->lock < 0)
        return err_os(err, "open '%s/detrd.lock'", state_dir);
    if (is_held_by_another(store->lock))
        return err_set(err, ERR_CONFLICT, "another detrd (pid %d) uses state_dir '%s'", read_pid(store->lock),
                       state_dir);
    if (ftruncate(store->lock, 0) < 0 || pwrite(store->lock, pid, (size_t)size, 0) != size)
        return err_os(err, "write '%s/detrd.lock'", state_dir);
    return true;
}

int store_holder(const char *state_dir)
{
    int fd = open_lock(state_dir, O_RDONLY);
    int pid = 0;

    if (fd < 0)
        return 0;
    if (flock(fd, LOCK_SH | LOCK_NB) < 0)
        pid = read_pid(fd);
    (void)close(fd);
    return pid;
}

bool store_is_there(const char *state_dir)
{
    char *path = xasprintf("%s/detrd.db", state_dir);
    bool is_there = access(path, F_OK) == 0;

    free(path);
    return is_there;
}

static bool open_database(struct store *store, const char *state_dir, struct err *err)
{
    char *path = xasprintf("%s/detrd.db", state_dir);
    int rc = sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    bool ok = rc == SQLITE_OK || stmt_fail(store, path, err);

    free(path);
    if (!ok)
        return false;
    (void)sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
    if (sqlite3_exec(store->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", NULL,
                     NULL, NULL) != SQLITE_OK)
        return stmt_fail(store, "open", err);
    return true;
}

struct store *store_open(const char *state_dir, struct err *err)
{
    struct store *store = xcalloc(1, sizeof *store);

    store->lock = -1;
    if (lock_state_dir(store, state_dir, err) && open_database(store, state_dir, err) && migrate(store->db, err) &&
        stmt_prepare_all(store, err))
        return store;
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    stmt_finalize_all(store);
    (void)sqlite3_close(store->db); /* everything is finalized */
    if (store->lock >= 0)
        (void)close(store->lock);
    free(store);
}

bool store_begin(struct store *store, struct err *err)
{
    return store_run(store, SQL_BEGIN, err, "");
}

bool store_commit(struct store *store, struct err *err)
{
    return store_run(store, SQL_COMMIT, err, "");
}

void store_rollback(struct store *store)
{
    struct err ignored; /* on a full disk SQLite may have rolled back by itself */

    if (!sqlite3_get_autocommit(store->db) && store_run(store, SQL_ROLLBACK, &ignored, ""))
        (void)!store_run(store, SQL_COMMIT, &ignored, "");
}

const char *store_sqlite_version(void)
{
    return sqlite3_libversion();
}
