/* trainer/metrics/coco_eval.h: COCO's average precision and recall for boxes, as pycocotools 2.0.11 computes them.
 *
 * An accumulator: add truth and detections of a whole split, then ask for figures, as often as wanted and for any
 * maxDets from the same data (1, 10, 100 is COCO's; 1, 10, 500 the reference's).  Plain C, double precision.
 *
 * Images are numbers >= 0 in the order in which they count among equal scores (pycocotools: ascending image id);
 * classes are 0 … class_count - 1.  Boxes are x, y, width, height in pixels of the original image. One accumulator
 * belongs to one thread at a time. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* In the order of pycocotools' stats. */
enum coco_figure {
    COCO_AP,        /* mean over IoU 0.50:0.05:0.95, at max_dets[2] as all that has no other note */
    COCO_AP50,      /* IoU 0.50 */
    COCO_AP75,      /* IoU 0.75 */
    COCO_AP_SMALL,  /* area <= 32² px */
    COCO_AP_MEDIUM, /* 32² <= area <= 96² */
    COCO_AP_LARGE,  /* area >= 96² */
    COCO_AR_LOW,    /* recall at max_dets[0] detections an image and class */
    COCO_AR_MIDDLE, /* at max_dets[1] */
    COCO_AR,        /* at max_dets[2] */
    COCO_AR_SMALL,
    COCO_AR_MEDIUM,
    COCO_AR_LARGE,
    COCO_FIGURE_COUNT
};

struct coco_figures {
    double value[COCO_FIGURE_COUNT]; /* 0 … 1; -1 where there is no ground truth to find */
    int64_t boxes;                   /* ground truth without crowds */
};

struct coco_eval; /* opaque */

struct coco_eval *coco_eval_new(int class_count);

/* NULL is fine. */
void coco_eval_free(struct coco_eval *eval);

/* Adds an object to be found.  area decides its size range and need not be the box's.  A crowd is none to be found, but
 * a region in which detections count neither for nor against. */
void coco_eval_add_truth(struct coco_eval *eval, int64_t image, int class_index, const double box[4], double area,
                         bool crowd);

/* Adds a detection.  Among equal scores the one added first counts first.  A score that is NaN comes last. */
void coco_eval_add_detection(struct coco_eval *eval, int64_t image, int class_index, double score, const double box[4]);

/* Figures of all that was added.  max_dets ascends; each is >= 1.  *all: the mean over the classes that have ground
 * truth.  classes: class_count rows, or NULL. */
void coco_eval_run(struct coco_eval *eval, const int max_dets[3], struct coco_figures *all,
                   struct coco_figures *classes);
