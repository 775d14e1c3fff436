/* trainer/metrics/postprocess.h: what the model puts out, made detections (rf-detr.md 8.1). */
#pragma once
#include "trainer/tensor/tensor.h"

/* Of a batch, best first; N is num_select, or queries · classes where that is less. */
struct detections {
    struct tensor *scores; /* [B, N] float32, 0..1 */
    struct tensor *labels; /* [B, N] int64: logit's column */
    struct tensor *boxes;  /* [B, N, 4] float32: x0 y0 x1 y1 in pixels of the original image, inside it */
};

/* logits [B, Q, C] and boxes [B, Q, 4] (cx cy w h, 0..1) of the last layer; sizes [B, 2]: height and width of the
 * original images in pixels, any dtype.  All on one device, where the result stays.  Equal scores: the lower query
 * first, then the lower class.  Errors stick, as tensor.h says; false when one has. */
bool postprocess(struct tensor *logits, struct tensor *boxes, struct tensor *sizes, int64_t num_select,
                 struct detections *out);
