/* trainer/checkpoint.h: checkpoints/last.safetensors and best.safetensors in the job's folder.
 * Tensors "model.<key>", "ema.<key>" and, in last, "exp_avg.<key>" and "exp_avg_sq.<key>", float32; the metadata text
 * "detrd" is JSON: format 1, variant, classes, spec, amp, libtorch, device, epoch, step, ema_updates. */
#pragma once
#include "trainer/run.h"

enum checkpoint_kind { CHECKPOINT_LAST, CHECKPOINT_BEST };

/* Writes the run's state atomically and tells it in the spool.  metrics: of the evaluation it belongs to, or NULL. */
MUST_CHECK bool checkpoint_write(struct run *run, enum checkpoint_kind kind, const json_t *metrics, struct err *err);

/* Starts model from the file at path: the EMA's weights where there are any.  Class heads are cut or filled up by
 * repeating rows, queries are cut by group, the position table is interpolated; any other difference is ERR_WEIGHTS,
 * which names file and tensor.  Source: rfdetr 1.11.2 `models/weights.py`. */
MUST_CHECK bool checkpoint_load_weights(struct model *model, const char *path, struct err *err);
