/* tests/integration/doubles/slow_disk.c: a disk that hangs.  Preloaded, it lets no PNG be opened as long as the file
 * named by SLOW_DISK exists. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int open(const char *path, int flags, ...)
{
    static const struct timespec pause = {0, 100000000};
    const char *hangs = getenv("SLOW_DISK");
    int (*next)(const char *, int, ...);
    mode_t mode;
    va_list args;

    va_start(args, flags);
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (hangs && strstr(path, ".png"))
        while (access(hangs, F_OK) == 0)
            (void)nanosleep(&pause, NULL);
    *(void **)&next = dlsym(RTLD_NEXT, "open");
    return next(path, flags, mode);
}
