/* jobs/devices.h: what the worker's libtorch can use on this machine: the answer of `detrd-worker devices`.  Loop
 * thread only. */
#pragma once
#include "jobs/ask.h"

struct devices {
    bool is_known;     /* it was answered, or will not be: the rest is false then */
    char libtorch[64]; /* version; "": the worker did not tell */
    bool has_cuda;
    bool cpu_native_bfloat16; /* false: emulated */
};

/* Asks worker, the path of detrd-worker, and calls done(arg) as ask_start does. */
MUST_CHECK struct ask *devices_ask(const char *worker, struct loop *loop, void (*done)(void *arg), void *arg,
                                   struct err *err);

/* Reads the answer, once it is done. */
MUST_CHECK bool devices_read(const struct ask *ask, struct devices *devices, struct err *err);
