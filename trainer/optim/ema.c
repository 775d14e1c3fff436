/* trainer/optim/ema.c: see ema.h. */
#include "trainer/optim/ema.h"

#include <math.h>

double ema_next_decay(const struct ema *ema)
{
    if (ema->updates == 0)
        return 0;
    return ema->tau > 0 ? ema->decay * (1 - exp(-(double)(ema->updates + 1) / ema->tau)) : ema->decay;
}

bool ema_update(struct ema *ema, struct tensor *const *average, struct tensor *const *weights, int n, int64_t step)
{
    if (step % ema->interval != 0)
        return true;
    if (!tensor_foreach_lerp_(average, weights, n, 1 - ema_next_decay(ema)))
        return false;
    ema->updates++;
    return true;
}
