/* trainer/model/projector.h: the encoder's features become one map of width D (projector scale P4).
 * Source: rfdetr 1.11.2 `models/backbone/projector.py` (a C2f block as in YOLOv8). */
#pragma once
#include "spec/variant.h"
#include "trainer/model/layers.h"

enum { PROJECTOR_BOTTLENECKS = 3 };

struct conv { /* convolution without bias, layer norm over channels, SiLU */
    struct tensor *weight;
    struct norm norm;
};

struct projector {
    struct conv cv1, cv2, m[PROJECTOR_BOTTLENECKS][2];
    struct norm norm;
};

void projector_add(struct projector *projector, const struct variant *variant, struct params *params);

/* features: VARIANT_FEATURES maps [B, d, h, w] → [B, D, h, w]. */
struct tensor *projector_forward(const struct projector *projector, struct tensor *const features[VARIANT_FEATURES],
                                 const struct probe *probe);
