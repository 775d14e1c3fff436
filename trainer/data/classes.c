/* trainer/data/classes.c: see classes.h. */
#include "trainer/data/classes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What tools write for "has no parent". */
static bool is_placeholder(const char *name)
{
    return !name || *name == '\0' || strcmp(name, "none") == 0 || strcmp(name, "null") == 0;
}

static bool is_parent(const struct coco *coco, int64_t index)
{
    const char *name = coco->categories[index].name;

    for (int64_t i = 0; i < coco->category_count; i++) {
        const struct coco_category *child = &coco->categories[i];

        if (!is_placeholder(child->supercategory) && strcmp(child->supercategory, name) == 0 &&
            strcmp(child->name, name) != 0)
            return true;
    }
    return false;
}

/* Sets used[i] where an annotation has category i. */
static void mark_used(const struct coco *coco, const struct id_map *index_of, bool *used)
{
    for (int64_t i = 0; i < coco->annotation_count; i++) {
        int64_t index = id_map_find(index_of, coco->annotations[i].category_id);

        if (index >= 0)
            used[index] = true;
    }
}

/* Fills ids with the categories' positions, sorted by id. */
static bool sort_ids(const struct coco *train, struct id_map *ids, struct err *err)
{
    char pointer[64];
    int64_t twice;

    ids->count = train->category_count;
    for (int64_t i = 0; i < train->category_count; i++)
        ids->entries[i] = (struct id_entry){train->categories[i].id, i};
    twice = id_map_sort(ids);
    if (twice < 0)
        return true;
    (void)snprintf(pointer, sizeof(pointer), "/categories/%" PRId64 "/id", twice);
    return err_at(err, ERR_DATASET, pointer, "%s %s: %" PRId64 " is the id of an earlier category", train->file,
                  pointer, train->categories[twice].id);
}

/* Ids that are columns have to be small; the first and the last of those sorted say whether all are. */
static bool check_columns(const struct coco *train, const struct id_map *ids, const struct layout *layout,
                          struct err *err)
{
    const struct id_entry *ends[] = {&ids->entries[0], &ids->entries[ids->count - 1]}; /* sorted */
    char pointer[64];

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        if (ends[i]->id >= 0 && ends[i]->id < CLASSES_MAX)
            continue;
        (void)snprintf(pointer, sizeof(pointer), "/categories/%" PRId64 "/id", ends[i]->value);
        return err_at(err, ERR_DATASET, pointer,
                      "%s %s: %" PRId64
                      " is not from 0 to %d, as it must be in %s, where a category's id is its label; "
                      "%s takes any ids",
                      train->file, pointer, ends[i]->id, CLASSES_MAX - 1, layout->name, layouts[0].name);
    }
    return true;
}

/* Makes classes of the categories that ids holds. */
static void keep_classes(struct dataset *data, const struct coco *train, const struct layout *layout,
                         const struct id_map *ids)
{
    bool *used = xcalloc((size_t)ids->count, sizeof(*used));

    mark_used(train, ids, used);
    for (int keep_all = 0; data->class_count == 0; keep_all++) { /* if all would go, all stay */
        for (int64_t i = 0; i < ids->count; i++) {
            int64_t index = ids->entries[i].value;
            const struct coco_category *category = &train->categories[index];
            int position = data->class_count;

            if (keep_all || used[index] || !is_parent(train, index)) {
                data->classes[position] = (struct data_class){
                    category->id, layout->column_is_id ? (int)category->id : position, category->name};
                data->class_count++;
            }
        }
    }
    free(used);
}

bool classes_build(struct dataset *data, const struct coco *train, const struct layout *layout, struct id_map *class_of,
                   struct err *err)
{
    size_t count = (size_t)train->category_count;
    int64_t last_id;

    if (count == 0 || count > CLASSES_MAX)
        return err_at(err, ERR_DATASET, "/categories", "%s /categories: %s", train->file,
                      count == 0 ? "there are none" : "there are more than 10,000");
    class_of->entries = arena_alloc(data->arena, count * sizeof(*class_of->entries));
    data->classes = arena_alloc(data->arena, count * sizeof(*data->classes));
    if (!sort_ids(train, class_of, err) || (layout->column_is_id && !check_columns(train, class_of, layout, err)))
        return false;
    last_id = class_of->entries[count - 1].id;
    keep_classes(data, train, layout, class_of);
    if (layout->column_is_id)
        data->num_classes = last_id > 0 ? (int)last_id : 1; /* COCO 2017: 90, so 91 columns */
    else
        data->num_classes = data->class_count;
    class_of->count = data->class_count;
    for (int i = 0; i < data->class_count; i++)
        class_of->entries[i] = (struct id_entry){data->classes[i].id, i};
    return true;
}
