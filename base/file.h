/* base/file.h: whole files, read and replaced.
 * Paths are relative to the directory descriptor dir (AT_FDCWD: the working directory). */
#pragma once
#include "base/err.h"

/* Writes all of data to fd. */
MUST_CHECK bool file_write_all(int fd, const void *data, size_t size, struct err *err);

/* Replaces name in dir by data, so that a reader sees the old or the new file, never a part, and so that it is still
 * there after a power cut.  name has no slash. */
MUST_CHECK bool file_replace(int dir, const char *name, const void *data, size_t size, struct err *err);

/* Returns the content of a file of at most max bytes, with a NUL behind it (free it), or NULL: ERR_NOT_FOUND when there
 * is no such file, ERR_TOO_LARGE when it is larger.  size may be NULL. */
MUST_CHECK char *file_read(int dir, const char *path, size_t max, size_t *size, struct err *err);

/* Opens a regular file beneath dir for reading, whoever has written what lies there: no link is followed, ".." leads
 * nowhere, and a pipe is not waited for.  Where the kernel has no openat2 (Linux before 5.6), only the last part of
 * path is kept from being a link.  Returns the descriptor (close it), or -1 with errno set: ERR_NOT_FOUND when there is
 * no such file. */
MUST_CHECK int file_open_beneath(int dir, const char *path, struct err *err);

/* As file_read, of a file that is opened like that. */
MUST_CHECK char *file_read_beneath(int dir, const char *path, size_t max, size_t *size, struct err *err);

/* Makes a directory and its parents with mode; existing ones are fine. */
MUST_CHECK bool file_make_dirs(const char *path, unsigned mode, struct err *err);
