/* jobs/devices.h: what the worker's libtorch can use on this machine: the answer of `detrd-worker devices`. */
#pragma once
#include "base/err.h"

struct devices {
    char libtorch[64]; /* version; "": the worker did not tell */
    bool has_cuda;
    bool cpu_native_bfloat16; /* false: emulated */
};

/* Asks worker, the path of detrd-worker, and waits for its answer, a minute at most. */
MUST_CHECK bool devices_ask(const char *worker, struct devices *devices, struct err *err);
