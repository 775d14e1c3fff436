/* trainer/model/projector.c: see projector.h. */
#include "trainer/model/projector.h"

#include <stdio.h>

static const double eps = 1e-6;

static struct conv conv_add(struct params *params, int in, int out, int kernel, const char *name)
{
    struct conv conv;
    char full[128];

    conv.weight = params_add(params, INIT_FAN_IN, DIMS(out, in, kernel, kernel), "%s.conv.weight", name);
    (void)snprintf(full, sizeof full, "%s.bn", name);
    conv.norm = norm_add(params, out, full);
    return conv;
}

void projector_add(struct projector *projector, const struct variant *variant, struct params *params)
{
    int width = variant->hidden_dim, half = width / 2;
    char name[128];

    projector->cv1 =
        conv_add(params, VARIANT_FEATURES * variant->width, width, 1, "backbone.0.projector.stages.0.0.cv1");
    projector->cv2 =
        conv_add(params, (2 + PROJECTOR_BOTTLENECKS) * half, width, 1, "backbone.0.projector.stages.0.0.cv2");
    for (int i = 0; i < PROJECTOR_BOTTLENECKS; i++)
        for (int k = 0; k < 2; k++) {
            (void)snprintf(name, sizeof name, "backbone.0.projector.stages.0.0.m.%d.cv%d", i, k + 1);
            projector->m[i][k] = conv_add(params, half, half, 3, name);
        }
    projector->norm = norm_add(params, width, "backbone.0.projector.stages.0.1");
}

static struct tensor *conv_forward(const struct conv *conv, struct tensor *x, const struct probe *probe)
{
    x = tensor_conv2d(x, conv->weight, NULL, 1, (int)tensor_size(conv->weight, 2) / 2);
    probe_point(probe, x, "projector.conv");
    x = norm_forward_channels(&conv->norm, x, eps);
    probe_point(probe, x, "projector.norm");
    return tensor_silu(x);
}

struct tensor *projector_forward(const struct projector *projector, struct tensor *const features[VARIANT_FEATURES],
                                 const struct probe *probe)
{
    struct tensor *parts[2 + PROJECTOR_BOTTLENECKS], *x;
    int64_t half;

    x = conv_forward(&projector->cv1, tensor_cat(features, VARIANT_FEATURES, 1), probe);
    half = tensor_size(x, 1) / 2;
    parts[0] = tensor_narrow(x, 1, 0, half);
    parts[1] = tensor_narrow(x, 1, half, half);
    for (int i = 0; i < PROJECTOR_BOTTLENECKS; i++)
        parts[2 + i] = conv_forward(&projector->m[i][1], conv_forward(&projector->m[i][0], parts[1 + i], probe), probe);
    x = conv_forward(&projector->cv2, tensor_cat(parts, 2 + PROJECTOR_BOTTLENECKS, 1), probe);
    x = norm_forward_channels(&projector->norm, x, eps);
    probe_point(probe, x, "projector.last_norm");
    return x;
}
