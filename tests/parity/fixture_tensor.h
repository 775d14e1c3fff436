/* tests/parity/fixture_tensor.h: fixtures and the fill formula as tensors, for tests that link libtorch. */
#pragma once
#include "tests/parity/fill.h"
#include "tests/parity/fixture.h"

#include <stdlib.h>

/* The fixture's tensor on the CPU, in the open scope. */
static inline struct tensor *fixture_tensor(const struct st_tensor *from)
{
    return tensor_from_data(from->data, from->dims, from->ndim, from->dtype, TENSOR_CPU);
}

/* The formula's values, float32 on the CPU, in the open scope. */
static inline struct tensor *fill_tensor(const char *salt, const char *name, const int64_t *dims, int n)
{
    float *values = malloc(fill_count(dims, n) * sizeof *values + 1);
    struct tensor *tensor;

    fill_values(salt, name, dims, n, values);
    tensor = tensor_from_data(values, dims, n, TENSOR_F32, TENSOR_CPU);
    free(values);
    return tensor;
}

/* All of tensor's values (float32), in row-major order.  Free them. */
static inline float *tensor_floats(struct tensor *tensor)
{
    size_t size = (size_t)tensor_numel(tensor) * sizeof(float);
    float *values = malloc(size + 1);

    (void)tensor_read(tensor, values, size);
    return values;
}
