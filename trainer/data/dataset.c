/* trainer/data/dataset.c: see dataset.h. */
#include "trainer/data/dataset.h"

#include "base/arena.h"
#include "trainer/data/classes.h"
#include "trainer/data/coco.h"
#include "trainer/data/files.h"
#include "trainer/data/id_map.h"
#include "trainer/data/layout.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What opening works with. */
struct opening {
    const struct dataset_options *options;
    const struct layout *layout;
    struct dataset *data;
    char **roots;           /* see files.h */
    struct id_map class_of; /* category id → class */
};

/* One kind of thing put right, over a file. */
struct count {
    int64_t cases, first;
};

const char *split_name(enum split split)
{
    static const char *const names[SPLIT_COUNT] = {"train", "valid", "test"};

    return names[split];
}

static void count_case(struct count *count, int64_t index)
{
    if (count->cases++ == 0)
        count->first = index;
}

static void warn(const struct opening *opening, const struct coco *coco, const struct count *count, const char *array,
                 const char *key, const char *detail)
{
    char pointer[64], words[256];
    struct data_warning warning = {words, pointer, coco->file, count->cases};

    if (count->cases == 0)
        return;
    (void)snprintf(pointer, sizeof(pointer), "/%s/%" PRId64 "%s", array, count->first, key);
    (void)snprintf(words, sizeof(words), "%" PRId64 " %s", count->cases, detail);
    opening->options->warn(opening->options->warn_arg, &warning);
}

/* ---- classes ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int64_t find_category(const struct coco *coco, const char *name)
{
    int64_t i = 0;

    while (i + 1 < coco->category_count && coco->categories[i].name != name) /* the text itself */
        i++;
    return i;
}

/* A series has a class's name: the figures of two that are called the same cannot be told apart. */
static void warn_of_shared_names(const struct opening *opening, const struct coco *coco)
{
    size_t count = (size_t)opening->data->class_count;
    const char **names = xcalloc(count, sizeof(*names));
    struct count shared = {0};

    for (size_t i = 0; i < count; i++)
        names[i] = opening->data->classes[i].name;
    qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 1; i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            count_case(&shared, find_category(coco, names[i]));
    free(names);
    warn(opening, coco, &shared, "categories", "/name",
         "category(s) with the name of another one: their figures stand under one name");
}

static bool read_classes(struct opening *opening, const struct coco *train, struct err *err)
{
    if (!classes_build(opening->data, train, opening->layout, &opening->class_of, err))
        return false;
    warn_of_shared_names(opening, train);
    return true;
}

/* ---- images ---- */

static bool read_images(struct opening *opening, const struct coco *coco, struct data_split *split, struct err *err)
{
    struct count other_size = {0};

    split->image_count = coco->image_count;
    split->images = arena_alloc(opening->data->arena, (size_t)coco->image_count * sizeof(*split->images));
    for (int64_t i = 0; i < coco->image_count; i++) {
        split->images[i].file = coco->images[i].file;
        split->images[i].id = coco->images[i].id;
    }
    if (!files_read_sizes(opening->roots, split, err))
        return false;
    for (int64_t i = 0; i < coco->image_count; i++)
        if (coco->images[i].width != split->images[i].width ||
            coco->images[i].height != split->images[i].height) /* NAN differs too */
            count_case(&other_size, i);
    warn(opening, coco, &other_size, "images", "",
         "image(s) without width and height, or with others than the file has; the file counts");
    return true;
}

/* ---- boxes ---- */

/* xywh → xyxy in float32, clamped to the image.  False: nothing is left. */
static bool clean_box(const double box[4], const struct data_image *image, float out[4])
{
    float x = (float)box[0], y = (float)box[1], width = (float)image->width, height = (float)image->height;

    out[0] = fminf(fmaxf(x, 0), width);
    out[1] = fminf(fmaxf(y, 0), height);
    out[2] = fminf(fmaxf(x + (float)box[2], 0), width);
    out[3] = fminf(fmaxf(y + (float)box[3], 0), height);
    return out[2] > out[0] && out[3] > out[1];
}

static bool find_ids(const struct opening *opening, const struct coco *coco, const struct id_map *image_of,
                     int64_t index, int64_t *image, int64_t *label, struct err *err)
{
    const struct coco_annotation *from = &coco->annotations[index];
    char pointer[64];

    *image = id_map_find(image_of, from->image_id);
    *label = id_map_find(&opening->class_of, from->category_id);
    (void)snprintf(pointer, sizeof(pointer), "/annotations/%" PRId64 "/%s", index,
                   *image < 0 ? "image_id" : "category_id");
    if (*image < 0)
        return err_at(err, ERR_DATASET, pointer, "%s %s: %" PRId64 " is the id of no image", coco->file, pointer,
                      from->image_id);
    if (*label < 0)
        return err_at(err, ERR_DATASET, pointer, "%s %s: %" PRId64 " is no class of the train split's categories",
                      coco->file, pointer, from->category_id);
    return true;
}

/* Counts each image's objects and then hands them out, so that they lie together and in the file's order. */
static bool read_objects(struct opening *opening, const struct coco *coco, const struct id_map *image_of,
                         struct data_split *split, struct err *err)
{
    struct data_object *all = arena_alloc(opening->data->arena, (size_t)coco->annotation_count * sizeof(*all) + 1);
    struct count empty = {0};
    int64_t image, label;

