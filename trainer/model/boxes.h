/* trainer/model/boxes.h: overlap of boxes, as tensors with a gradient.
 * Leading dimensions broadcast.  Formulas: rfdetr 1.11.2 `utilities/box_ops.py`; GIoU: Rezatofighi et al., CVPR 2019.
 */
#pragma once
#include "trainer/tensor/tensor.h"

/* [..., 4] cx cy w h → x1 y1 x2 y2; negative sizes count as 0. */
struct tensor *boxes_to_corners(struct tensor *boxes);

/* [..., 4] and [..., 4], corners → [...].  Denominators are at least 1e-7. */
struct tensor *boxes_iou(struct tensor *a, struct tensor *b);
struct tensor *boxes_giou(struct tensor *a, struct tensor *b);
