/* trainer/model/decoder.h: the decoder and its heads' inputs.
 * Source: rfdetr 1.11.2 `models/transformer.py`, `models/ops/modules/ms_deform_attn.py`; the reference boxes are
 * computed once and used by all layers ("lite refpoint refine"). */
#pragma once
#include "spec/variant.h"
#include "trainer/model/layers.h"

enum { DECODER_MAX_LAYERS = 6 };

struct decoder_layer {
    struct tensor *in_proj_weight, *in_proj_bias; /* [3D, D], [3D]: q, k, v */
    struct linear out_proj;
    struct linear sampling_offsets, attention_weights, value_proj, output_proj;
    struct linear linear1, linear2;
    struct norm norm1, norm2, norm3;
};

struct decoder {
    const struct variant *variant;
    struct decoder_layer layers[DECODER_MAX_LAYERS];
    struct norm norm;
    struct mlp ref_point_head;
};

void decoder_add(struct decoder *decoder, const struct variant *variant, struct params *params);
/* Layers start with the same biases in their feed-forward: the reference's are deep copies of one. */
void decoder_init(const struct decoder *decoder, struct params *params);

/* queries [B, g·Q, D], references [B, g·Q, 4] cx cy w h, map [B, D, h, w]; attention stays inside each of the g groups.
 * hidden: one normalised state [B, g·Q, D] a layer. */
void decoder_forward(const struct decoder *decoder, struct tensor *queries, struct tensor *references,
                     struct tensor *map, int groups, const struct probe *probe,
                     struct tensor *hidden[DECODER_MAX_LAYERS]);