    for (int64_t i = 0; i < coco->annotation_count; i++) {
        if (!find_ids(opening, coco, image_of, i, &image, &label, err))
            return false;
        split->images[image].object_count++;
    }
    for (image = 0; image < split->image_count; image++) {
        split->images[image].objects = all;
        all += split->images[image].object_count;
        split->images[image].object_count = 0;
    }
    for (int64_t i = 0; i < coco->annotation_count; i++) {
        const struct coco_annotation *from = &coco->annotations[i];
        struct data_image *to;
        struct data_object object = {.crowd = from->crowd, .area = (float)from->area};

        (void)find_ids(opening, coco, image_of, i, &image, &label, err);
        to = &split->images[image];
        if (!clean_box(from->box, to, object.box)) {
            count_case(&empty, i);
            continue;
        }
        if (!(object.area > 0 && isfinite(object.area)))
            object.area = (object.box[2] - object.box[0]) * (object.box[3] - object.box[1]);
        object.label = (int)label;
        ((struct data_object *)to->objects)[to->object_count++] = object;
        split->object_count += !from->crowd;
        split->crowd_count += from->crowd;
    }
    warn(opening, coco, &empty, "annotations", "/bbox",
         "box(es) without width or height, or outside of their image; they are left out");
    return true;
}

/* ---- splits ---- */

static bool read_split(struct opening *opening, enum split which, const struct coco *coco, struct err *err)
{
    struct data_split *split = &opening->data->splits[which];
    struct id_map image_of = {xcalloc((size_t)coco->image_count + 1, sizeof(struct id_entry)), coco->image_count};
    char pointer[64];
    int64_t twice;
    bool ok;

    for (int64_t i = 0; i < coco->image_count; i++)
        image_of.entries[i] = (struct id_entry){coco->images[i].id, i};
    twice = id_map_sort(&image_of);
    if (coco->image_count == 0) {
        ok = err_at(err, ERR_DATASET, "/images", "%s /images: the split is empty", coco->file);
    } else if (twice >= 0) {
        (void)snprintf(pointer, sizeof(pointer), "/images/%" PRId64 "/id", twice);
        ok = err_at(err, ERR_DATASET, pointer, "%s %s: %" PRId64 " is the id of an earlier image", coco->file, pointer,
                    coco->images[twice].id);
    } else {
        ok = read_images(opening, coco, split, err) && read_objects(opening, coco, &image_of, split, err);
    }
    free(image_of.entries);
    return ok;
}

static bool tell_missing(const struct opening *opening, enum split which, const char *path, struct err *err)
{
    int why = errno;
    char words[LAYOUT_WORDS];

    layout_describe(opening->layout, words);
    return err_set(err, ERR_DATASET, "there is no %s split: '%.200s': %s; expected is %s", split_name(which), path,
                   strerror(why), words);
}

static bool open_split(struct opening *opening, enum split which, struct err *err)
{
    struct dataset *data = opening->data;
    const char *file = opening->layout->splits[which].annotations;
    char *path = file ? arena_printf(data->arena, "%s/%s", opening->options->dir, file) : NULL;
    struct coco coco = {0};
    bool ok;

    if (!path || access(path, F_OK) != 0)
        return opening->layout->splits[which].optional || !path || tell_missing(opening, which, path, err);
    data->splits[which].folder =
        arena_printf(data->arena, "%s/%s", opening->options->dir, opening->layout->splits[which].images);
    ok = files_check(opening->roots, path, file, err) && coco_read(path, file, data->arena, &coco, err) &&
         (which != SPLIT_TRAIN || read_classes(opening, &coco, err)) && read_split(opening, which, &coco, err);
    coco_clear(&coco);
    return ok;
}

struct dataset *dataset_open(const struct dataset_options *options, struct err *err)
{
    struct arena *arena = arena_new();
    struct dataset *data = arena_alloc(arena, sizeof(*data));
    struct opening opening = {.options = options, .data = data, .roots = files_roots(arena, options)};
    struct stat st;
    bool ok;

    data->arena = arena;
    if (stat(options->dir, &st) != 0)
        ok = err_set(err, ERR_DATASET, "data set folder '%s': %s", options->dir, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        ok = err_set(err, ERR_DATASET, "data set '%s' is not a folder", options->dir);
    else
        ok = (opening.layout = layout_find(options->dir, err)) && open_split(&opening, SPLIT_TRAIN, err) &&
             open_split(&opening, SPLIT_VALID, err) && (!options->test || open_split(&opening, SPLIT_TEST, err));
    if (ok)
        return data;
    dataset_free(data);
    return NULL;
}

int dataset_class_at(const struct dataset *data, int64_t column)
{
    int low = 0, high = data->class_count;

    while (low < high) {
        int middle = low + (high - low) / 2;

        if (data->classes[middle].column < column)
            low = middle + 1;
        else
            high = middle;
    }
    return low < data->class_count && data->classes[low].column == column ? low : -1;
}

void dataset_free(struct dataset *data)
{
    if (data)
        arena_free(data->arena);
}
