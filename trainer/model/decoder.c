/* trainer/model/decoder.c: see decoder.h. */
#include "trainer/model/decoder.h"

#include "base/arena.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double eps = 1e-5;

static void layer_add(struct decoder_layer *layer, const struct variant *variant, struct params *params, int index)
{
    int width = variant->hidden_dim, heads = variant->ca_nheads, points = variant->dec_n_points;
    char name[128];
#define NAME(suffix) (snprintf(name, sizeof name, "transformer.decoder.layers.%d." suffix, index), name)

    layer->in_proj_weight =
        params_add(params, INIT_XAVIER, DIMS(3 * width, width), "%s", NAME("self_attn.in_proj_weight"));
    layer->in_proj_bias = params_add(params, INIT_ZERO, DIMS(3 * width), "%s", NAME("self_attn.in_proj_bias"));
    layer->out_proj = linear_add(params, width, width, INIT_XAVIER, INIT_ZERO, NAME("self_attn.out_proj"));
    layer->norm1 = norm_add(params, width, NAME("norm1"));
    layer->sampling_offsets.weight = params_add(params, INIT_ZERO, DIMS(2 * heads * points, width), "%s",
                                                NAME("cross_attn.sampling_offsets.weight"));
    layer->sampling_offsets.bias =
        params_add_offsets(params, heads, points, "%s", NAME("cross_attn.sampling_offsets.bias"));
    layer->attention_weights =
        linear_add(params, width, heads * points, INIT_ZERO, INIT_ZERO, NAME("cross_attn.attention_weights"));
    layer->value_proj = linear_add(params, width, width, INIT_XAVIER, INIT_ZERO, NAME("cross_attn.value_proj"));
    layer->output_proj = linear_add(params, width, width, INIT_XAVIER, INIT_ZERO, NAME("cross_attn.output_proj"));
    layer->linear1 =
        linear_add(params, width, variant->dim_feedforward, INIT_XAVIER, INIT_FAN_IN_BIAS, NAME("linear1"));
    layer->linear2 =
        linear_add(params, variant->dim_feedforward, width, INIT_XAVIER, INIT_FAN_IN_BIAS, NAME("linear2"));
    layer->norm2 = norm_add(params, width, NAME("norm2"));
    layer->norm3 = norm_add(params, width, NAME("norm3"));
#undef NAME
}

void decoder_add(struct decoder *decoder, const struct variant *variant, struct params *params)
{
    const int widths[] = {2 * variant->hidden_dim, variant->hidden_dim, variant->hidden_dim};

    decoder->variant = variant;
    for (int i = 0; i < variant->dec_layers; i++)
        layer_add(&decoder->layers[i], variant, params, i);
    decoder->norm = norm_add(params, variant->hidden_dim, "transformer.decoder.norm");
    decoder->ref_point_head =
        mlp_add(params, widths, 2, INIT_XAVIER, INIT_XAVIER, INIT_FAN_IN_BIAS, "transformer.decoder.ref_point_head");
}

void decoder_init(const struct decoder *decoder, struct params *params)
{
    char to[96], from[96];

    for (int i = 1; i < decoder->variant->dec_layers; i++)
        for (int k = 1; k <= 2; k++) {
            (void)snprintf(to, sizeof to, "transformer.decoder.layers.%d.linear%d.bias", i, k);
            (void)snprintf(from, sizeof from, "transformer.decoder.layers.0.linear%d.bias", k);
            params_copy_start(params, to, from);
        }
}

/* 2π / 10000^(2⌊i/2⌋/n) for i = 0 … n − 1. */
static struct tensor *sine_frequencies(int n, int device)
{
    float *values = xmalloc((size_t)n * sizeof *values);
    struct tensor *frequencies;

    for (int i = 0; i < n; i++) {
        int pair = i / 2; /* a sine and a cosine share a frequency */

        values[i] = powf(10000.0F, (float)(2 * pair) / (float)n);
    }
    frequencies = tensor_from_data(values, DIMS(n), TENSOR_F32, device);
    free(values);
    return frequencies;
}

/* references [B, n, 4] → [B, n, 2D]: sine and cosine of cy, cx, w, h in turn. */
static struct tensor *sine_embedding(struct tensor *references, int width)
{
    static const int order[] = {1, 0, 2, 3};
    struct tensor *frequencies = sine_frequencies(width / 2, tensor_device_of(references)), *parts[4];

    for (int i = 0; i < 4; i++) {
        struct tensor *angle = tensor_mul_k(tensor_slice(references, -1, order[i], order[i] + 1, 1), 2 * M_PI);

        angle = tensor_div(angle, frequencies);
        parts[i] = tensor_flatten(tensor_stack(TENSORS(tensor_sin(tensor_slice(angle, -1, 0, INT64_MAX, 2)),
                                                       tensor_cos(tensor_slice(angle, -1, 1, INT64_MAX, 2))),
                                               3),
                                  2, 3);
    }
    return tensor_cat(parts, 4, -1);
}

