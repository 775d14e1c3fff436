/* trainer/data/image/resize.c: see resize.h.  Each output pixel is a weighted mean of the input pixels within one
 * (scaled) pixel of its centre.  Weights are integers of 22 bits, so the result does not depend on the order of
 * summing. */
#include "trainer/data/image/resize.h"

#include "base/arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 22 }; /* 32, less 8 of the pixel and 2 for sums beyond 1: Pillow's choice */

/* What the outputs of one axis are made of. */
struct taps {
    int most;         /* inputs to an output */
    int *first;       /* [outputs] */
    int *count;       /* [outputs] */
    int32_t *weights; /* [outputs, most] */
};

static double triangle(double x)
{
    return fabs(x) < 1 ? 1 - fabs(x) : 0;
}

static void make_weights(struct taps *taps, int out, double centre, double scale)
{
    int32_t *weights = taps->weights + (size_t)out * (size_t)taps->most;
    double sum = 0;

    for (int i = 0; i < taps->count[out]; i++)
        sum += triangle((taps->first[out] + i - centre + 0.5) / scale);
    for (int i = 0; i < taps->count[out]; i++)
        weights[i] = (int32_t)(triangle((taps->first[out] + i - centre + 0.5) / scale) / sum * (1 << BITS) + 0.5);
}

static struct taps make_taps(int inputs, int outputs)
{
    double step = (double)inputs / outputs, scale = fmax(step, 1);
    struct taps taps = {.most = 2 * (int)ceil(scale) + 1};

    taps.first = xcalloc((size_t)outputs, sizeof(*taps.first));
    taps.count = xcalloc((size_t)outputs, sizeof(*taps.count));
    taps.weights = xcalloc((size_t)outputs * (size_t)taps.most, sizeof(*taps.weights));
    for (int out = 0; out < outputs; out++) {
        double centre = (out + 0.5) * step;
        int first = (int)fmax(centre - scale + 0.5, 0), end = (int)fmin(centre + scale + 0.5, inputs);

        taps.first[out] = first;
        taps.count[out] = end - first;
        make_weights(&taps, out, centre, scale);
    }
    return taps;
}

static void free_taps(struct taps *taps)
{
    free(taps->first);
    free(taps->count);
    free(taps->weights);
}

/* Weights are not negative and their sum is 1 but for rounding, so no result is above 255.5. */
static uint8_t to_byte(int32_t sum)
{
    int32_t value = sum >> BITS;

    return (uint8_t)(value < 255 ? value : 255);
}

static void across(const struct image *from, int width, struct image *to)
{
    struct taps taps = make_taps(from->width, width);

    image_resize_room(to, width, from->height);
    for (int y = 0; y < from->height; y++) {
        const uint8_t *row = from->pixels + (size_t)y * (size_t)from->width * 3;
        uint8_t *out = to->pixels + (size_t)y * (size_t)width * 3;

        for (int x = 0; x < width; x++, out += 3) {
            const uint8_t *in = row + (size_t)taps.first[x] * 3;
            const int32_t *weights = taps.weights + (size_t)x * (size_t)taps.most;
            int32_t r = 1 << (BITS - 1), g = r, b = r;

            for (int i = 0; i < taps.count[x]; i++, in += 3) {
                r += in[0] * weights[i];
                g += in[1] * weights[i];
                b += in[2] * weights[i];
            }
            out[0] = to_byte(r);
            out[1] = to_byte(g);
            out[2] = to_byte(b);
        }
    }
    free_taps(&taps);
}

static void down(const struct image *from, int height, struct image *to)
{
    struct taps taps = make_taps(from->height, height);
    size_t stride = (size_t)from->width * 3;
    int32_t *sums = xcalloc(stride, sizeof(*sums));

    image_resize_room(to, from->width, height);
    for (int y = 0; y < height; y++) {
        const int32_t *weights = taps.weights + (size_t)y * (size_t)taps.most;
        uint8_t *out = to->pixels + (size_t)y * stride;

        for (size_t x = 0; x < stride; x++)
            sums[x] = 1 << (BITS - 1);
        for (int i = 0; i < taps.count[y]; i++) {
            const uint8_t *row = from->pixels + (size_t)(taps.first[y] + i) * stride;

            for (size_t x = 0; x < stride; x++)
                sums[x] += row[x] * weights[i];
        }
        for (size_t x = 0; x < stride; x++)
            out[x] = to_byte(sums[x]);
    }
    free(sums);
    free_taps(&taps);
}

void image_resize(const struct image *from, int width, int height, struct image *to, struct image *between)
{
    if (from->height == height && from->width != width) {
        across(from, width, to);
    } else if (from->width != width) {
        across(from, width, between);
        down(between, height, to);
    } else if (from->height != height) {
        down(from, height, to);
    } else {
        image_crop(from, 0, 0, width, height, to);
    }
}

void image_crop(const struct image *from, int left, int top, int width, int height, struct image *to)
{
    size_t stride = (size_t)from->width * 3, line = (size_t)width * 3;
    const uint8_t *start = from->pixels + (size_t)top * stride + (size_t)left * 3;

    image_resize_room(to, width, height);
    for (size_t y = 0; y < (size_t)height; y++)
        memcpy(to->pixels + y * line, start + y * stride, line);
}

void image_flip(struct image *image)
{
    for (int y = 0; y < image->height; y++) {
        uint8_t *left = image->pixels + (size_t)y * (size_t)image->width * 3;
        uint8_t *right = left + (size_t)(image->width - 1) * 3;

        for (; left < right; left += 3, right -= 3)
            for (int c = 0; c < 3; c++) {
                uint8_t held = left[c];

                left[c] = right[c];
                right[c] = held;
            }
    }
}
