/* trainer/model/encoder.c: see encoder.h.
 * Tokens are kept in windows, [B·nw², T, d] with T = 1 + tokens of a window; a block with full attention joins the nw²
 * windows of an image around its attention only. */
#include "trainer/model/encoder.h"

#include <stdio.h>

static const double eps = 1e-6;

static const char prefix[] = "backbone.0.encoder.encoder";

static void block_add(struct encoder_block *block, int width, struct params *params, int index)
{
    char name[128];
#define NAME(suffix) (snprintf(name, sizeof name, "%s.encoder.layer.%d." suffix, prefix, index), name)

    block->norm1 = norm_add(params, width, NAME("norm1"));
    block->query = linear_add(params, width, width, INIT_TRUNC_NORMAL, INIT_ZERO, NAME("attention.attention.query"));
    block->key = linear_add(params, width, width, INIT_TRUNC_NORMAL, INIT_ZERO, NAME("attention.attention.key"));
    block->value = linear_add(params, width, width, INIT_TRUNC_NORMAL, INIT_ZERO, NAME("attention.attention.value"));
    block->dense = linear_add(params, width, width, INIT_TRUNC_NORMAL, INIT_ZERO, NAME("attention.output.dense"));
    block->scale1 = params_add(params, INIT_ONE, DIMS(width), "%s", NAME("layer_scale1.lambda1"));
    block->norm2 = norm_add(params, width, NAME("norm2"));
    block->fc1 = linear_add(params, width, 4 * width, INIT_TRUNC_NORMAL, INIT_ZERO, NAME("mlp.fc1"));
    block->fc2 = linear_add(params, 4 * width, width, INIT_TRUNC_NORMAL, INIT_ZERO, NAME("mlp.fc2"));
    block->scale2 = params_add(params, INIT_ONE, DIMS(width), "%s", NAME("layer_scale2.lambda1"));
#undef NAME
}

void encoder_add(struct encoder *encoder, const struct variant *variant, int grid, struct params *params)
{
    int width = variant->width, patch = variant->patch_size;
    char name[128];

    encoder->variant = variant;
    encoder->grid = grid;
    encoder->cls_token = params_add(params, INIT_TRUNC_NORMAL, DIMS(1, 1, width), "%s.embeddings.cls_token", prefix);
    (void)params_add(params, INIT_ZERO, DIMS(1, width), "%s.embeddings.mask_token", prefix); /* never used */
    encoder->positions = params_add(params, INIT_TRUNC_NORMAL, DIMS(1, 1 + (int64_t)grid * grid, width),
                                    "%s.embeddings.position_embeddings", prefix);
    encoder->patches.weight = params_add(params, INIT_TRUNC_NORMAL, DIMS(width, 3, patch, patch),
                                         "%s.embeddings.patch_embeddings.projection.weight", prefix);
    encoder->patches.bias =
        params_add(params, INIT_ZERO, DIMS(width), "%s.embeddings.patch_embeddings.projection.bias", prefix);
    for (int i = 0; i < variant->blocks; i++)
        block_add(&encoder->blocks[i], width, params, i);
    (void)snprintf(name, sizeof name, "%s.layernorm", prefix);
    encoder->norm = norm_add(params, width, name);
}

/* The table without its cls row for a grid of h × w patches: [1, h·w, d]. */
static struct tensor *positions_for(const struct encoder *encoder, int64_t h, int64_t w)
{
    int64_t grid = encoder->grid, width = encoder->variant->width;
    struct tensor *table = tensor_narrow(encoder->positions, 1, 1, grid * grid);

    if (h == grid && w == grid)
        return table;
    table = tensor_permute(tensor_reshape(table, DIMS(1, grid, grid, width)), DIMS(0, 3, 1, 2));
    table = tensor_resize_bicubic_antialias(table, h, w);
    return tensor_reshape(tensor_permute(table, DIMS(0, 2, 3, 1)), DIMS(1, h * w, width));
}

/* [B, h·w, d] → [B·nw², (h/nw)·(w/nw), d], windows row by row within an image. */
static struct tensor *windows_cut(struct tensor *x, int64_t h, int64_t w, int nw)
{
    int64_t batch = tensor_size(x, 0), width = tensor_size(x, 2);

    x = tensor_reshape(x, DIMS(batch, nw, h / nw, nw, w / nw, width));
    x = tensor_permute(x, DIMS(0, 1, 3, 2, 4, 5));
    return tensor_reshape(x, DIMS(batch * nw * nw, h / nw * (w / nw), width));
}

/* The way back, without the cls tokens: [B·nw², T, d] → [B, d, h, w]. */
static struct tensor *windows_join(struct tensor *x, int64_t h, int64_t w, int nw)
{
    int64_t batch = tensor_size(x, 0) / nw / nw, width = tensor_size(x, 2);

