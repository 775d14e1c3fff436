/* trainer/model/selection.c: see selection.h.
 * The groups' heads are stacked and run as one batched product, [g, B·S, D] · [g, D, out]. */
#include "trainer/model/selection.h"

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

static const double eps = 1e-5;
static const float proposal_side = 0.05F, inside_from = 0.01F, inside_to = 0.99F;

void selection_add(struct selection *selection, int queries, int groups, int width, int classes, struct params *params)
{
    const int widths[] = {width, width, width, 4};
    char name[128];

    selection->queries = queries;
    selection->groups = groups;
    for (int g = 0; g < groups; g++) {
        (void)snprintf(name, sizeof name, "transformer.enc_output.%d", g);
        selection->output[g] = linear_add(params, width, width, INIT_XAVIER, INIT_FAN_IN_BIAS, name);
    }
    for (int g = 0; g < groups; g++) {
        (void)snprintf(name, sizeof name, "transformer.enc_output_norm.%d", g);
        selection->output_norm[g] = norm_add(params, width, name);
    }
    for (int g = 0; g < groups; g++) {
        (void)snprintf(name, sizeof name, "transformer.enc_out_bbox_embed.%d", g);
        selection->bbox_embed[g] = mlp_add(params, widths, 3, INIT_FAN_IN, INIT_ZERO, INIT_ZERO, name);
    }
    for (int g = 0; g < groups; g++) {
        (void)snprintf(name, sizeof name, "transformer.enc_out_class_embed.%d", g);
        selection->class_embed[g] = linear_add(params, width, classes, INIT_FAN_IN, INIT_PRIOR, name);
    }
}

struct tensor *boxes_decode(struct tensor *delta, struct tensor *reference)
{
    struct tensor *xy = tensor_slice(reference, -1, 0, 2, 1), *wh = tensor_slice(reference, -1, 2, 4, 1);

    xy = tensor_add(tensor_mul(tensor_slice(delta, -1, 0, 2, 1), wh), xy);
    wh = tensor_mul(tensor_exp(tensor_slice(delta, -1, 2, 4, 1)), wh);
    return tensor_cat(TENSORS(xy, wh), -1);
}

struct proposals {
    struct tensor *boxes;   /* [S, 4], zero where invalid */
    struct tensor *invalid; /* [S, 1] bool, or NULL when all are valid */
};

static struct proposals proposals_for(struct tensor *map)
{
    int64_t h = tensor_size(map, 2), w = tensor_size(map, 3);
    float *boxes = xcalloc((size_t)(h * w), 4 * sizeof *boxes);
    unsigned char *invalid = xcalloc((size_t)(h * w), 1);
    int device = tensor_device_of(map);
    struct proposals proposals = {0};
    bool any = false;

    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++) {
            float cx = ((float)x + 0.5F) / (float)w, cy = ((float)y + 0.5F) / (float)h;
            float *box = boxes + 4 * (y * w + x);

            if (cx > inside_from && cx < inside_to && cy > inside_from && cy < inside_to) {
                box[0] = cx;
                box[1] = cy;
                box[2] = box[3] = proposal_side;
            } else {
                invalid[y * w + x] = 1;
                any = true;
            }
        }
    proposals.boxes = tensor_cast(tensor_from_data(boxes, DIMS(h * w, 4), TENSOR_F32, device), tensor_dtype_of(map));
    if (any)
        proposals.invalid = tensor_from_data(invalid, DIMS(h * w, 1), TENSOR_BOOL, device);
    free(boxes);
    free(invalid);
    return proposals;
}

/* Stacks of one layer's weights over groups: weight [g, in, out], bias [g, 1, out]. */
static struct linear stack_linears(const struct linear *first, size_t stride, int groups)
{
    struct tensor *weights[VARIANT_MAX_GROUPS], *biases[VARIANT_MAX_GROUPS];

    for (int g = 0; g < groups; g++) {
        const struct linear *linear = (const struct linear *)((const char *)first + (size_t)g * stride);

        weights[g] = linear->weight;
        biases[g] = linear->bias;
    }
    return (struct linear){.weight = tensor_transpose(tensor_stack(weights, groups, 0), 1, 2),
                           .bias = tensor_unsqueeze(tensor_stack(biases, groups, 0), 1)};
}

