/* trainer/optim/optim.c: see optim.h. */
#include "trainer/optim/optim.h"

#include "base/arena.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rates ---- */
#define ENCODER "backbone.0.encoder."
#define BLOCK   ENCODER "encoder.encoder.layer."

/* Parts of names of encoder parameters that are not decayed. */
static const char *const undecayed[] = {"gamma", "pos_embed", "rel_pos", "bias", "norm", "embeddings"};

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static int last_feature(const struct variant *variant)
{
    int last = 0;

    for (int i = 0; i < VARIANT_FEATURES; i++)
        if (variant->out_feature_indexes[i] > last)
            last = variant->out_feature_indexes[i];
    return last;
}

static double everywhere(const struct optim_config *config, const char *name)
{
    (void)name;
    return config->lr;
}

static double decoder(const struct optim_config *config, const char *name)
{
    (void)name;
    return config->lr * config->lr_component_decay;
}

/* The earlier a part stands in the encoder, the slower it changes. */
static double encoder(const struct optim_config *config, const char *name)
{
    int top = last_feature(config->variant) + 2, depth = top, block;

    if (sscanf(name, BLOCK "%d.", &block) == 1)
        depth = block + 1;
    else if (strstr(name, "embeddings"))
        depth = 0;
    return config->lr_encoder * pow(config->lr_component_decay, 2) * pow(config->lr_vit_layer_decay, top - depth);
}

static bool decayed(const char *name)
{
    for (size_t i = 0; i < sizeof undecayed / sizeof *undecayed; i++)
        if (strstr(name, undecayed[i]))
            return false;
    return true;
}

static bool always(const char *name)
{
    (void)name;
    return true;
}

static const struct { /* the first that fits */
    const char *start;
    double (*lr)(const struct optim_config *config, const char *name);
    bool (*decayed)(const char *name);
} groups[] = {
    {"transformer.decoder.", decoder, always},
    {ENCODER, encoder, decayed},
    {"", everywhere, always},
};

struct optim_config optim_config_of(const struct job_spec *spec)
{
    return (struct optim_config){
        .variant = &variants[spec->model],
        .lr = spec->lr,
        .lr_encoder = spec->lr_encoder,
        .weight_decay = spec->weight_decay,
        .lr_vit_layer_decay = spec->lr_vit_layer_decay,
        .lr_component_decay = spec->lr_component_decay,
        .clip_max_norm = spec->clip_max_norm,
    };
}

struct optim_rates optim_rates_of(const struct optim_config *config, const char *name)
{
    size_t i = 0;

    while (!starts_with(name, groups[i].start))
        i++;
    return (struct optim_rates){groups[i].lr(config, name), groups[i].decayed(name) ? config->weight_decay : 0};
}

/* ---- steps ---- */
struct entry {
    struct tensor *value;
    struct optim_rates rates;
    struct optim_state state;
};

struct optim {
    double clip_max_norm;
    int count;
    struct entry *entries;
    struct tensor **gradients; /* room for all that exist */
};

struct optim *optim_new(const struct optim_config *config, const struct optim_param *params, int n)
{
    struct optim *optim = xcalloc(1, sizeof *optim);

    optim->clip_max_norm = config->clip_max_norm;
    optim->count = n;
    optim->entries = xcalloc((size_t)n, sizeof *optim->entries);
    optim->gradients = xcalloc((size_t)n, sizeof(struct tensor *));
    for (int i = 0; i < n; i++)
        optim->entries[i] = (struct entry){.value = params[i].value, .rates = optim_rates_of(config, params[i].name)};
    return optim;
}

static void drop_state(struct optim_state *state)
{
    tensor_drop(state->exp_avg);
    tensor_drop(state->exp_avg_sq);
    *state = (struct optim_state){0};
}

void optim_free(struct optim *optim)
{
    if (!optim)
        return;
    for (int i = 0; i < optim->count; i++)
        drop_state(&optim->entries[i].state);
    free(optim->gradients);
    free(optim->entries);
    free(optim);
}

bool optim_zero_grad(struct optim *optim)
{
    for (int i = 0; i < optim->count; i++)
        (void)tensor_zero_grad(optim->entries[i].value);
    return tensor_ok();
}

/* Lists the gradients there are, borrowed from the open scope. */
static int list_gradients(struct optim *optim)
{
    int count = 0;

    for (int i = 0; i < optim->count; i++) {
        struct tensor *gradient = tensor_grad(optim->entries[i].value);

        if (gradient)
            optim->gradients[count++] = gradient;
    }
    return count;
}

bool optim_scale(struct optim *optim, double by)
{
    size_t scope = tensor_scope_open();
    int count = list_gradients(optim);

    if (count > 0)
        (void)tensor_foreach_mul_(optim->gradients, count,
                                  tensor_full(NULL, 0, by, TENSOR_F32, tensor_device_of(optim->gradients[0])));
    tensor_scope_close(scope);
    return tensor_ok();
}

/* Multiplies gradients, whose norm is given, by min(1, clip_max_norm / (norm + 1e-6)). */
static void clip(struct optim *optim, int count, struct tensor *norm)
{
    struct tensor *limit = tensor_full(NULL, 0, optim->clip_max_norm, TENSOR_F32, tensor_device_of(norm));

    (void)tensor_foreach_mul_(optim->gradients, count, tensor_clamp(tensor_div(limit, tensor_add_k(norm, 1e-6)), 0, 1));
}

struct tensor *optim_clip(struct optim *optim)
{
    size_t scope = tensor_scope_open();
    int count = list_gradients(optim);
    struct tensor *norm = tensor_norm_all(optim->gradients, count);

    if (optim->clip_max_norm > 0 && norm)
        clip(optim, count, norm);
    return tensor_scope_leave(scope, norm);
}

static void start_state(struct entry *entry)
{
    if (entry->state.exp_avg)
        return;
    entry->state.exp_avg = tensor_keep(tensor_zeros_like(entry->value));
    entry->state.exp_avg_sq = tensor_keep(tensor_zeros_like(entry->value));
}

static void step_entry(struct entry *entry, struct tensor *gradient, double factor)
{
    struct adamw_step step = {.lr = entry->rates.lr * factor,
                              .beta1 = 0.9,
                              .beta2 = 0.999,
                              .eps = 1e-8,
                              .weight_decay = entry->rates.weight_decay,
                              .step = entry->state.step + 1};

    start_state(entry);
    if (tensor_adamw_(entry->value, gradient, entry->state.exp_avg, entry->state.exp_avg_sq, &step))
        entry->state.step = step.step;
}

bool optim_step(struct optim *optim, double factor)
{
    for (int i = 0; i < optim->count && tensor_ok(); i++) {
        size_t scope = tensor_scope_open();
        struct tensor *gradient = tensor_grad(optim->entries[i].value);

        if (gradient)
            step_entry(&optim->entries[i], gradient, factor);
        tensor_scope_close(scope);
    }
    return tensor_ok();
}

struct optim_state optim_state_at(const struct optim *optim, int index)
{
    return optim->entries[index].state;
}
