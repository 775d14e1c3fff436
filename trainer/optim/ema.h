/* trainer/optim/ema.h: the moving average of the weights, which evaluation and the final checkpoint use.
 *
 * The first update copies; update n (from 1) moves the average by 1 − d towards the weights, d = decay · (1 − e^(−(n +
 * 1)/tau)), or decay when tau is 0.  Source: rfdetr 1.11.2 `training/callbacks/ema.py`.  Training thread only. */
#pragma once
#include "trainer/tensor/tensor.h"

struct ema {
    double decay, tau;
    int64_t interval; /* optimiser steps between updates */
    int64_t updates;  /* done; part of a checkpoint */
};

/* d of the next update; 0 for the first. */
double ema_next_decay(const struct ema *ema);

/* Moves average[n] towards weights[n] (same shapes, float32), when optimiser step number step (from 1) is due. */
bool ema_update(struct ema *ema, struct tensor *const *average, struct tensor *const *weights, int n, int64_t step);
