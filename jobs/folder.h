/* jobs/folder.h: the folder of a job with all its attempts.  Links in it are taken for what they are, never followed.
 */
#pragma once
#include "base/err.h"

#include <stdint.h>

/* Removes the folder and all in it.  One that is not there is fine. */
MUST_CHECK bool folder_remove(const char *path, struct err *err);

/* Bytes on disk of all in it; 0 when it is not there. */
int64_t folder_size_bytes(const char *path);
