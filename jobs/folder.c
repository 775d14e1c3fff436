/* jobs/folder.c: see folder.h. */
#include "jobs/folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

enum { DESCRIPTORS = 8 };

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status, (void)kind, (void)at;
    return remove(path);
}

bool folder_remove(const char *path, struct err *err)
{
    return nftw(path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 || errno == ENOENT ||
           err_os(err, "remove '%s'", path);
}

static int64_t counted_bytes; /* nftw hands nothing through; the loop is one thread */

static int count_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    enum { BLOCK_BYTES = 512 }; /* st_blocks' unit */

    (void)path, (void)at;
    if (kind != FTW_NS)
        counted_bytes += (int64_t)status->st_blocks * BLOCK_BYTES;
    return 0;
}

int64_t folder_size_bytes(const char *path)
{
    counted_bytes = 0;
    (void)nftw(path, count_one, DESCRIPTORS, FTW_PHYS | FTW_MOUNT);
    return counted_bytes;
}
