/* tests/parity/fill.h: the formula that gives parameters, images and probes their values on both sides of a parity
 * test. A value is a function of the fixture's salt, the tensor's name and the index: FNV-1a of "salt|name" seeds
 * splitmix64, its top 24 bits give u in [-1, 1), and the value is base + scale · u, both chosen by name and shape. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Elements of dims, 1 for n = 0. */
size_t fill_count(const int64_t *dims, int n);

/* Puts u of name into to[count]: multiples of 2^-23, exact in float32. */
void fill_unit(const char *salt, const char *name, size_t count, float *to);

/* Puts the values of the parameter or image of that name into to, row-major. */
void fill_values(const char *salt, const char *name, const int64_t *dims, int n, float *to);

/* The FNV-1a hash that is the seed; for the test vectors. */
uint64_t fill_seed(const char *salt, const char *name);
