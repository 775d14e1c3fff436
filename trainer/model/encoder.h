/* trainer/model/encoder.h: the windowed DINOv2 encoder.
 * Source: rfdetr 1.11.2 `models/backbone/dinov2_with_windowed_attn.py`; DINOv2 (Oquab et al. 2023). */
#pragma once
#include "spec/variant.h"
#include "trainer/model/layers.h"

enum { ENCODER_MAX_BLOCKS = 12 };

struct encoder_block {
    struct norm norm1, norm2;
    struct linear query, key, value, dense, fc1, fc2;
    struct tensor *scale1, *scale2; /* layer scale, [d] */
};

struct encoder {
    const struct variant *variant;
    int grid;                 /* side of the position table, in patches */
    struct tensor *cls_token; /* [1, 1, d] */
    struct tensor *positions; /* [1, 1 + grid², d]; row 0 is the cls token's */
    struct linear patches;    /* convolution [d, 3, p, p] */
    struct encoder_block blocks[ENCODER_MAX_BLOCKS];
    struct norm norm;
};

void encoder_add(struct encoder *encoder, const struct variant *variant, int grid, struct params *params);

/* images [B, 3, H, W] normalised, H and W multiples of variant_block() → VARIANT_FEATURES maps [B, d, H/p, W/p]. */
void encoder_forward(const struct encoder *encoder, struct tensor *images, const struct probe *probe,
                     struct tensor *features[VARIANT_FEATURES]);
