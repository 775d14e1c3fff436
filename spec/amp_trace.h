/* spec/amp_trace.h: what a policy promises at each named point of the model, and whether a run kept it.
 * A trace is the array of the spool's amp_trace message, [{"point", "device", "dtype", "depth"}]: what each point put
 * out in the first step of a pass and how deep in autocast it ran.  The trainer fails a job by this verdict and the
 * daemon shows it. */
#pragma once
#include "spec/amp_policy.h"
#include "spec/variant.h"

#include <jansson.h>

struct amp_point {
    const char *name;               /* a '*' stands for each encoder block or decoder layer */
    bool lowered_cpu, lowered_cuda; /* puts out the policy's dtype there, else float32 */
};

/* The points of the model, in the order it reaches them.  Ends with an entry whose name is NULL. */
extern const struct amp_point amp_points[];

/* The train trace has this one more: float32, outside of the region. */
#define AMP_POINT_CRITERION "criterion"

/* The point that name ("vit.3.query") is one of, or NULL. */
const struct amp_point *amp_point_find(const char *name);

/* How many points a model has: 54 for pico, 102 for nano.  The criterion is not counted. */
int amp_point_count(const struct variant *variant);

/* The entry of that point in a trace (borrowed), or NULL. */
json_t *amp_trace_find(const json_t *trace, const char *point);

struct amp_verdict {
    bool equal;     /* train = eval, point by point; false without an eval trace */
    bool as_policy; /* every trace given is what the policy promises */
    struct {
        char point[64], pass[8], policy[64], ran[64]; /* empty when as_policy */
    } first_difference;
};

/* Judges the trace of train and, unless it is NULL, that of eval. */
struct amp_verdict amp_trace_judge(const json_t *train, const json_t *eval, const struct amp_policy *policy,
                                   const struct variant *variant);
