/* trainer/optim/grad_scaler.c: see grad_scaler.h. */
#include "trainer/optim/grad_scaler.h"

enum { GROWTH_INTERVAL = 2000 };
static const double first_scale = 65536, growth = 2, back_off = 0.5;

struct grad_scaler grad_scaler_start(void)
{
    return (struct grad_scaler){.scale = first_scale};
}

bool grad_scaler_update(struct grad_scaler *scaler, bool finite)
{
    if (!finite) {
        scaler->scale *= back_off;
        scaler->good_steps = 0;
    } else if (++scaler->good_steps == GROWTH_INTERVAL) {
        scaler->scale *= growth;
        scaler->good_steps = 0;
    }
    return finite;
}
