/* trainer/data/rng.h: splitmix64: a generator whose state is one number, so that each image can have its own. */
#pragma once
#include <stdint.h>

struct rng {
    uint64_t state;
};

/* A generator for one (seed, a, b), unlike that of any neighbour. */
struct rng rng_for(int64_t seed, int64_t a, int64_t b);

uint64_t rng_next(struct rng *rng);

/* 0 … n - 1: ((next >> 32) · n) >> 32 */
int64_t rng_below(struct rng *rng, int64_t n);

/* low … high */
int64_t rng_between(struct rng *rng, int64_t low, int64_t high);
