/* trainer/optim/optim.h: how parameters change in a step: rates by name, clipping, AdamW.
 *
 * Parameters are named by state_dict key, and the key decides the rate (layer-wise decay in the encoder, a factor for
 * the decoder) and the weight decay.  Parameters without a gradient are left as they are. Source: rfdetr 1.11.2
 * `training/param_groups.py`, `models/backbone/backbone.py`; AdamW: Loshchilov and Hutter, ICLR 2019, as
 * torch.optim.AdamW with betas 0.9 and 0.999 and eps 1e-8.  Training thread only. */
#pragma once
#include "spec/job_spec.h"
#include "trainer/tensor/tensor.h"

struct optim_config {
    const struct variant *variant;
    double lr, lr_encoder, weight_decay;
    double lr_vit_layer_decay, lr_component_decay;
    double clip_max_norm; /* 0: gradients are not clipped */
};

struct optim_config optim_config_of(const struct job_spec *spec);

struct optim_rates {
    double lr; /* before the schedule's factor */
    double weight_decay;
};

/* Those of the parameter of that name. */
struct optim_rates optim_rates_of(const struct optim_config *config, const char *name);

struct optim_param {
    const char *name;
    struct tensor *value; /* float32 leaf; its gradient is what tensor_backward left there */
};

struct optim_state {                     /* one parameter's; NULL, NULL, 0 before its first step */
    struct tensor *exp_avg, *exp_avg_sq; /* float32, shaped like the parameter */
    int64_t step;
};

struct optim; /* opaque */

/* Returns an optimiser.  Copies the list; names and tensors must outlive it. */
struct optim *optim_new(const struct optim_config *config, const struct optim_param *params, int n);
void optim_free(struct optim *optim); /* NULL is fine */

/* Forgets all gradients. */
bool optim_zero_grad(struct optim *optim);

/* Multiplies all gradients. */
bool optim_scale(struct optim *optim, double by);

/* Clips: multiplies all gradients by min(1, clip_max_norm / (norm + 1e-6)), without waiting for a GPU.  Returns their
 * norm before, 0-dim, in the open scope: not finite when any gradient is not. */
struct tensor *optim_clip(struct optim *optim);

/* One step of AdamW with every rate times factor. */
bool optim_step(struct optim *optim, double factor);

/* The state by parameter, in the order of the list given to optim_new; for checkpoints. */
struct optim_state optim_state_at(const struct optim *optim, int index); /* borrowed */
