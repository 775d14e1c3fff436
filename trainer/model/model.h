/* trainer/model/model.h: RF-DETR for detection, as rfdetr 1.11.2 `models/lwdetr.py` computes it.
 * Keys and shapes of the parameters are the reference's state_dict's.  Training thread only. */
#pragma once
#include "spec/variant.h"
#include "trainer/model/decoder.h"
#include "trainer/model/encoder.h"
#include "trainer/model/layers.h"
#include "trainer/model/projector.h"
#include "trainer/model/selection.h"

struct model_config {
    const struct variant *variant;
    int positional_encoding_size; /* side of the position table, in patches */
    int num_classes;              /* K; the heads have K + 1 rows */
    int num_queries, group_detr;  /* Q of each of the G groups */
};

struct model {
    struct model_config config;
    struct params *params;
    struct decoder decoder;
    struct selection selection;
    struct linear class_embed;
    struct mlp bbox_embed;
    struct tensor *refpoint_embed; /* [G·Q, 4] */
    struct tensor *query_feat;     /* [G·Q, D] */
    struct encoder encoder;
    struct projector projector;
};

struct model_output {                          /* C = K + 1; boxes cx cy w h, relative to the image */
    int layers;                                /* L; the last one is the prediction, the others are auxiliary */
    struct tensor *logits[DECODER_MAX_LAYERS]; /* [B, g·Q, C] */
    struct tensor *boxes[DECODER_MAX_LAYERS];  /* [B, g·Q, 4] */
    struct tensor *enc_logits, *enc_boxes;     /* [B, g·min(Q, S), C and 4] */
};

/* Returns a model with zero weights on a device, or NULL. */
MUST_CHECK struct model *model_new(const struct model_config *config, int device, struct err *err);
void model_free(struct model *model); /* NULL is fine */

/* Random start, from the generator of tensor_seed. */
MUST_CHECK bool model_init(struct model *model, struct err *err);

/* images [B, 3, H, W] float32, normalised; training: all groups (else group 0 alone).  Only trainer/run.c calls this.
 */
struct model_output model_forward(const struct model *model, struct tensor *images, bool training,
                                  const struct probe *probe);
