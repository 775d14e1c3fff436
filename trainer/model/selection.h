/* trainer/model/selection.h: two-stage query selection: the encoder's own detections become the decoder's reference
 * boxes.  Source: rfdetr 1.11.2 `models/transformer.py`; Deformable DETR (Zhu et al. 2021), Group DETR (Chen et al.
 * 2023). */
#pragma once
#include "spec/variant.h"
#include "trainer/model/layers.h"

struct selection {
    int queries; /* Q, of one group */
    int groups;  /* G */
    struct linear output[VARIANT_MAX_GROUPS];
    struct norm output_norm[VARIANT_MAX_GROUPS];
    struct mlp bbox_embed[VARIANT_MAX_GROUPS];
    struct linear class_embed[VARIANT_MAX_GROUPS];
};

struct selected {          /* of g groups with k = min(Q, S) queries each, group 0 first */
    struct tensor *logits; /* [B, g·k, C] */
    struct tensor *boxes;  /* [B, g·k, 4] cx cy w h, with gradient */
};

/* classes: rows of the class heads, C. */
void selection_add(struct selection *selection, int queries, int groups, int width, int classes, struct params *params);

/* map [B, D, h, w]: the projector's output; groups: how many of them take part (all in training, 1 in evaluation). */
struct selected selection_forward(const struct selection *selection, struct tensor *map, int groups,
                                  const struct probe *probe);

/* The model's only box decoding: delta, reference [.., 4] → [.., 4], cx cy = δxy · r_wh + r_xy, w h = exp(δwh) · r_wh.
 */
struct tensor *boxes_decode(struct tensor *delta, struct tensor *reference);
