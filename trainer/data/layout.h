/* trainer/data/layout.h: how a data set lies on disk: one table of what is accepted. */
#pragma once
#include "trainer/data/dataset.h"

/* Paths are below the data set's folder. */
struct layout {
    const char *name;
    struct {
        const char *annotations, *images; /* NULL: the layout has no such split */
        bool optional;
    } splits[SPLIT_COUNT];
    /* A category's id is its column of the logits, as in rf-detr's dataset_file="coco"; else its position is. */
    bool column_is_id;
};

enum { LAYOUT_COUNT = 2, LAYOUT_WORDS = 512 };
extern const struct layout layouts[LAYOUT_COUNT];

/* The layout of which an annotation file lies in dir, or NULL where none or more than one is there. */
const struct layout *layout_find(const char *dir, struct err *err);

/* Writes what a layout expects (NULL: what each does) as one clause. */
void layout_describe(const struct layout *layout, char words[LAYOUT_WORDS]);
