/* trainer/detections.h: what an evaluation found, kept as eval/detections.json in the job's folder: COCO's results
 * format, so that any COCO evaluator gives the figures again.  Only the newest evaluation is kept, whole or not at all.
 */
#pragma once
#include "base/err.h"

#include <stdint.h>

struct detections_file; /* opaque */

/* Returns a new file beside the old one in the directory dir, or NULL. */
MUST_CHECK struct detections_file *detections_open(int dir, struct err *err);

/* box: x, y, width, height in pixels.  A failure is told by detections_commit. */
void detections_add(struct detections_file *file, int64_t image_id, int64_t category_id, const double box[4],
                    double score);

/* Replaces the old file by this one and frees it. */
MUST_CHECK bool detections_commit(struct detections_file *file, struct err *err);
/* Throws it away.  NULL is fine. */
void detections_abandon(struct detections_file *file);
