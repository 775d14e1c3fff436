/* tests/unit/test_grad_scaler.c: the scale's arithmetic, and with it and the optimiser a step whose gradients overflow.
 */
#include "tests/unit/check_main.h"
#include "trainer/optim/grad_scaler.h"
#include "trainer/optim/optim.h"

#include <math.h>

START_TEST(the_scale_doubles_after_2000_good_steps_in_a_row)
{
    struct grad_scaler scaler = grad_scaler_start();

    ck_assert_double_eq(scaler.scale, 65536);
    for (int i = 0; i < 1999; i++)
        ck_assert(grad_scaler_update(&scaler, true));
    ck_assert_double_eq(scaler.scale, 65536);
    ck_assert(grad_scaler_update(&scaler, true));
    ck_assert_double_eq(scaler.scale, 131072);
    ck_assert_int_eq(scaler.good_steps, 0);
}
END_TEST

START_TEST(a_bad_step_is_left_out_halves_the_scale_and_starts_the_count_again)
{
    struct grad_scaler scaler = grad_scaler_start();

    for (int i = 0; i < 1999; i++)
        ck_assert(grad_scaler_update(&scaler, true));
    ck_assert(!grad_scaler_update(&scaler, false));
    ck_assert_double_eq(scaler.scale, 32768);
    for (int i = 0; i < 1999; i++)
        ck_assert(grad_scaler_update(&scaler, true));
    ck_assert_double_eq(scaler.scale, 32768);
    ck_assert(grad_scaler_update(&scaler, true));
    ck_assert_double_eq(scaler.scale, 65536);
}
END_TEST

/* One step of a parameter w with the loss by · w, scaled, unscaled and clipped as a job does it. */
static bool take_step(struct grad_scaler *scaler, struct optim *optim, struct tensor *w, double by)
{
    size_t scope = tensor_scope_open();
    struct tensor *loss = tensor_mul_k(tensor_sum_all(tensor_mul_k(w, by)), scaler->scale);
    bool taken;

    ck_assert(optim_zero_grad(optim) && tensor_backward(loss) && optim_scale(optim, 1 / scaler->scale));
    taken = grad_scaler_update(scaler, isfinite(tensor_item(optim_clip(optim))));
    if (taken)
        ck_assert(optim_step(optim, 1));
    tensor_scope_close(scope);
    return taken;
}

START_TEST(an_infinite_gradient_changes_neither_weights_nor_state)
{
    const struct optim_config config = {.variant = &variants[0], .lr = 0.5, .clip_max_norm = 0.1};
    size_t scope = tensor_scope_open();
    struct tensor *w = tensor_full(DIMS(3), 2, TENSOR_F32, TENSOR_CPU);
    struct optim *optim = optim_new(&config, &(struct optim_param){"class_embed.bias", w}, 1);
    struct grad_scaler scaler = grad_scaler_start();
    float values[3];

    ck_assert(tensor_requires_grad_(w, true));
    ck_assert(!take_step(&scaler, optim, w, 1e38)); /* 1e38 · 65536 is not a float32 */
    ck_assert(!take_step(&scaler, optim, w, NAN));
    ck_assert(tensor_read(w, values, sizeof values));
    ck_assert_float_eq(values[0], 2);
    ck_assert_int_eq(optim_state_at(optim, 0).step, 0);
    ck_assert_double_eq(scaler.scale, 16384);

    ck_assert(take_step(&scaler, optim, w, 1e-7)); /* the first step of AdamW is lr · g / (|g| + eps) */
    ck_assert(tensor_read(w, values, sizeof values));
    ck_assert_float_lt(values[0], 1.6F);
    ck_assert_int_eq(optim_state_at(optim, 0).step, 1);
    optim_free(optim);
    tensor_scope_close(scope);
}
END_TEST

TEST_MAIN("grad_scaler", TEST(the_scale_doubles_after_2000_good_steps_in_a_row)
                             TEST(a_bad_step_is_left_out_halves_the_scale_and_starts_the_count_again)
                                 TEST(an_infinite_gradient_changes_neither_weights_nor_state))
