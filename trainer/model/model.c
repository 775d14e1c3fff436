/* trainer/model/model.c: see model.h. */
#include "trainer/model/model.h"

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

struct model *model_new(const struct model_config *config, int device, struct err *err)
{
    const struct variant *variant = config->variant;
    int width = variant->hidden_dim, classes = config->num_classes + 1;
    const int widths[] = {width, width, width, 4};
    int64_t queries = (int64_t)config->num_queries * config->group_detr;
    struct model *model = xcalloc(1, sizeof *model);

    model->config = *config;
    model->params = params_new(device);
    decoder_add(&model->decoder, variant, model->params);
    selection_add(&model->selection, config->num_queries, config->group_detr, width, classes, model->params);
    model->class_embed = linear_add(model->params, width, classes, INIT_FAN_IN, INIT_PRIOR, "class_embed");
    model->bbox_embed = mlp_add(model->params, widths, 3, INIT_FAN_IN, INIT_ZERO, INIT_ZERO, "bbox_embed");
    model->refpoint_embed = params_add(model->params, INIT_ZERO, DIMS(queries, 4), "refpoint_embed.weight");
    model->query_feat = params_add(model->params, INIT_NORMAL, DIMS(queries, width), "query_feat.weight");
    encoder_add(&model->encoder, variant, config->positional_encoding_size, model->params);
    projector_add(&model->projector, variant, model->params);
    if (tensor_check(err))
        return model;
    model_free(model);
    return NULL;
}

void model_free(struct model *model)
{
    if (!model)
        return;
    params_free(model->params);
    free(model);
}

/* The groups' heads start as copies of the decoder's. */
static void copy_heads(struct model *model)
{
    static const char *const parts[] = {"class_embed", "bbox_embed"};
    static const char *const suffixes[2][7] = {
        {"weight", "bias", NULL},
        {"layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "layers.2.weight", "layers.2.bias",
         NULL},
    };
    char to[96], from[64];

    for (int part = 0; part < 2; part++)
        for (int g = 0; g < model->config.group_detr; g++)
            for (int i = 0; suffixes[part][i]; i++) {
                (void)snprintf(from, sizeof from, "%s.%s", parts[part], suffixes[part][i]);
                (void)snprintf(to, sizeof to, "transformer.enc_out_%s.%d.%s", parts[part], g, suffixes[part][i]);
                params_copy_start(model->params, to, from);
            }
}

bool model_init(struct model *model, struct err *err)
{
    if (!params_init(model->params, err))
        return false;
    decoder_init(&model->decoder, model->params);
    copy_heads(model);
    return tensor_check(err);
}

/* Reference boxes [B, n, 4]: the first rows refine the selected boxes, the rest (when an image has fewer tokens than
 * there are queries) stand on the learned deltas alone. */
static struct tensor *reference_boxes(const struct model *model, struct tensor *selected, int64_t n)
{
    int64_t batch = tensor_size(selected, 0), refined = tensor_size(selected, 1);
    struct tensor *learned = tensor_narrow(model->refpoint_embed, 0, 0, n), *boxes, *rest;

    learned = tensor_expand(tensor_unsqueeze(learned, 0), DIMS(batch, n, 4));
    boxes = boxes_decode(tensor_narrow(learned, 1, 0, refined), tensor_detach(selected));
    if (refined == n)
        return boxes;
    rest = tensor_narrow(learned, 1, refined, n - refined);
    return tensor_cat(TENSORS(boxes, rest), 1);
}

struct model_output model_forward(const struct model *model, struct tensor *images, bool training,
                                  const struct probe *probe)
{
    int groups = training ? model->config.group_detr : 1;
    int64_t batch = tensor_size(images, 0), n = (int64_t)groups * model->config.num_queries;
    struct tensor *features[VARIANT_FEATURES], *hidden[DECODER_MAX_LAYERS], *map, *references, *queries;
    struct model_output out = {.layers = model->config.variant->dec_layers};
    struct selected selected;

    encoder_forward(&model->encoder, images, probe, features);
    map = projector_forward(&model->projector, features, probe);
    selected = selection_forward(&model->selection, map, groups, probe);
    out.enc_logits = selected.logits;
    out.enc_boxes = selected.boxes;

    references = reference_boxes(model, selected.boxes, n);
    queries = tensor_expand(tensor_unsqueeze(tensor_narrow(model->query_feat, 0, 0, n), 0),
                            DIMS(batch, n, model->config.variant->hidden_dim));
    decoder_forward(&model->decoder, queries, references, map, groups, probe, hidden);
    for (int i = 0; i < out.layers; i++) {
        struct tensor *delta = mlp_forward(&model->bbox_embed, hidden[i]);

        out.logits[i] = linear_forward(&model->class_embed, hidden[i]);
        out.boxes[i] = boxes_decode(delta, references);
        probe_point(probe, out.logits[i], "class_embed");
        probe_point(probe, delta, "bbox_embed");
    }
    probe_point(probe, out.enc_logits, "outputs.enc.pred_logits");
    probe_point(probe, out.enc_boxes, "outputs.enc.pred_boxes");
    probe_point(probe, out.logits[out.layers - 1], "outputs.pred_logits");
    probe_point(probe, out.boxes[out.layers - 1], "outputs.pred_boxes");
    return out;
}
