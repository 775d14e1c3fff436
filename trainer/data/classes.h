/* trainer/data/classes.h: which categories are classes, and which columns of the logits they have.  Source: rf-detr 7.1
 * and 7.2. */
#pragma once
#include "trainer/data/coco.h"
#include "trainer/data/dataset.h"
#include "trainer/data/id_map.h"
#include "trainer/data/layout.h"

enum { CLASSES_MAX = 10000 };

/* Fills data's classes and num_classes from the train split: categories sorted by id, without those that only group
 * others.  class_of maps category ids to positions in data's classes. */
MUST_CHECK bool classes_build(struct dataset *data, const struct coco *train, const struct layout *layout,
                              struct id_map *class_of, struct err *err);
