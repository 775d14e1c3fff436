/* trainer/data/classes.h: which categories are classes, and in which order.  Source: rf-detr 7.2. */
#pragma once
#include "trainer/data/coco.h"
#include "trainer/data/dataset.h"
#include "trainer/data/id_map.h"

enum { CLASSES_MAX = 10000 };

/* Fills data's classes from the train split: categories sorted by id, without those that only group others.  class_of
 * maps category ids to them. */
MUST_CHECK bool classes_build(struct dataset *data, const struct coco *train, struct id_map *class_of, struct err *err);
