/* spec/variant.c: see variant.h. */
#include "spec/variant.h"

#include <stdbool.h>
#include <string.h>

/* clang-format off */
/* What the published variants have in common, and those with patches of 16 besides. */
#define SHARED                                                                                                         \
    .width = 384, .heads = 6, .blocks = 12, .hidden_dim = 256, .sa_nheads = 8, .ca_nheads = 16, .dec_n_points = 2,     \
    .dim_feedforward = 2048, .num_queries = 300, .num_select = 300, .group_detr = 13
#define SHARED_P16 SHARED, .patch_size = 16, .num_windows = 2, .out_feature_indexes = {3, 6, 9, 12}

const struct variant variants[] = {
    {.name = "pico", .width = 96, .heads = 3, .blocks = 4,
     .resolution = 128, .patch_size = 8, .num_windows = 2, .positional_encoding_size = 16,
     .out_feature_indexes = {1, 2, 3, 4},
     .hidden_dim = 96, .sa_nheads = 3, .ca_nheads = 6, .dec_n_points = 2, .dec_layers = 2, .dim_feedforward = 256,
     .num_queries = 40, .num_select = 100, .group_detr = 4},
    {.name = "nano", SHARED_P16, .resolution = 384, .positional_encoding_size = 24, .dec_layers = 2},
    {.name = "small", SHARED_P16, .resolution = 512, .positional_encoding_size = 32, .dec_layers = 3},
    {.name = "medium", SHARED_P16, .resolution = 576, .positional_encoding_size = 36, .dec_layers = 4},
    {.name = "base", SHARED, .resolution = 560, .patch_size = 14, .num_windows = 4, .positional_encoding_size = 37,
     .out_feature_indexes = {2, 5, 8, 11}, .dec_layers = 3},
    {.name = "large", SHARED_P16, .resolution = 704, .positional_encoding_size = 44, .dec_layers = 4},
    {.name = NULL},
};
/* clang-format on */

const struct variant *variant_find(const char *name)
{
    for (const struct variant *variant = variants; variant->name; variant++)
        if (strcmp(variant->name, name) == 0)
            return variant;
    return NULL;
}

int variant_block(const struct variant *variant)
{
    return variant->patch_size * variant->num_windows;
}

int variant_positions(const struct variant *variant, int resolution)
{
    bool follows = variant->positional_encoding_size * variant->patch_size == variant->resolution;

    return follows ? resolution / variant->patch_size : variant->positional_encoding_size;
}
