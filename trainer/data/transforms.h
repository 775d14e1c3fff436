/* trainer/data/transforms.h: what is done to an image and its boxes before the model sees them.  Source: rf-detr 7.3
 * (torchvision path) and 7.6. */
#pragma once
#include "trainer/data/dataset.h"
#include "trainer/data/image/image.h"
#include "trainer/data/rng.h"

/* An image under way, and room for the next one: zero it at first; sample_free at last. */
struct sample {
    struct image image, spare, between; /* the latter two are room for transforms */
    struct data_object *objects;        /* boxes in pixels of image as it is now */
    int count, crowd_count, room;       /* crowds stand behind the others */
};

void sample_free(struct sample *sample);

/* Reads split's image of that index and its objects, without crowds for training.  least: see image_read. */
MUST_CHECK bool sample_read(struct sample *sample, const struct data_split *split, int64_t index, bool crowds,
                            int least, struct err *err);

/* Boxes follow the image; areas are scaled. */
void sample_resize(struct sample *sample, int width, int height);

/* Cuts; boxes too, and those without anything left are dropped; areas are then the boxes'. */
void sample_crop(struct sample *sample, int left, int top, int width, int height);

void sample_flip(struct sample *sample);

/* The short side becomes side px, the long one in proportion. */
void sample_resize_short(struct sample *sample, int side);

struct augmentation {
    int size; /* px of the square result */
    bool scale_jitter, flip;
};

/* All of training's transforms, drawn from rng. */
void sample_augment(struct sample *sample, const struct augmentation *augmentation, struct rng *rng);

/* The least side, in px, at which an image may be read for them. */
int augmentation_least_side(const struct augmentation *augmentation);

/* The image as floats [3, height, width], normalised with ImageNet's mean and deviation. */
void sample_write_image(const struct sample *sample, float *out);

/* A box as cx cy w h in 0..1 of the image. */
void sample_write_box(const struct sample *sample, int index, float out[4]);
