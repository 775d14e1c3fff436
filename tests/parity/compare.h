/* tests/parity/compare.h: values against the reference's within a tolerance.
 * Each call prints one line with the largest distance as a share of its tolerance, and where; it returns whether
 * everything lies within (a NaN never does), so that a test sees all faults before it fails:
 *     bool ok = true;
 *     ok &= compare_doubles("pred_boxes", got, want, count, tolerance);
 *     ck_assert(ok); */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool compare_doubles(const char *what, const double *got, const double *want, size_t count, double tolerance);
bool compare_floats(const char *what, const float *got, const float *want, size_t count, double tolerance);
bool compare_ints(const char *what, const int64_t *got, const int64_t *want, size_t count);
bool compare_number(const char *what, double got, double want, double tolerance);

/* rows × width values; each row has its own tolerance and a name to be told by. */
bool compare_rows(const char *what, const char *const *names, const double *got, const double *want,
                  const double *tolerances, size_t rows, size_t width);
