/* tests/parity/rows.h: long tensors summed up as the fixtures do: one row a parameter with its norm, its first eight
 * values and its dot product with the probe, u of "probe.NAME" of the fill formula, which sees every element. */
#pragma once
#include "tests/parity/fixture.h"

enum { ROWS_HEAD = 8 };

struct rows {
    size_t count;
    const char **names; /* borrowed from the fixture */
    double *norm, *dot, *head /* [count · ROWS_HEAD] */;
    const char *salt;
};

/* Rows for the list of names that a JSON array holds; lives as long as fixture. */
struct rows rows_new(struct fixture *fixture, json_t *names, const char *salt);

/* Sums up the i-th row: values − start, in float32; start may be NULL. */
void rows_put(struct rows *rows, size_t i, const float *values, const float *start, size_t count);

/* Compares with the fixture's STEM.norm, STEM.dot and STEM.head, by the tolerances of tol.STEM.…; rows_compare_head:
 * with the last alone. */
bool rows_compare(const struct rows *rows, struct fixture *fixture, const char *stem);
bool rows_compare_head(const struct rows *rows, struct fixture *fixture, const char *stem);
