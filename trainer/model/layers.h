/* trainer/model/layers.h: the small layers that every part of the model is made of, and the probe that watches them.
 * A layer holds borrowed handles; x_add() appends its parameters to the list in state_dict order. */
#pragma once
#include "trainer/model/params.h"

struct linear {
    struct tensor *weight; /* [out, in] */
    struct tensor *bias;   /* [out] */
};
struct norm {
    struct tensor *weight, *bias; /* [width] */
};
enum { MLP_MAX_LAYERS = 3 };
struct mlp { /* ReLU between its layers */
    struct linear layers[MLP_MAX_LAYERS];
    int count;
};

struct linear linear_add(struct params *params, int in, int out, enum init weight, enum init bias, const char *name);
struct norm norm_add(struct params *params, int width, const char *name);
/* widths: count + 1 of them, from the input's to the output's; the last layer starts as last_weight, last_bias. */
struct mlp mlp_add(struct params *params, const int *widths, int count, enum init weight, enum init last_weight,
                   enum init last_bias, const char *name);

struct tensor *linear_forward(const struct linear *linear, struct tensor *x);
struct tensor *norm_forward(const struct norm *norm, struct tensor *x, double eps);
struct tensor *mlp_forward(const struct mlp *mlp, struct tensor *x);
/* x [B, C, H, W], normalised over C. */
struct tensor *norm_forward_channels(const struct norm *norm, struct tensor *x, double eps);

/* Attention over tokens: q, k, v [B, T, width] → [B, T, width], scale 1/√(width/heads). */
struct tensor *attention_forward(struct tensor *q, struct tensor *k, struct tensor *v, int heads);

/* Who watches a forward pass is told each named point as it is reached (names: design of the AMP trace, plus a few for
 * tests).  A probe without `seen` watches nothing and costs nothing. */
struct probe {
    void (*seen)(void *user, const char *point, struct tensor *value);
    void *user;
};
PRINTF(3, 4) void probe_point(const struct probe *probe, struct tensor *value, const char *point_fmt, ...);
