/* tests/parity/losses.h: matches and loss terms against those of a fixture. */
#pragma once
#include "tests/parity/fixture.h"
#include "trainer/model/criterion.h"

#include <stdbool.h>

/* What the reference appends to the names of the i-th of n sets: "", "_0" …, "_enc".  Writes text and returns it. */
enum { LOSSES_SUFFIX_SIZE = 16 };
char *losses_suffix(int i, int n, char text[LOSSES_SUFFIX_SIZE]);

/* Matches every set and compares with the fixture's tensors prefix + "match" + suffix + "." + image.  Targets that are
 * the same box and class may change places. */
bool losses_compare_matches(struct fixture *fixture, const char *prefix, const struct output_set *sets, int n,
                            const struct image_targets *targets, int images, int groups);

/* Compares every term with the number of its name in terms; a name that we do not have is a fault.  The tolerance is
 * tolerances' of that name, or all, when tolerances is NULL. */
bool losses_compare_terms(const char *what, const struct loss_values *values, int n, json_t *terms, json_t *tolerances,
                          double all);
