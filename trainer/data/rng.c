/* trainer/data/rng.c: see rng.h.  Source of the constants: Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014. */
#include "trainer/data/rng.h"

uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

struct rng rng_for(int64_t seed, int64_t a, int64_t b)
{
    struct rng rng = {(uint64_t)seed};

    rng.state = rng_next(&rng) + (uint64_t)a;
    rng.state = rng_next(&rng) + (uint64_t)b;
    rng.state = rng_next(&rng);
    return rng;
}

int64_t rng_below(struct rng *rng, int64_t n)
{
    return (int64_t)(((rng_next(rng) >> 32) * (uint64_t)n) >> 32);
}

int64_t rng_between(struct rng *rng, int64_t low, int64_t high)
{
    return low + rng_below(rng, high - low + 1);
}
