/* spec/variant.h: the RF-DETR variants, numbers only.  Source: rfdetr 1.11.2 `rfdetr/config.py`; pico is ours.
 * Symbols as in the model: d encoder width, D hidden_dim, Q num_queries, G group_detr. */
#pragma once
#include <stddef.h>

enum {
    VARIANT_FEATURES = 4, /* encoder features that feed the projector */
    VARIANT_MAX_GROUPS = 64
};

struct variant {
    const char *name;
    /* encoder: windowed DINOv2 */
    int width, heads, blocks;
    int resolution, patch_size, num_windows, positional_encoding_size;
    int out_feature_indexes[VARIANT_FEATURES]; /* a feature is the state after that many blocks */
    /* projector and decoder */
    int hidden_dim, sa_nheads, ca_nheads, dec_n_points, dec_layers, dim_feedforward;
    int num_queries, num_select, group_detr;
};

/* Ends with an entry whose name is NULL. */
extern const struct variant variants[];

/* The variant of that name, or NULL. */
const struct variant *variant_find(const char *name);

/* Pixels that a side of an input must be a multiple of: patch_size × num_windows. */
int variant_block(const struct variant *variant);

/* The side of the position table, in patches, of a model for that resolution: it follows the resolution, but for base,
 * whose table has 37 always. */
int variant_positions(const struct variant *variant, int resolution);
