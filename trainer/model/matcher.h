/* trainer/model/matcher.h: which prediction answers for which object.
 *
 * The queries are cut into `groups` equal parts; each image × group is one assignment problem of its own, solved
 * exactly on the host, so an object has up to `groups` matches.  Cost of query i and object j, in float32 and without
 * gradient: 5·‖b_i − b_j‖₁ + 2·class(x_i at the object's class) − 2·GIoU class(x) = 0.25 (1 − σ(x))²·(−log σ(x)) − 0.75
 * σ(x)²·(−log σ(−x)) Costs that are not finite count as the largest finite one of the set plus the largest magnitude
 * plus 1. Source: rfdetr 1.11.2 `models/matcher.py`. */
#pragma once
#include "trainer/tensor/tensor.h"

struct image_targets { /* what is to be found in one image */
    int count;
    const float (*boxes)[4]; /* [count]: cx cy w h in 0..1 */
    const int64_t *labels;   /* [count]: 0 … C - 1 */
};

struct output_set {        /* one layer's predictions */
    struct tensor *logits; /* [B, N, C] float32 */
    struct tensor *boxes;  /* [B, N, 4] float32: cx cy w h in 0..1 */
};

struct matches { /* image after image; within an image by group, then by query */
    int64_t count;
    int64_t *images, *queries, *targets; /* [count]; a target's number counts within its image */
};

/* Matches a set with the targets of its B images.  N must be a multiple of groups.  False after a tensor failure (which
 * sticks): matches is empty then.  Clear matches in either case. */
MUST_CHECK bool matcher_match(const struct output_set *set, const struct image_targets *targets, int groups,
                              struct matches *matches);
void matches_clear(struct matches *matches);
