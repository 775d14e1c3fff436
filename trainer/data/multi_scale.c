/* trainer/data/multi_scale.c: see multi_scale.h.  Python's generator is MT19937 (Matsumoto and Nishimura, 1998), seeded
 * by its "init by array" with the seed's 32-bit words. */
#include "trainer/data/multi_scale.h"

#include <stddef.h>

enum { WORDS = 624, MIDDLE = 397 };

struct twister {
    uint32_t state[WORDS];
    int used;
};

static void seed_word(struct twister *twister, uint32_t seed)
{
    twister->state[0] = seed;
    for (uint32_t i = 1; i < WORDS; i++) {
        uint32_t last = twister->state[i - 1];

        twister->state[i] = 1812433253u * (last ^ last >> 30) + i;
    }
    twister->used = WORDS;
}

/* One step of the seeding's mixing: word i takes in its neighbour. */
static void mix(struct twister *twister, uint32_t *i, uint32_t factor, uint32_t add)
{
    uint32_t *state = twister->state, last = state[*i - 1];

    state[*i] = (state[*i] ^ (last ^ last >> 30) * factor) + add;
    if (++*i == WORDS) {
        state[0] = state[WORDS - 1];
        *i = 1;
    }
}

static void seed_array(struct twister *twister, uint64_t seed)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t length = key[1] ? 2 : 1, i = 1;

    seed_word(twister, 19650218);
    for (uint32_t k = 0; k < WORDS; k++)
        mix(twister, &i, 1664525, key[k % length] + k % length);
    for (uint32_t k = 1; k < WORDS; k++)
        mix(twister, &i, 1566083941, -i);
    twister->state[0] = 0x80000000;
}

static void refill(struct twister *twister)
{
    uint32_t *state = twister->state;

    for (int i = 0; i < WORDS; i++) {
        uint32_t word = (state[i] & 0x80000000) | (state[(i + 1) % WORDS] & 0x7fffffff);

        state[i] = state[(i + MIDDLE) % WORDS] ^ word >> 1 ^ (word & 1 ? 0x9908b0df : 0);
    }
    twister->used = 0;
}

static uint32_t next(struct twister *twister)
{
    uint32_t y;

    if (twister->used == WORDS)
        refill(twister);
    y = twister->state[twister->used++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680;
    y ^= y << 15 & 0xefc60000;
    return y ^ y >> 18;
}

struct multi_scale_sizes multi_scale_sizes(int resolution, int block, bool expanded)
{
    struct multi_scale_sizes sizes = {0};

    for (int offset = expanded ? -5 : -3; offset <= (expanded ? 5 : 4); offset++)
        if (resolution / block + offset >= 2)
            sizes.size[sizes.count++] = (resolution / block + offset) * block;
    return sizes;
}

/* Draws as many bits as the count has, again while they are not below it. */
int multi_scale_choose(const struct multi_scale_sizes *sizes, int64_t step)
{
    struct twister twister;
    int bits = 0;
    uint32_t drawn;

    while (sizes->count >> bits)
        bits++;
    seed_array(&twister, (uint64_t)step);
    do
        drawn = next(&twister) >> (32 - bits);
    while (drawn >= (uint32_t)sizes->count);
    return sizes->size[drawn];
}
