/* trainer/optim/schedule.c: see schedule.h. */
#include "trainer/optim/schedule.h"

#include <math.h>

static const double after_drop = 0.1;

struct schedule schedule_make(const struct job_spec *spec, int64_t total_steps)
{
    int64_t per_epoch = total_steps / spec->epochs > 1 ? total_steps / spec->epochs : 1;

    return (struct schedule){
        .kind = (enum lr_scheduler)spec->lr_scheduler,
        .total_steps = total_steps,
        .steps_per_epoch = per_epoch,
        .warmup_steps = (int64_t)((double)per_epoch * spec->warmup_epochs),
        .lr_drop = spec->lr_scheduler_kwargs.lr_drop,
        .min_factor = spec->lr_scheduler_kwargs.min_factor,
    };
}

static double step_factor(const struct schedule *schedule, int64_t step)
{
    return (double)step < schedule->lr_drop * (double)schedule->steps_per_epoch ? 1 : after_drop;
}

static double cosine_factor(const struct schedule *schedule, int64_t step)
{
    int64_t steps = schedule->total_steps - schedule->warmup_steps;
    double progress = (double)(step - schedule->warmup_steps) / (double)(steps > 1 ? steps : 1);

    return schedule->min_factor + (1 - schedule->min_factor) * 0.5 * (1 + cos(M_PI * progress));
}

static double (*const factors[])(const struct schedule *schedule, int64_t step) = {
    [LR_STEP] = step_factor,
    [LR_COSINE] = cosine_factor,
};

double schedule_factor(const struct schedule *schedule, int64_t step)
{
    if (step < schedule->warmup_steps)
        return (double)step / (double)schedule->warmup_steps;
    return factors[schedule->kind](schedule, step);
}
