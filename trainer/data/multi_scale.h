/* trainer/data/multi_scale.h: the sizes of multi-scale training.  Source: rf-detr 7.4. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { MULTI_SCALE_MAX = 11 };

struct multi_scale_sizes {
    int count, size[MULTI_SCALE_MAX]; /* px, ascending */
};

/* The sizes around resolution (px), all multiples of block = patch_size · num_windows: 5 below to 5 above when
 * expanded, else 3 below to 4 above; those below two blocks are left out. */
struct multi_scale_sizes multi_scale_sizes(int resolution, int block, bool expanded);

/* The size of an optimiser step (from 0): Python's random.Random(step).choice(sizes). */
int multi_scale_choose(const struct multi_scale_sizes *sizes, int64_t step);
