/* trainer/optim/grad_scaler.h: the scale that keeps small float16 gradients from becoming zero.
 *
 * The loss is multiplied by scale before backward and the gradients divided by it after.  Where a gradient is then not
 * finite, the step is left out and the scale halved; after 2000 good steps in a row it doubles.  Numbers: torch.amp's
 * GradScaler.  Only arithmetic, no tensors; both fields are part of a checkpoint. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct grad_scaler {
    double scale;
    int64_t good_steps; /* since the scale last changed */
};

struct grad_scaler grad_scaler_start(void);

/* Takes note of a step whose gradients are all finite, or not.  Returns whether the step is to be taken. */
bool grad_scaler_update(struct grad_scaler *scaler, bool finite);
