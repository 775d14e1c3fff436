/* trainer/kernels/ms_deform_attn_ref.c: the plain meaning of multi-scale deformable attention. */
#include "trainer/kernels/ms_deform_attn.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* One point of one head of one query, and the token its level begins with. */
struct sample {
    struct ms_deform_level level;
    int64_t row;   /* of [batch, queries, heads] */
    int64_t index; /* of [batch, queries, heads, levels, points] */
    int64_t base;  /* of value: image's and head's first channel at token 0 */
};

typedef void (*sample_visitor)(const struct ms_deform_shape *shape, const struct sample *sample, void *context);

static void visit_samples(const struct ms_deform_shape *shape, sample_visitor visit, void *context)
{
    struct sample sample = {.index = 0};
    int64_t rows = (int64_t)shape->batch * shape->queries * shape->heads;

    for (sample.row = 0; sample.row < rows; sample.row++) {
        int64_t image = sample.row / shape->heads / shape->queries, head = sample.row % shape->heads;

        sample.base = (image * shape->tokens * shape->heads + head) * shape->width;
        for (int l = 0; l < shape->levels; l++) {
            sample.level = shape->level[l];
            for (int p = 0; p < shape->points; p++, sample.index++)
                visit(shape, &sample, context);
        }
    }
}

/* Where value holds channel 0 of a pixel, or -1 outside the map. */
static int64_t place(const struct ms_deform_shape *shape, const struct sample *sample, double column, double row)
{
    if (column < 0 || row < 0 || column >= sample->level.width || row >= sample->level.height)
        return -1;
    return sample->base +
           (sample->level.first + (int64_t)row * sample->level.width + (int64_t)column) * shape->heads * shape->width;
}

/* The four pixels around a location: pixel i's centre lies at (i + 0.5) / size. */
struct corner {
    int64_t place;             /* -1: outside, reads as 0 */
    double weight, by_x, by_y; /* and how it changes with the location */
};

static void find_corners(const struct ms_deform_shape *shape, const struct sample *sample, const float location[2],
                         struct corner corners[4])
{
    double x = (double)location[0] * sample->level.width - 0.5, y = (double)location[1] * sample->level.height - 0.5;
    double left = floor(x), top = floor(y);

    for (int i = 0; i < 4; i++) {
        bool right = i % 2, bottom = i / 2;
        double across = right ? x - left : 1 - (x - left), down = bottom ? y - top : 1 - (y - top);

        corners[i] = (struct corner){
            .place = place(shape, sample, left + right, top + bottom),
            .weight = across * down,
            .by_x = (right ? down : -down) * sample->level.width,
            .by_y = (bottom ? across : -across) * sample->level.height,
        };
    }
}

struct forward {
    const struct ms_deform_input *in;
    float *out;
};

static void forward_sample(const struct ms_deform_shape *shape, const struct sample *sample, void *context)
{
    const struct forward *to = context;
    float *out = to->out + sample->row * shape->width;
    struct corner corners[4];

    find_corners(shape, sample, to->in->location + 2 * sample->index, corners);
    for (int c = 0; c < shape->width; c++) {
        double sum = 0;

        for (int i = 0; i < 4; i++)
            if (corners[i].place >= 0)
                sum += corners[i].weight * (double)to->in->value[corners[i].place + c];
        out[c] = (float)((double)out[c] + sum * (double)to->in->weight[sample->index]);
    }
}

void ms_deform_attn_forward_ref(const struct ms_deform_shape *shape, const struct ms_deform_input *in, float *out)
{
    struct forward to = {in, out};

    memset(out, 0, (size_t)shape->batch * (size_t)shape->queries * (size_t)(shape->heads * shape->width) * sizeof *out);
    visit_samples(shape, forward_sample, &to);
}

struct backward {
    const struct ms_deform_input *in;
    const float *grad_out;
    const struct ms_deform_grad *grad;
};

static void backward_sample(const struct ms_deform_shape *shape, const struct sample *sample, void *context)
{
    const struct backward *to = context;
    const float *grad_out = to->grad_out + sample->row * shape->width;
    double weight = (double)to->in->weight[sample->index], by_weight = 0, by_x = 0, by_y = 0;
    struct corner corners[4];

    find_corners(shape, sample, to->in->location + 2 * sample->index, corners);
    for (int i = 0; i < 4; i++) {
        if (corners[i].place < 0)
            continue;
        for (int c = 0; c < shape->width; c++) {
            double value = (double)to->in->value[corners[i].place + c], grad = (double)grad_out[c];

            by_weight += grad * value * corners[i].weight;
            by_x += grad * value * corners[i].by_x * weight;
            by_y += grad * value * corners[i].by_y * weight;
            to->grad->value[corners[i].place + c] += (float)(grad * weight * corners[i].weight);
        }
    }
    to->grad->weight[sample->index] = (float)by_weight;
    to->grad->location[2 * sample->index] = (float)by_x;
    to->grad->location[2 * sample->index + 1] = (float)by_y;
}

void ms_deform_attn_backward_ref(const struct ms_deform_shape *shape, const struct ms_deform_input *in,
                                 const float *grad_out, const struct ms_deform_grad *grad)
{
    struct backward to = {in, grad_out, grad};

    memset(grad->value, 0,
           (size_t)shape->batch * (size_t)shape->tokens * (size_t)(shape->heads * shape->width) * sizeof *grad->value);
    visit_samples(shape, backward_sample, &to);
}
