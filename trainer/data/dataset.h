/* trainer/data/dataset.h: a data set in memory: classes, and names, sizes and boxes of its images; no pixels.
 *
 * Layouts: see layout.h; which one it is shows what lies there.  Labels and cleaning follow rf-detr's rules (7.1, 7.2):
 * classes are the train split's categories, sorted by id, grouping nodes left out.  What is wrong with a data set is
 * ERR_DATASET: err->msg names file, JSON pointer and value, err->where holds the pointer.  A dataset does not change
 * once it is open, so any thread may read it. */
#pragma once
#include "base/err.h"

#include <stdint.h>

enum split { SPLIT_TRAIN, SPLIT_VALID, SPLIT_TEST, SPLIT_COUNT };

/* "train", "valid", "test", whatever the layout calls it */
const char *split_name(enum split split);

struct data_class {
    int64_t id; /* as in the JSON */
    int column; /* of the model's logits; grows with the position */
    const char *name;
};

struct data_object {
    float box[4]; /* x1 y1 x2 y2 in pixels of the image, inside it, x2 > x1, y2 > y1 */
    float area;   /* px²: the annotation's, or the box's where it gives none */
    int label;    /* position in dataset.classes */
    bool crowd;   /* no target of training; in evaluation a region to ignore */
};

struct data_image {
    const char *file;  /* below the split's folder, as in the JSON */
    int64_t id;        /* as in the JSON */
    int width, height; /* px, from the file's own header */
    const struct data_object *objects;
    int64_t object_count; /* crowds included */
};

struct data_split {
    char *folder; /* NULL: there is no such split */
    struct data_image *images;
    int64_t image_count, object_count, crowd_count;
};

struct dataset {
    struct data_class *classes;
    int class_count;
    int num_classes; /* the model's K: columns 0 … K; those of no class stay unused */
    struct data_split splits[SPLIT_COUNT];
    struct arena *arena; /* owns all of the above */
};

/* Something that was put right.  Texts live for the time of the call. */
struct data_warning {
    const char *detail;  /* a sentence */
    const char *pointer; /* of the first case: "/annotations/3/bbox" */
    const char *file;    /* below the data set's folder: "train/_annotations.coco.json" */
    int64_t count;       /* cases in that file */
};

struct dataset_options {
    const char *dir;
    /* Directories, separated by colons, into which symbolic links below dir may lead; NULL: none but dir itself. */
    const char *roots;
    bool test; /* read the test split too, where there is one */
    void (*warn)(void *arg, const struct data_warning *warning);
    void *warn_arg;
};

/* Reads the annotations and the header of every image, or returns NULL.  Without a valid split: an error. */
MUST_CHECK struct dataset *dataset_open(const struct dataset_options *options, struct err *err);

/* The position in classes of the class that a column of the logits stands for, or -1. */
int dataset_class_at(const struct dataset *data, int64_t column);

/* NULL is fine. */
void dataset_free(struct dataset *data);
