/* trainer/data/sampler.h: which images an epoch of training shows, in which order.  Source: rf-detr 5.7.
 * Sets of fewer than five effective batches are drawn from with replacement until there are five; larger ones are
 * filled up to whole effective batches with images that are the same in every epoch, and shuffled. */
#pragma once
#include <stdint.h>

/* Positions in an epoch of training, for an effective batch of batch_size · grad_accum_steps. */
int64_t sampler_length(int64_t images, int64_t effective_batch);

/* Writes the image of each of an epoch's sampler_length positions: a function of (seed, epoch) and the sizes. */
void sampler_fill(int64_t images, int64_t effective_batch, int64_t seed, int64_t epoch, int64_t *order);
