/* spec/variant.c: see variant.h. */
#include "spec/variant.h"

#include <string.h>

/* clang-format off */
const struct variant variants[] = {
    {.name = "pico", .width = 96, .heads = 3, .blocks = 4,
     .resolution = 128, .patch_size = 8, .num_windows = 2, .positional_encoding_size = 16,
     .out_feature_indexes = {1, 2, 3, 4},
     .hidden_dim = 96, .sa_nheads = 3, .ca_nheads = 6, .dec_n_points = 2, .dec_layers = 2, .dim_feedforward = 256,
     .num_queries = 40, .num_select = 100, .group_detr = 4},
    {.name = "nano", .width = 384, .heads = 6, .blocks = 12,
     .resolution = 384, .patch_size = 16, .num_windows = 2, .positional_encoding_size = 24,
     .out_feature_indexes = {3, 6, 9, 12},
     .hidden_dim = 256, .sa_nheads = 8, .ca_nheads = 16, .dec_n_points = 2, .dec_layers = 2, .dim_feedforward = 2048,
     .num_queries = 300, .num_select = 300, .group_detr = 13},
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
