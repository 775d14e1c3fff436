/* trainer/model/layers.c: see layers.h. */
#include "trainer/model/layers.h"

#include <stdarg.h>
#include <stdio.h>

struct linear linear_add(struct params *params, int in, int out, enum init weight, enum init bias, const char *name)
{
    struct linear linear;

    linear.weight = params_add(params, weight, DIMS(out, in), "%s.weight", name);
    linear.bias = params_add(params, bias, DIMS(out), "%s.bias", name);
    return linear;
}

struct norm norm_add(struct params *params, int width, const char *name)
{
    struct norm norm;

    norm.weight = params_add(params, INIT_ONE, DIMS(width), "%s.weight", name);
    norm.bias = params_add(params, INIT_ZERO, DIMS(width), "%s.bias", name);
    return norm;
}

struct mlp mlp_add(struct params *params, const int *widths, int count, enum init weight, enum init last_weight,
                   enum init last_bias, const char *name)
{
    struct mlp mlp = {.count = count};
    char layer[160];

    for (int i = 0; i < count; i++) {
        bool last = i == count - 1;

        (void)snprintf(layer, sizeof layer, "%s.layers.%d", name, i);
        mlp.layers[i] = linear_add(params, widths[i], widths[i + 1], last ? last_weight : weight,
                                   last ? last_bias : INIT_FAN_IN_BIAS, layer);
    }
    return mlp;
}

struct tensor *linear_forward(const struct linear *linear, struct tensor *x)
{
    return tensor_linear(x, linear->weight, linear->bias);
}

struct tensor *norm_forward(const struct norm *norm, struct tensor *x, double eps)
{
    return tensor_layer_norm(x, norm->weight, norm->bias, eps);
}

struct tensor *norm_forward_channels(const struct norm *norm, struct tensor *x, double eps)
{
    x = norm_forward(norm, tensor_permute(x, DIMS(0, 2, 3, 1)), eps);
    return tensor_permute(x, DIMS(0, 3, 1, 2));
}

struct tensor *mlp_forward(const struct mlp *mlp, struct tensor *x)
{
    for (int i = 0; i < mlp->count; i++) {
        x = linear_forward(&mlp->layers[i], x);
        if (i < mlp->count - 1)
            x = tensor_relu(x);
    }
    return x;
}

static struct tensor *split_heads(struct tensor *x, int heads) /* [B, T, width] → [B, heads, T, width/heads] */
{
    x = tensor_reshape(x, DIMS(tensor_size(x, 0), tensor_size(x, 1), heads, tensor_size(x, 2) / heads));
    return tensor_transpose(x, 1, 2);
}

struct tensor *attention_forward(struct tensor *q, struct tensor *k, struct tensor *v, int heads)
{
    struct tensor *out = tensor_sdpa(split_heads(q, heads), split_heads(k, heads), split_heads(v, heads));

    return tensor_flatten(tensor_transpose(out, 1, 2), 2, 3);
}

void probe_point(const struct probe *probe, struct tensor *value, const char *point_fmt, ...)
{
    char point[64];
    va_list args;

    if (!probe->seen)
        return;
    va_start(args, point_fmt);
    (void)vsnprintf(point, sizeof point, point_fmt, args);
    va_end(args);
    probe->seen(probe->user, point, value);
}