    x = tensor_narrow(x, 1, 1, tensor_size(x, 1) - 1);
    x = tensor_reshape(x, DIMS(batch, nw, nw, h / nw, w / nw, width));
    x = tensor_permute(x, DIMS(0, 1, 3, 2, 4, 5));
    return tensor_permute(tensor_reshape(x, DIMS(batch, h, w, width)), DIMS(0, 3, 1, 2));
}

static struct tensor *embed(const struct encoder *encoder, struct tensor *images, int64_t h, int64_t w,
                            const struct probe *probe)
{
    int nw = encoder->variant->num_windows;
    int64_t width = encoder->variant->width;
    struct tensor *x, *cls;

    x = tensor_conv2d(images, encoder->patches.weight, encoder->patches.bias, encoder->variant->patch_size, 0);
    x = tensor_transpose(tensor_flatten(x, 2, 3), 1, 2); /* [B, h·w, d] */
    probe_point(probe, x, "patch_embeddings");
    x = tensor_add(x, positions_for(encoder, h, w));
    x = windows_cut(x, h, w, nw);
    cls = tensor_add(encoder->cls_token, tensor_narrow(encoder->positions, 1, 0, 1));
    cls = tensor_expand(cls, DIMS(tensor_size(x, 0), 1, width));
    x = tensor_cat(TENSORS(cls, x), 1);
    probe_point(probe, x, "embeddings");
    return x;
}

/* x [N, T, d], windows: how many of its rows attend together (1: each for itself). */
static struct tensor *block_attention(const struct encoder_block *block, struct tensor *x, int windows, int heads,
                                      const struct probe *probe, int index)
{
    int64_t n = tensor_size(x, 0), tokens = tensor_size(x, 1), width = tensor_size(x, 2);
    struct tensor *q;

    x = tensor_reshape(x, DIMS(n / windows, windows * tokens, width));
    q = linear_forward(&block->query, x);
    probe_point(probe, q, "vit.%d.query", index);
    x = attention_forward(q, linear_forward(&block->key, x), linear_forward(&block->value, x), heads);
    probe_point(probe, x, "scaled_dot_product_attention");
    x = linear_forward(&block->dense, x);
    x = tensor_reshape(x, DIMS(n, tokens, width));
    probe_point(probe, x, "vit.%d.attention", index);
    return x;
}

static struct tensor *block_forward(const struct encoder_block *block, struct tensor *x, int windows, int heads,
                                    const struct probe *probe, int index)
{
    struct tensor *h = norm_forward(&block->norm1, x, eps);

    probe_point(probe, h, "vit.%d.norm1", index);
    h = tensor_mul(block_attention(block, h, windows, heads, probe, index), block->scale1);
    probe_point(probe, h, "vit.%d.layer_scale1", index);
    x = tensor_add(x, h);
    h = linear_forward(&block->fc1, norm_forward(&block->norm2, x, eps));
    probe_point(probe, h, "vit.%d.fc1", index);
    h = tensor_mul(linear_forward(&block->fc2, tensor_gelu(h)), block->scale2);
    x = tensor_add(x, h);
    probe_point(probe, x, "vit.%d.block", index);
    return x;
}

/* Which feature is the state after `count` blocks, or -1. */
static int feature_after(const struct variant *variant, int count)
{
    for (int i = 0; i < VARIANT_FEATURES; i++)
        if (variant->out_feature_indexes[i] == count)
            return i;
    return -1;
}

void encoder_forward(const struct encoder *encoder, struct tensor *images, const struct probe *probe,
                     struct tensor *features[VARIANT_FEATURES])
{
    const struct variant *variant = encoder->variant;
    int nw = variant->num_windows;
    int64_t h = tensor_size(images, 2) / variant->patch_size, w = tensor_size(images, 3) / variant->patch_size;
    struct tensor *x = embed(encoder, images, h, w, probe);

    for (int i = 0; i < variant->out_feature_indexes[VARIANT_FEATURES - 1]; i++) {
        /* The published weights read the feature list as block indices here, so the block *after* a feature (and not
         * the one that makes it) attends across windows. */
        bool full = feature_after(variant, i) >= 0;
        int feature = feature_after(variant, i + 1);

        x = block_forward(&encoder->blocks[i], x, full ? nw * nw : 1, variant->heads, probe, i);
        if (feature >= 0) {
            struct tensor *y = norm_forward(&encoder->norm, x, eps);

            probe_point(probe, y, "vit.layernorm");
            features[feature] = windows_join(y, h, w, nw);
            probe_point(probe, features[feature], "feature.%d", feature);
        }
    }
}