static struct tensor *linears_forward(const struct linear *first, size_t stride, int groups, struct tensor *x)
{
    struct linear stacked = stack_linears(first, stride, groups);

    return tensor_baddbmm(stacked.bias, x, stacked.weight);
}

static struct tensor *norms_forward(const struct norm *norms, int groups, struct tensor *x) /* x [g, n, D] */
{
    struct tensor *weights[VARIANT_MAX_GROUPS], *biases[VARIANT_MAX_GROUPS];

    if (groups == 1)
        return norm_forward(norms, x, eps);
    for (int g = 0; g < groups; g++) {
        weights[g] = norms[g].weight;
        biases[g] = norms[g].bias;
    }
    x = tensor_mul(tensor_layer_norm(x, NULL, NULL, eps), tensor_unsqueeze(tensor_stack(weights, groups, 0), 1));
    return tensor_add(x, tensor_unsqueeze(tensor_stack(biases, groups, 0), 1));
}

static struct tensor *mlps_forward(const struct mlp *mlps, int groups, struct tensor *x) /* x [g, n, D] */
{
    for (int i = 0; i < mlps->count; i++) {
        x = linears_forward(&mlps->layers[i], sizeof *mlps, groups, x);
        if (i < mlps->count - 1)
            x = tensor_relu(x);
    }
    return x;
}

/* Rows of x [g, B, S, n] (or [1, 1, S, n], for all) at index [g, B, k] → [g, B, k, n]. */
static struct tensor *take_rows(struct tensor *x, struct tensor *index)
{
    int64_t g = tensor_size(index, 0), batch = tensor_size(index, 1), k = tensor_size(index, 2), n = tensor_size(x, 3);

    x = tensor_expand(x, DIMS(g, batch, tensor_size(x, 2), n));
    return tensor_gather(x, 2, tensor_expand(tensor_unsqueeze(index, 3), DIMS(g, batch, k, n)));
}

static struct tensor *join_groups(struct tensor *x) /* [g, B, k, n] → [B, g·k, n] */
{
    return tensor_flatten(tensor_permute(x, DIMS(1, 0, 2, 3)), 1, 2);
}

struct selected selection_forward(const struct selection *selection, struct tensor *map, int groups,
                                  const struct probe *probe)
{
    struct tensor *memory = tensor_transpose(tensor_flatten(map, 2, 3), 1, 2); /* [B, S, D] */
    int64_t batch = tensor_size(memory, 0), tokens = tensor_size(memory, 1), width = tensor_size(memory, 2);
    int64_t k = selection->queries < tokens ? selection->queries : tokens;
    struct proposals proposals = proposals_for(map);
    struct tensor *x, *scores, *classes, *index, *delta, *boxes;

    if (proposals.invalid)
        memory = tensor_masked_fill(memory, proposals.invalid, 0);
    x = tensor_expand(tensor_reshape(memory, DIMS(1, batch * tokens, width)), DIMS(groups, batch * tokens, width));
    x = linears_forward(selection->output, sizeof *selection->output, groups, x);
    x = norms_forward(selection->output_norm, groups, x);
    classes = linears_forward(selection->class_embed, sizeof *selection->class_embed, groups, x);
    classes = tensor_reshape(classes, DIMS(groups, batch, tokens, tensor_size(classes, 2)));
    scores = tensor_amax(tensor_detach(classes), 3, false); /* [g, B, S] */
    probe_point(probe, x, "enc_memory");
    probe_point(probe, classes, "enc_class");
    probe_point(probe, tensor_topk(scores, k, 2, &index), "topk");
    probe_point(probe, index, "topk_indices");

    x = take_rows(tensor_reshape(x, DIMS(groups, batch, tokens, width)), index);
    delta = mlps_forward(selection->bbox_embed, groups, tensor_reshape(x, DIMS(groups, batch * k, width)));
    delta = tensor_reshape(delta, DIMS(groups, batch, k, 4));
    boxes = take_rows(tensor_reshape(proposals.boxes, DIMS(1, 1, tokens, 4)), index);
    return (struct selected){.logits = join_groups(take_rows(classes, index)),
                             .boxes = join_groups(boxes_decode(delta, boxes))};
}
