/* trainer/data/sampler.c: see sampler.h. */
#include "trainer/data/sampler.h"

#include "trainer/data/rng.h"

#include <stdbool.h>

enum { LEAST_BATCHES = 5 };

/* The second key of the generators; those of images have their position there, which is not negative. */
enum { FOR_ORDER = -1, FOR_PADDING = -2 };

static bool is_small(int64_t images, int64_t effective_batch)
{
    return images < LEAST_BATCHES * effective_batch;
}

int64_t sampler_length(int64_t images, int64_t effective_batch)
{
    if (is_small(images, effective_batch))
        return LEAST_BATCHES * effective_batch;
    return (images + effective_batch - 1) / effective_batch * effective_batch;
}

void sampler_fill(int64_t images, int64_t effective_batch, int64_t seed, int64_t epoch, int64_t *order)
{
    int64_t length = sampler_length(images, effective_batch);
    struct rng rng = rng_for(seed, epoch, FOR_ORDER), padding = rng_for(0, 0, FOR_PADDING);
    bool small = is_small(images, effective_batch);

    for (int64_t i = 0; i < length; i++) {
        if (small)
            order[i] = rng_below(&rng, images);
        else
            order[i] = i < images ? i : rng_below(&padding, images);
    }
    for (int64_t i = length - 1; i > 0 && !small; i--) {
        int64_t other = rng_below(&rng, i + 1), held = order[i];

        order[i] = order[other];
        order[other] = held;
    }
}
