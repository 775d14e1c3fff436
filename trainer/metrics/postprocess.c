/* trainer/metrics/postprocess.c: top scores over queries × classes, their boxes scaled to the original image. */
#include "trainer/metrics/postprocess.h"

/* [B, Q, 4] cx cy w h → x0 y0 x1 y1; a negative side counts as none. */
static struct tensor *corners(struct tensor *boxes)
{
    struct tensor *centre = tensor_narrow(boxes, 2, 0, 2);
    struct tensor *half = tensor_mul_k(tensor_clamp_min(tensor_narrow(boxes, 2, 2, 2), 0), 0.5);

    return tensor_cat(TENSORS(tensor_sub(centre, half), tensor_add(centre, half)), 2);
}

/* [B, 2] height, width → [B, 1, 4] w h w h */
static struct tensor *scales(struct tensor *sizes)
{
    struct tensor *height = tensor_narrow(sizes, 1, 0, 1), *width = tensor_narrow(sizes, 1, 1, 1);

    return tensor_unsqueeze(tensor_cast(tensor_cat(TENSORS(width, height, width, height), 1), TENSOR_F32), 1);
}

/* What a flat index query · classes + class stands for: table [Q, C] of one or the other, looked up at index [B, N]. */
static struct tensor *look_up(struct tensor *table, int64_t queries, int64_t classes, struct tensor *index)
{
    struct tensor *flat = tensor_reshape(tensor_expand(table, DIMS(queries, classes)), DIMS(-1));
    struct tensor *found = tensor_index_select(flat, 0, tensor_reshape(index, DIMS(-1)));

    return tensor_reshape(found, DIMS(tensor_size(index, 0), tensor_size(index, 1)));
}

static struct tensor *count_up(int64_t count, int device)
{
    return tensor_arange(0, (double)count, 1, TENSOR_I64, device);
}

bool postprocess(struct tensor *logits, struct tensor *boxes, struct tensor *sizes, int64_t num_select,
                 struct detections *out)
{
    int64_t batch = tensor_size(logits, 0), queries = tensor_size(logits, 1), classes = tensor_size(logits, 2);
    int64_t all = queries * classes, count = num_select < all ? num_select : all;
    int device = tensor_device_of(logits);
    struct tensor *scores = tensor_reshape(tensor_sigmoid(tensor_cast(logits, TENSOR_F32)), DIMS(batch, all));
    struct tensor *index = NULL, *query, *scale = scales(sizes);

    scores = tensor_narrow(tensor_sort_stable(scores, 1, &index), 1, 0, count);
    index = tensor_narrow(index, 1, 0, count);
    query = look_up(tensor_unsqueeze(count_up(queries, device), 1), queries, classes, index);
    boxes = tensor_gather(corners(tensor_cast(boxes, TENSOR_F32)), 1,
                          tensor_expand(tensor_unsqueeze(query, 2), DIMS(batch, count, 4)));
    boxes = tensor_minimum(tensor_clamp_min(tensor_mul(boxes, scale), 0), scale);
    if (!tensor_ok())
        return false;
    *out = (struct detections){scores, look_up(count_up(classes, device), queries, classes, index), boxes};
    return tensor_ok();
}
