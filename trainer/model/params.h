/* trainer/model/params.h: a model's parameters as a list in state_dict order, each with the reference's key.
 * The list owns its tensors; layers hold borrowed handles to them.  Training thread only. */
#pragma once
#include "trainer/tensor/tensor.h"

struct params; /* opaque */

/* How a parameter starts.  Source: rfdetr 1.11.2, `models/lwdetr.py`, `models/transformer.py`, `models/ops/modules`,
 * and torch's own module defaults. */
enum init {
    INIT_ZERO,
    INIT_ONE,
    INIT_TRUNC_NORMAL, /* N(0, 0.02), cut at ±2 */
    INIT_NORMAL,       /* N(0, 1) */
    INIT_XAVIER,       /* uniform ±√(6 / (fan_in + fan_out)), of a matrix */
    INIT_FAN_IN,       /* uniform ±1/√fan_in, of a weight */
    INIT_FAN_IN_BIAS,  /* the same for the bias that follows such a weight, whatever the weight's own start */
    INIT_PRIOR,        /* −log((1 − 0.01) / 0.01): a class score of 0.01 */
    INIT_OFFSETS       /* directions of deformable attention's heads, [heads · points · 2] */
};

struct param {
    char *name;
    struct tensor *value; /* float32 */
    enum init init;
    int heads, points; /* of INIT_OFFSETS */
};

struct params *params_new(int device);
void params_free(struct params *params);

int params_count(const struct params *params);
const struct param *params_at(const struct params *params, int index);
/* NULL when there is none of that name. */
const struct param *params_find(const struct params *params, const char *name);
int64_t params_elements(const struct params *params);

/* Appends a float32 parameter of zeros and returns its tensor (borrowed). */
PRINTF(5, 6)
struct tensor *params_add(struct params *params, enum init init, const int64_t *dims, int n, const char *name_fmt, ...);
/* The same for sampling offsets. */
PRINTF(4, 5)
struct tensor *params_add_offsets(struct params *params, int heads, int points, const char *name_fmt, ...);

/* Gives every parameter its random start, from the generator of tensor_seed. */
MUST_CHECK bool params_init(struct params *params, struct err *err);
/* Copies the start of `from` to `to` (both exist). */
void params_copy_start(struct params *params, const char *to, const char *from);
/* Copies all values of another list of the same keys and shapes. */
MUST_CHECK bool params_copy(struct params *to, const struct params *from, struct err *err);
