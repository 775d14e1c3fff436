/* trainer/data/transforms.c: see transforms.h.  Box arithmetic is float32, as the reference's. */
#include "trainer/data/transforms.h"

#include "base/arena.h"
#include "trainer/data/image/resize.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sample_free(struct sample *sample)
{
    image_free(&sample->image);
    image_free(&sample->spare);
    image_free(&sample->between);
    free(sample->objects);
    *sample = (struct sample){0};
}

static void swap_images(struct sample *sample)
{
    struct image held = sample->image;

    sample->image = sample->spare;
    sample->spare = held;
}

static void scale_objects(struct sample *sample, double across, double down)
{
    const float ratio[4] = {(float)across, (float)down, (float)across, (float)down};

    for (int i = 0; i < sample->count + sample->crowd_count; i++) {
        struct data_object *object = &sample->objects[i];

        for (int k = 0; k < 4; k++)
            object->box[k] *= ratio[k];
        object->area *= (float)(across * down);
    }
}

static void copy_objects(struct sample *sample, const struct data_image *from, bool crowds)
{
    if (from->object_count > sample->room) {
        sample->room = (int)from->object_count;
        sample->objects = xrealloc(sample->objects, (size_t)sample->room * sizeof(*sample->objects));
    }
    sample->count = sample->crowd_count = 0;
    for (int64_t i = 0; i < from->object_count; i++)
        if (!from->objects[i].crowd)
            sample->objects[sample->count++] = from->objects[i];
    for (int64_t i = 0; crowds && i < from->object_count; i++)
        if (from->objects[i].crowd)
            sample->objects[sample->count + sample->crowd_count++] = from->objects[i];
}

bool sample_read(struct sample *sample, const struct data_split *split, int64_t index, bool crowds, int least,
                 struct err *err)
{
    const struct data_image *from = &split->images[index];
    char path[PATH_MAX];
    const char *name = path + (strrchr(split->folder, '/') + 1 - split->folder); /* "train/a.jpg" */

    (void)snprintf(path, sizeof(path), "%s/%s", split->folder, from->file); /* dataset_open saw that it fits */
    if (!image_read(path, name, least, &sample->image, err))
        return false;
    copy_objects(sample, from, crowds);
    if (sample->image.width != from->width || sample->image.height != from->height)
        scale_objects(sample, (double)sample->image.width / from->width, (double)sample->image.height / from->height);
    return true;
}

void sample_resize(struct sample *sample, int width, int height)
{
    double across = (double)width / sample->image.width, down = (double)height / sample->image.height;

    image_resize(&sample->image, width, height, &sample->spare, &sample->between);
    swap_images(sample);
    scale_objects(sample, across, down);
}

static bool crop_object(struct data_object *object, const float shift[2], const float size[2])
{
    for (int k = 0; k < 4; k++)
        object->box[k] = fmaxf(fminf(object->box[k] - shift[k % 2], size[k % 2]), 0);
    object->area = (object->box[2] - object->box[0]) * (object->box[3] - object->box[1]);
    return object->box[2] > object->box[0] && object->box[3] > object->box[1];
}

void sample_crop(struct sample *sample, int left, int top, int width, int height)
{
    const float shift[2] = {(float)left, (float)top}, size[2] = {(float)width, (float)height};
    int total = sample->count + sample->crowd_count, kept = 0, crowds = 0;

    image_crop(&sample->image, left, top, width, height, &sample->spare);
    swap_images(sample);
    for (int i = 0; i < total; i++) {
        struct data_object object = sample->objects[i];

        if (!crop_object(&object, shift, size))
            continue;
        crowds += object.crowd;
        sample->objects[kept++] = object;
    }
    sample->count = kept - crowds;
    sample->crowd_count = crowds;
}

void sample_flip(struct sample *sample)
{
    float width = (float)sample->image.width;

    image_flip(&sample->image);
    for (int i = 0; i < sample->count + sample->crowd_count; i++) {
        float *box = sample->objects[i].box, left = box[0];

        box[0] = width - box[2];
        box[2] = width - left;
    }
}

void sample_resize_short(struct sample *sample, int side)
{
    int width = sample->image.width, height = sample->image.height;

    if (width < height)
        sample_resize(sample, side, (int)rint((double)side * height / width));
    else
        sample_resize(sample, (int)rint((double)side * width / height), side);
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* A random part of the image, at a random scale. */
static void jitter(struct sample *sample, struct rng *rng)
{
    static const int sides[] = {400, 500, 600};
    enum { SIDES = sizeof(sides) / sizeof(sides[0]), LEAST = 384, MOST = 600, LONGEST = 100 };
    int width = sample->image.width, height = sample->image.height, most, side, left, top;

    if (width > LONGEST * height || height > LONGEST * width) /* a strip that would become gigabytes */
        return;
    sample_resize_short(sample, sides[rng_below(rng, SIDES)]);
    most = smaller(MOST, smaller(sample->image.width, sample->image.height));
    side = (int)rng_between(rng, smaller(LEAST, most), most);
    top = (int)rng_between(rng, 0, sample->image.height - side);
    left = (int)rng_between(rng, 0, sample->image.width - side);
    sample_crop(sample, left, top, side, side);
}

void sample_augment(struct sample *sample, const struct augmentation *augmentation, struct rng *rng)
{
    if (augmentation->scale_jitter && rng_below(rng, 2) == 1)
        jitter(sample, rng);
    sample_resize(sample, augmentation->size, augmentation->size);
    if (augmentation->flip && rng_below(rng, 2) == 1)
        sample_flip(sample);
}

int augmentation_least_side(const struct augmentation *augmentation)
{
    enum { JITTER_SIDE = 600 };

    return augmentation->scale_jitter && augmentation->size < JITTER_SIDE ? JITTER_SIDE : augmentation->size;
}

void sample_write_image(const struct sample *sample, float *out)
{
    static const float mean[3] = {0.485f, 0.456f, 0.406f}, deviation[3] = {0.229f, 0.224f, 0.225f};
    size_t count = (size_t)sample->image.width * (size_t)sample->image.height;

    for (int c = 0; c < 3; c++) {
        const uint8_t *from = sample->image.pixels + c;
        float *plane = out + (size_t)c * count, value[256];

        for (int v = 0; v < 256; v++)
            value[v] = ((float)v / 255.0f - mean[c]) / deviation[c];
        for (size_t i = 0; i < count; i++)
            plane[i] = value[from[3 * i]];
    }
}

void sample_write_box(const struct sample *sample, int index, float out[4])
{
    const float *box = sample->objects[index].box;
    float width = (float)sample->image.width, height = (float)sample->image.height;

    out[0] = (box[0] + box[2]) / 2 / width;
    out[1] = (box[1] + box[3]) / 2 / height;
    out[2] = (box[2] - box[0]) / width;
    out[3] = (box[3] - box[1]) / height;
}
