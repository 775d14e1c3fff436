/* trainer/kernels/ms_deform_attn_thread.h: what one GPU thread of ms_deform_attn.cu does.
 *
 * The kernels are nothing but calls of msda_*_thread with their block and thread number, and no thread looks at
 * another's memory, so a CPU that walks through all blocks and threads executes the same arithmetic and the same
 * indexes: that is how tests/kernels/ runs this file where there is no GPU, under the address sanitizer too. */
#pragma once
#include "trainer/kernels/ms_deform_attn.h"

#include <math.h>
#include <stdbool.h>

#ifdef __CUDACC__
#define MSDA_FN __host__ __device__ static inline
#else
#define MSDA_FN static inline
#endif

enum { MSDA_BLOCK = 256 /* threads */ };

/* Threads of each kernel: one for an output's channel, and one for a sampling point. */
MSDA_FN int64_t msda_channels(const struct ms_deform_shape *shape)
{
    return (int64_t)shape->batch * shape->queries * shape->heads * shape->width;
}

MSDA_FN int64_t msda_samples(const struct ms_deform_shape *shape)
{
    return (int64_t)shape->batch * shape->queries * shape->heads * shape->levels * shape->points;
}

MSDA_FN int64_t msda_blocks(int64_t threads)
{
    return (threads + MSDA_BLOCK - 1) / MSDA_BLOCK;
}

/* Adds where many threads may. */
MSDA_FN void msda_add(float *to, float value)
{
#ifdef __CUDA_ARCH__
    atomicAdd(to, value);
#else
    *to += value;
#endif
}

/* A location in pixels, and the pixel at its upper left. */
struct msda_point {
    float x, y;
    int left, top;
    bool near; /* to the map; else no pixel of it is read */
};

MSDA_FN struct msda_point msda_find_point(const struct ms_deform_level *level, const float *location)
{
    struct msda_point point = {location[0] * (float)level->width - 0.5f, location[1] * (float)level->height - 0.5f, 0,
                               0, false};

    /* Also keeps NaN and what no int can hold away from the conversions. */
    if (!(point.x >= -1 && point.y >= -1 && point.x < (float)level->width && point.y < (float)level->height))
        return point;
    point.left = (int)floorf(point.x);
    point.top = (int)floorf(point.y);
    point.near = true;
    return point;
}

/* One of the four pixels around a point, its share, and how that changes with the location. */
struct msda_corner {
    int64_t token; /* -1: outside the map */
    float share, by_x, by_y;
};

MSDA_FN struct msda_corner msda_find_corner(const struct ms_deform_level *level, const struct msda_point *point, int k)
{
    int right = k & 1, bottom = k >> 1, column = point->left + right, row = point->top + bottom;
    float x = point->x - (float)point->left, y = point->y - (float)point->top;
    float across = right ? x : 1 - x, down = bottom ? y : 1 - y;
    bool inside = point->near && column >= 0 && row >= 0 && column < level->width && row < level->height;
    struct msda_corner corner = {inside ? level->first + (int64_t)row * level->width + column : -1, across * down,
                                 (right ? down : -down) * (float)level->width,
                                 (bottom ? across : -across) * (float)level->height};

    return corner;
}

/* Index of channel 0 in value, for row of [batch, queries, heads]. */
MSDA_FN int64_t msda_place(const struct ms_deform_shape *shape, int64_t row, int64_t token)
{
    int64_t image = row / ((int64_t)shape->heads * shape->queries), head = row % shape->heads;

    return ((image * shape->tokens + token) * shape->heads + head) * shape->width;
}

/* A thread for each channel of out. */
MSDA_FN void msda_forward_thread(const struct ms_deform_shape *shape, const struct ms_deform_input *in, float *out,
                                 int64_t block, int thread)
{
    int64_t i = block * MSDA_BLOCK + thread, row = i / shape->width, channel = i % shape->width;
    int64_t sample = row * shape->levels * shape->points;
    float sum = 0;

    if (i >= msda_channels(shape))
        return;
    for (int l = 0; l < shape->levels; l++) {
        for (int p = 0; p < shape->points; p++, sample++) {
            struct msda_point point = msda_find_point(&shape->level[l], in->location + 2 * sample);
            float read = 0;

            for (int k = 0; k < 4; k++) {
                struct msda_corner corner = msda_find_corner(&shape->level[l], &point, k);

                if (corner.token >= 0)
                    read += corner.share * in->value[msda_place(shape, row, corner.token) + channel];
            }
            sum += in->weight[sample] * read;
        }
    }
    out[i] = sum;
}

/* A thread for each channel of grad_out adds to the gradient of what it read.  grad_value begins at 0. */
MSDA_FN void msda_backward_value_thread(const struct ms_deform_shape *shape, const struct ms_deform_input *in,
                                        const float *grad_out, float *grad_value, int64_t block, int thread)
{
    int64_t i = block * MSDA_BLOCK + thread, row = i / shape->width, channel = i % shape->width;
    int64_t sample = row * shape->levels * shape->points;

    if (i >= msda_channels(shape))
        return;
    for (int l = 0; l < shape->levels; l++) {
        for (int p = 0; p < shape->points; p++, sample++) {
            struct msda_point point = msda_find_point(&shape->level[l], in->location + 2 * sample);
            float grad = grad_out[i] * in->weight[sample];

            for (int k = 0; k < 4; k++) {
                struct msda_corner corner = msda_find_corner(&shape->level[l], &point, k);

                if (corner.token >= 0)
                    msda_add(&grad_value[msda_place(shape, row, corner.token) + channel], grad * corner.share);
            }
        }
    }
}

/* A thread for each sampling point sums over the channels, so that location and weight need no atomics. */
MSDA_FN void msda_backward_sample_thread(const struct ms_deform_shape *shape, const struct ms_deform_input *in,
                                         const float *grad_out, const struct ms_deform_grad *grad, int64_t block,
                                         int thread)
{
    int64_t i = block * MSDA_BLOCK + thread, row = i / (shape->levels * shape->points);
    const struct ms_deform_level *level = &shape->level[i / shape->points % shape->levels];
    const float *grad_row;
    struct msda_point point;
    float by_weight = 0, by_x = 0, by_y = 0;

    if (i >= msda_samples(shape))
        return;
    grad_row = grad_out + row * shape->width;
    point = msda_find_point(level, in->location + 2 * i);
    for (int k = 0; k < 4; k++) {
        struct msda_corner corner = msda_find_corner(level, &point, k);
        const float *value;
        float dot = 0;

        if (corner.token < 0)
            continue;
        value = in->value + msda_place(shape, row, corner.token);
        for (int c = 0; c < shape->width; c++)
            dot += grad_row[c] * value[c];
        by_weight += dot * corner.share;
        by_x += dot * corner.by_x;
        by_y += dot * corner.by_y;
    }
    grad->weight[i] = by_weight;
    grad->location[2 * i] = by_x * in->weight[i];
    grad->location[2 * i + 1] = by_y * in->weight[i];
}