/* x, position [B, g·Q, D]; attention inside each group. */
static struct tensor *self_attention(const struct decoder_layer *layer, struct tensor *x, struct tensor *position,
                                     int groups, int heads, const struct probe *probe)
{
    int64_t batch = tensor_size(x, 0), n = tensor_size(x, 1), width = tensor_size(x, 2);
    struct tensor *qk, *v;

    qk = tensor_linear(tensor_add(x, position), tensor_narrow(layer->in_proj_weight, 0, 0, 2 * width),
                       tensor_narrow(layer->in_proj_bias, 0, 0, 2 * width));
    v = tensor_linear(x, tensor_narrow(layer->in_proj_weight, 0, 2 * width, width),
                      tensor_narrow(layer->in_proj_bias, 0, 2 * width, width));
    qk = tensor_reshape(qk, DIMS(batch * groups, n / groups, 2 * width));
    v = tensor_reshape(v, DIMS(batch * groups, n / groups, width));
    x = attention_forward(tensor_narrow(qk, 2, 0, width), tensor_narrow(qk, 2, width, width), v, heads);
    probe_point(probe, x, "scaled_dot_product_attention");
    return linear_forward(&layer->out_proj, tensor_reshape(x, DIMS(batch, n, width)));
}

/* Deformable attention on one level: each head samples `points` places of the map near the reference box.
 * x [B, n, D], references [B, n, 4], memory [B, S, D] with S = h·w. */
static struct tensor *cross_attention(const struct decoder_layer *layer, const struct variant *variant,
                                      struct tensor *x, struct tensor *references, struct tensor *memory, int64_t h,
                                      int64_t w, const struct probe *probe, int index)
{
    int64_t batch = tensor_size(x, 0), n = tensor_size(x, 1), width = tensor_size(x, 2);
    int64_t heads = variant->ca_nheads, points = variant->dec_n_points;
    struct tensor *value, *offsets, *weights, *places,
        *reference = tensor_unsqueeze(tensor_unsqueeze(references, 2), 2);

    value = linear_forward(&layer->value_proj, memory); /* [B, S, D] → [B·heads, width/heads, h, w] */
    value = tensor_reshape(tensor_transpose(value, 1, 2), DIMS(batch * heads, width / heads, h, w));

    offsets = linear_forward(&layer->sampling_offsets, x);
    probe_point(probe, offsets, "dec.%d.sampling_offsets", index);
    offsets = tensor_reshape(offsets, DIMS(batch, n, heads, points, 2));
    weights = linear_forward(&layer->attention_weights, x);
    probe_point(probe, weights, "dec.%d.attention_weights", index);
    weights = tensor_softmax(tensor_reshape(weights, DIMS(batch, n, heads, points)), 3);
    probe_point(probe, weights, "softmax");

    places = tensor_mul(tensor_div_k(offsets, (double)points), tensor_slice(reference, -1, 2, 4, 1));
    places = tensor_add(tensor_mul_k(places, 0.5), tensor_slice(reference, -1, 0, 2, 1));
    places = tensor_add_k(tensor_mul_k(places, 2), -1); /* 0..1 → grid_sample's −1..1 */
    places = tensor_reshape(tensor_transpose(places, 1, 2), DIMS(batch * heads, n, points, 2));
    value = tensor_grid_sample(value, places); /* [B·heads, width/heads, n, points] */
    probe_point(probe, value, "grid_sample");

    weights = tensor_reshape(tensor_transpose(weights, 1, 2), DIMS(batch * heads, 1, n, points));
    x = tensor_sum(tensor_mul(value, weights), 3, false); /* [B·heads, width/heads, n] */
    x = tensor_transpose(tensor_reshape(x, DIMS(batch, width, n)), 1, 2);
    return linear_forward(&layer->output_proj, x);
}

static struct tensor *layer_forward(const struct decoder *decoder, int index, struct tensor *x, struct tensor *position,
                                    struct tensor *references, struct tensor *map, int groups,
                                    const struct probe *probe)
{
    const struct decoder_layer *layer = &decoder->layers[index];
    const struct variant *variant = decoder->variant;
    struct tensor *memory = tensor_transpose(tensor_flatten(map, 2, 3), 1, 2), *y;

    y = self_attention(layer, x, position, groups, variant->sa_nheads, probe);
    probe_point(probe, y, "dec.%d.self_attn", index);
    x = norm_forward(&layer->norm1, tensor_add(x, y), eps);
    probe_point(probe, x, "dec.%d.norm1", index);
    y = cross_attention(layer, variant, tensor_add(x, position), references, memory, tensor_size(map, 2),
                        tensor_size(map, 3), probe, index);
    probe_point(probe, y, "dec.%d.cross_attn", index);
    x = norm_forward(&layer->norm2, tensor_add(x, y), eps);
    y = linear_forward(&layer->linear1, x);
    probe_point(probe, y, "dec.%d.linear1", index);
    x = norm_forward(&layer->norm3, tensor_add(x, linear_forward(&layer->linear2, tensor_relu(y))), eps);
    probe_point(probe, x, "dec.%d.out", index);
    return x;
}

void decoder_forward(const struct decoder *decoder, struct tensor *queries, struct tensor *references,
                     struct tensor *map, int groups, const struct probe *probe,
                     struct tensor *hidden[DECODER_MAX_LAYERS])
{
    struct tensor *position, *x = queries;

    probe_point(probe, references, "reference_points");
    position = mlp_forward(&decoder->ref_point_head, sine_embedding(references, decoder->variant->hidden_dim));
    probe_point(probe, position, "ref_point_head");
    for (int i = 0; i < decoder->variant->dec_layers; i++) {
        x = layer_forward(decoder, i, x, position, references, map, groups, probe);
        hidden[i] = norm_forward(&decoder->norm, x, eps);
        probe_point(probe, hidden[i], "dec.norm");
    }
}
