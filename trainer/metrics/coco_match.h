/* trainer/metrics/coco_match.h: which detection finds which object, for coco_eval alone. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COCO_IOUS = 10, COCO_AREAS = 4 }; /* thresholds 0.50:0.05:0.95; all, small, medium, large */

struct coco_truth {
    int64_t image;
    size_t order; /* of being added */
    int class_index;
    bool crowd;
    double area, box[4];
};

struct coco_found {
    int64_t image;
    size_t order;
    int class_index;
    double score, box[4];
};

#define COCO_COMPARE(a, b) (((a) > (b)) - ((a) < (b))) /* for qsort */

/* What matching says of one detection; bit t stands for IoU threshold t. */
struct coco_match {
    double score;
    size_t position; /* in the order of images, then scores */
    int rank;        /* among the image's detections of the class, from 0 */
    uint16_t found[COCO_AREAS], ignored[COCO_AREAS];
};

/* The rows of one class, or of one class in one image. */
struct coco_rows {
    const struct coco_truth *truths;
    const struct coco_found *found;
    size_t truth_count, found_count;
};

/* Takes off left the rows that it begins with. */
void coco_rows_skip(struct coco_rows *left, const struct coco_rows *taken);

/* Matches all images of one class, best detection first, at most limit of them an image.  rows are in the order of
 * images, what was found in each by score.  Fills matches, which has room for every detection, by falling score (equal
 * scores: the earlier image first) and returns their number; to_find gets how many objects there are to be found by
 * area range. */
size_t coco_match_class(struct coco_rows rows, int limit, struct coco_match *matches, int64_t to_find[COCO_AREAS]);
