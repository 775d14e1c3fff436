/* trainer/data/files.h: the files of a data set: which may be read, and what the headers of its images say. */
#pragma once
#include "base/arena.h"
#include "trainer/data/dataset.h"

/* Real paths of directories, each ending in "/"; NULL ends them.  Those of dir and of options' roots. */
char **files_roots(struct arena *arena, const struct dataset_options *options);

/* Whether path, called name in messages, is there and, links followed, below a root. */
MUST_CHECK bool files_check(char *const *roots, const char *path, const char *name, struct err *err);

/* Fills width and height of a split's images from their files' headers, several files at once, since the time goes into
 * waiting for the disk.  False: the first image, in the split's order, that may not or cannot be read. */
MUST_CHECK bool files_read_sizes(char *const *roots, struct data_split *split, struct err *err);
