/* tests/parity/training.h: rates and changed parameters against a fixture's rows. */
#pragma once
#include "tests/parity/rows.h"
#include "trainer/optim/optim.h"

/* A job spec for the model of that name with every default. */
struct job_spec training_spec(const char *model);

/* Compares rates and weight decays with the arrays lr and weight_decay, which are exact. */
bool training_compare_rates(const struct job_spec *spec, const struct rows *rows, struct fixture *fixture);

/* Compares tensors, one a row, minus their fill with the fixture's STEM.norm, .dot and .head. */
bool training_compare_change(struct rows *rows, struct fixture *fixture, const char *stem,
                             struct tensor *const *tensors);

/* Compares the tensors themselves (NULL: zeros): all three, or the head alone. */
bool training_compare(struct rows *rows, struct fixture *fixture, const char *stem, struct tensor *const *tensors);
bool training_compare_head(struct rows *rows, struct fixture *fixture, const char *stem, struct tensor *const *tensors);
