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

bool classes_build(struct dataset *data, const struct coco *train, struct id_map *class_of, struct err *err)
{
    size_t count = (size_t)train->category_count;
    bool *used = arena_alloc(data->arena, count + 1);
    char pointer[64];
    int64_t twice;

    if (count == 0 || count > CLASSES_MAX)
        return err_at(err, ERR_DATASET, "/categories", "%s /categories: %s", train->file,
                      count == 0 ? "there are none" : "there are more than 10,000");
    class_of->entries = arena_alloc(data->arena, count * sizeof(*class_of->entries));
    class_of->count = train->category_count;
    for (int64_t i = 0; i < train->category_count; i++)
        class_of->entries[i] = (struct id_entry){train->categories[i].id, i};
    twice = id_map_sort(class_of);
    if (twice >= 0) {
        (void)snprintf(pointer, sizeof(pointer), "/categories/%" PRId64 "/id", twice);
        return err_at(err, ERR_DATASET, pointer, "%s %s: %" PRId64 " is the id of an earlier category", train->file,
                      pointer, train->categories[twice].id);
    }
    mark_used(train, class_of, used);

    data->classes = arena_alloc(data->arena, count * sizeof(*data->classes));
    for (int keep_all = 0; data->class_count == 0; keep_all++) { /* if all would go, all stay */
        for (int64_t i = 0; i < class_of->count; i++) {
            int64_t index = class_of->entries[i].value;
            const struct coco_category *category = &train->categories[index];

            if (keep_all || used[index] || !is_parent(train, index))
                data->classes[data->class_count++] = (struct data_class){category->id, category->name};
        }
    }
    class_of->count = data->class_count;
    for (int i = 0; i < data->class_count; i++)
        class_of->entries[i] = (struct id_entry){data->classes[i].id, i};
    return true;
}
