/* trainer/data/layout.c: see layout.h. */
#include "trainer/data/layout.h"

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* COCO 2017's test split has no boxes, so nothing can be measured on it. */
// clang-format off
const struct layout layouts[LAYOUT_COUNT] = {
    {"Roboflow's COCO layout",
     {[SPLIT_TRAIN] = {"train/_annotations.coco.json", "train", false},
      [SPLIT_VALID] = {"valid/_annotations.coco.json", "valid", false},
      [SPLIT_TEST]  = {"test/_annotations.coco.json",  "test",  true}},
     .column_is_id = false},
    {"COCO 2017's layout",
     {[SPLIT_TRAIN] = {"annotations/instances_train2017.json", "train2017", false},
      [SPLIT_VALID] = {"annotations/instances_val2017.json",   "val2017",   false}},
     .column_is_id = true},
};
// clang-format on

static void add_words(char words[LAYOUT_WORDS], const char *more)
{
    size_t used = strlen(words);

    (void)snprintf(words + used, LAYOUT_WORDS - used, "%s", more);
}

static void add_layout(const struct layout *layout, char words[LAYOUT_WORDS])
{
    for (int split = 0; split < SPLIT_COUNT; split++) {
        char *part;

        if (!layout->splits[split].annotations)
            continue;
        part = xasprintf("%s%s%s with images in %s/", split == 0 ? "" : ", ",
                         layout->splits[split].optional ? "optional " : "", layout->splits[split].annotations,
                         layout->splits[split].images);
        add_words(words, part);
        free(part);
    }
    add_words(words, " (");
    add_words(words, layout->name);
    add_words(words, ")");
}

void layout_describe(const struct layout *layout, char words[LAYOUT_WORDS])
{
    *words = '\0';
    for (int i = 0; i < LAYOUT_COUNT; i++) {
        if (layout && layout != &layouts[i])
            continue;
        if (*words)
            add_words(words, "; or ");
        add_layout(&layouts[i], words);
    }
}

/* Its first annotation file that lies in dir, or NULL. */
static const char *find_file(const struct layout *layout, const char *dir)
{
    for (int split = 0; split < SPLIT_COUNT; split++) {
        const char *file = layout->splits[split].annotations;
        char *path = file ? xasprintf("%s/%s", dir, file) : NULL;
        bool is_there = path && access(path, F_OK) == 0;

        free(path);
        if (is_there)
            return file;
    }
    return NULL;
}

const struct layout *layout_find(const char *dir, struct err *err)
{
    const struct layout *found = NULL;
    const char *found_file = NULL;
    char words[LAYOUT_WORDS];

    for (int i = 0; i < LAYOUT_COUNT; i++) {
        const char *file = find_file(&layouts[i], dir);

        if (file && found) {
            (void)err_set(err, ERR_DATASET, "data set '%.200s' has two layouts: %s (%s) and %s (%s); leave one of them",
                          dir, found_file, found->name, file, layouts[i].name);
            return NULL;
        }
        if (file) {
            found = &layouts[i];
            found_file = file;
        }
    }
    if (found)
        return found;
    layout_describe(NULL, words);
    (void)err_set(err, ERR_DATASET, "data set '%.200s' has no annotation file; expected is %s", dir, words);
    return NULL;
}
