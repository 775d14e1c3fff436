/* trainer/data/coco.h: one COCO annotation file as it stands, checked value by value but not yet against anything. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>

struct coco_category {
    int64_t id;
    const char *name;
    const char *supercategory; /* NULL: absent or null */
};

struct coco_image {
    int64_t id;
    const char *file;
    double width, height; /* NAN: absent or not a number */
};

struct coco_annotation {
    int64_t image_id, category_id;
    double box[4]; /* x y width height in pixels, finite, within ±1e7; the sizes may be negative */
    double area;   /* px²; 0: not given */
    bool crowd;
};

/* Positions in the arrays are those in the file, so they make JSON pointers. */
struct coco {
    const char *file; /* what messages call it */
    struct coco_category *categories;
    struct coco_image *images;
    struct coco_annotation *annotations;
    int64_t category_count, image_count, annotation_count;
    struct arena *arena; /* holds the texts; the caller's */
};

/* Reads path, called file in messages, or returns false: ERR_DATASET with file, pointer and value.  Free coco's arrays
 * with coco_clear in either case. */
MUST_CHECK bool coco_read(const char *path, const char *file, struct arena *arena, struct coco *coco, struct err *err);

void coco_clear(struct coco *coco);
