/* trainer/model/boxes.c: see boxes.h. */
#include "trainer/model/boxes.h"

static const double least_area = 1e-7;

static struct tensor *half(struct tensor *boxes, int64_t start) /* [..., 4] → [..., 2] */
{
    return tensor_narrow(boxes, -1, start, 2);
}

/* Width times height of [..., 2]. */
static struct tensor *area(struct tensor *sides)
{
    return tensor_mul(tensor_select(sides, -1, 0), tensor_select(sides, -1, 1));
}

static struct tensor *area_of(struct tensor *corners)
{
    return area(tensor_sub(half(corners, 2), half(corners, 0)));
}

struct tensor *boxes_to_corners(struct tensor *boxes)
{
    struct tensor *centre = half(boxes, 0), *reach = tensor_mul_k(tensor_clamp_min(half(boxes, 2), 0), 0.5);

    return tensor_cat(TENSORS(tensor_sub(centre, reach), tensor_add(centre, reach)), -1);
}

static struct tensor *iou_and_union(struct tensor *a, struct tensor *b, struct tensor **together)
{
    struct tensor *from = tensor_maximum(half(a, 0), half(b, 0)), *to = tensor_minimum(half(a, 2), half(b, 2));
    struct tensor *common = area(tensor_clamp_min(tensor_sub(to, from), 0));

    *together = tensor_sub(tensor_add(area_of(a), area_of(b)), common);
    return tensor_div(common, tensor_clamp_min(*together, least_area));
}

struct tensor *boxes_iou(struct tensor *a, struct tensor *b)
{
    struct tensor *together;

    return iou_and_union(a, b, &together);
}

struct tensor *boxes_giou(struct tensor *a, struct tensor *b)
{
    struct tensor *together, *iou = iou_and_union(a, b, &together);
    struct tensor *from = tensor_minimum(half(a, 0), half(b, 0)), *to = tensor_maximum(half(a, 2), half(b, 2));
    struct tensor *around = area(tensor_clamp_min(tensor_sub(to, from), 0));
    struct tensor *empty = tensor_sub(around, together);

    return tensor_sub(iou, tensor_div(empty, tensor_clamp_min(around, least_area)));
}
