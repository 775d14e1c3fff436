/* tests/integration/amp_mutants.c: the mistakes that the AMP proof must find, put into a test trainer at link time
 * (-Wl,--wrap on what enters and leaves the region and on the model's forward).  DETRD_TEST_MUTANT names one; without
 * it the trainer is the shipped one.  "never" is no mistake where the policy is off: a build without autocast. */
#include "trainer/amp.h"
#include "trainer/model/model.h"

#include <stdlib.h>
#include <string.h>

bool __real_amp_enter(const struct amp_policy *policy);
void __real_amp_leave(const struct amp_policy *policy);
struct model_output __real_model_forward(const struct model *model, struct tensor *images, bool training,
                                         const struct probe *probe);
bool __wrap_amp_enter(const struct amp_policy *policy);
void __wrap_amp_leave(const struct amp_policy *policy);
struct model_output __wrap_model_forward(const struct model *model, struct tensor *images, bool training,
                                         const struct probe *probe);

static struct amp_policy current; /* of the region entered last */
static bool training_pass;

static bool mutant_is(const char *name)
{
    const char *mutant = getenv("DETRD_TEST_MUTANT");

    return mutant && strcmp(mutant, name) == 0;
}

bool __wrap_amp_enter(const struct amp_policy *policy)
{
    current = *policy;
    return mutant_is("never") || __real_amp_enter(policy);
}

void __wrap_amp_leave(const struct amp_policy *policy)
{
    if (mutant_is("never") || (training_pass && mutant_is("criterion_inside")))
        return;
    __real_amp_leave(policy);
}

/* The forward inside the region of another policy; the region that run_forward entered is restored behind it. */
static struct model_output forward_under(const struct amp_policy *policy, const struct model *model,
                                         struct tensor *images, bool training, const struct probe *probe)
{
    struct model_output out;

    __real_amp_leave(&current);
    (void)__real_amp_enter(policy);
    out = __real_model_forward(model, images, training, probe);
    __real_amp_leave(policy);
    (void)__real_amp_enter(&current);
    return out;
}

struct model_output __wrap_model_forward(const struct model *model, struct tensor *images, bool training,
                                         const struct probe *probe)
{
    struct amp_policy other = current;
    struct model_output out;

    training_pass = training;
    if (mutant_is("neither_entered") || mutant_is(training ? "train_not_entered" : "eval_not_entered")) {
        other.enabled = false;
        return forward_under(&other, model, images, training, probe);
    }
    if (!training && mutant_is("eval_other_device")) {
        other.device_type = current.device_type == DEVICE_CPU ? DEVICE_CUDA : DEVICE_CPU;
        return forward_under(&other, model, images, training, probe);
    }
    if (!training && mutant_is("eval_other_dtype")) {
        other.dtype = current.dtype == AMP_BFLOAT16 ? AMP_FLOAT16 : AMP_BFLOAT16;
        return forward_under(&other, model, images, training, probe);
    }
    if (!mutant_is("second_entry"))
        return __real_model_forward(model, images, training, probe);
    (void)__real_amp_enter(&current);
    out = __real_model_forward(model, images, training, probe);
    __real_amp_leave(&current);
    return out;
}
