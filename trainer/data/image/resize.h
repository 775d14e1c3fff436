/* trainer/data/image/resize.h: resampling, cutting and mirroring of RGB images. */
#pragma once
#include "trainer/data/image/image.h"

/* from at width × height px in to: bilinear with antialias, as Pillow's Image.resize(…, BILINEAR): first across, then
 * down, with rounding to 8 bits in between.  (Pillow 13 goes down first where the height shrinks by more than twice as
 * many pixels as the width: the same within one grey level.)  between is room for the first pass.  All three are
 * different images. */
void image_resize(const struct image *from, int width, int height, struct image *to, struct image *between);

/* The part of from at left, top of width × height px, which lies inside it, in to. */
void image_crop(const struct image *from, int left, int top, int width, int height, struct image *to);

/* Mirrors left and right. */
void image_flip(struct image *image);
