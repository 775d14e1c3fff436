/* trainer/data/shapes.h: the generated data set "shapes": circles, squares and triangles on noisy ground.
 * Whole numbers only, so that every machine makes the same bytes.  The recipe is shapes-1. */
#pragma once
#include "trainer/data/dataset.h"

enum { SHAPES_SIDE = 128, SHAPES_BYTES = SHAPES_SIDE * SHAPES_SIDE * 3, SHAPES_KINDS = 3, SHAPES_MOST = 6 };

struct shapes_object {
    int kind;                /* 0 circle, 1 square, 2 triangle */
    int x, y, width, height; /* px */
};

struct shapes_image {
    uint8_t pixels[SHAPES_BYTES]; /* [y, x, RGB] */
    struct shapes_object objects[SHAPES_MOST];
    int count;
};

extern const char shapes_recipe[];

/* Image number index (from 0) of a split. */
void shapes_make(enum split split, int64_t index, struct shapes_image *image);

/* Images of each split where nothing else is asked for. */
extern const int shapes_counts[SPLIT_COUNT];

/* Makes dir with counts images a split (0: without that split) in Roboflow's COCO layout.  dir may exist when it is
 * empty; it is whole or not there. */
MUST_CHECK bool shapes_write(const char *dir, const int counts[SPLIT_COUNT], struct err *err);
