/* trainer/amp.h: mixed precision at run time: entering the region that a policy describes, and the proof of what ran.
 * The contract is in ARCHITECTURE.md, "Mixed precision".  Training thread only. */
#pragma once
#include "spec/amp_policy.h"
#include "trainer/model/layers.h"

#include <jansson.h>

/* The only function in the program that enters autocast.  A policy that is off enters nothing, and the computation is
 * bit-identical to one that never came here. */
bool amp_enter(const struct amp_policy *policy);
/* Leaves it again and drops the cache of cast weights. */
void amp_leave(const struct amp_policy *policy);

/* The index of the device that a policy names, for tensor.h. */
int amp_device(const struct amp_policy *policy);

/* A precision trace: for each point of spec/amp_trace.h's table that a pass reaches, the device and dtype it put out
 * and how deep in autocast it ran. */
struct amp_trace {
    json_t *points;    /* [{"point", "device", "dtype", "depth"}]; owned */
    char unequal[192]; /* a point reached twice with different results, in words, or "" */
};

void amp_trace_init(struct amp_trace *trace);
void amp_trace_done(struct amp_trace *trace);

/* A probe that fills the trace; it borrows trace. */
struct probe amp_trace_probe(struct amp_trace *trace);

/* Adds a point that is not the model's. */
void amp_trace_add(struct amp_trace *trace, const char *point, struct tensor *value, int depth);
