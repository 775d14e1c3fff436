/* trainer/data/coco.c: see coco.h. */
#include "trainer/data/coco.h"

#include "base/file.h"
#include "trainer/data/json_pull.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { POINTER_SIZE = 96, SHOWN = 60 /* bytes of a value that a message shows */ };
static const size_t max_file = (size_t)4 << 30;
static const double max_coordinate = 1e7;

/* Where the reader stands: in "/annotations/3". */
struct place {
    struct json_pull *json;
    struct coco *coco;
    const char *array;
    int64_t index;
};

/* Fails with the value that began at value and was just read (NULL: there is none) and what is wrong with it. */
static void fail_at(struct place *place, const char *key, const char *value, const char *wrong)
{
    char pointer[POINTER_SIZE];
    int length = value ? (int)(place->json->at - value) : 0;

    (void)snprintf(pointer, sizeof(pointer), "/%s/%" PRId64 "%s%s", place->array, place->index, *key ? "/" : "", key);
    pull_fail(place->json, pointer, "%.*s%s%s", length < SHOWN ? length : SHOWN, value ? value : "",
              length > SHOWN ? "… "
              : value        ? " "
                             : "",
              wrong);
}

static bool whole(const struct pull_number *number, int64_t *value)
{
    char *end;

    errno = 0;
    *value = strtoll(number->text, &end, 10);
    if (end == number->text + number->length)
        return errno == 0;
    if (!(fabs(number->value) < 0x1p53)) /* beyond, doubles skip integers */
        return false;
    *value = (int64_t)number->value;
    return (double)*value == number->value;
}

/* "is text; write 3" where the text at value, quotes included, is an integer. */
static void fail_text(struct place *place, const char *key, const char *value)
{
    int length = (int)(place->json->at - value) - 2;
    size_t sign = value[1] == '-', digits = strspn(value + 1 + sign, "0123456789");
    char wrong[48] = "is text, not an integer";

    if (digits > 0 && digits < 19 && (size_t)length == sign + digits)
        (void)snprintf(wrong, sizeof(wrong), "is text; write %.*s", length, value + 1);
    fail_at(place, key, value, wrong);
}

static int64_t read_id(struct place *place, const char *key)
{
    enum pull_kind kind = pull_kind(place->json);
    const char *value = place->json->at;
    int64_t id = 0;

    if (kind == PULL_NUMBER) {
        struct pull_number number = pull_number(place->json);

        if (!place->json->failed && !whole(&number, &id))
            fail_at(place, key, value, "is not an integer");
        return id;
    }
    (void)pull_skip(place->json);
    if (kind == PULL_TEXT)
        fail_text(place, key, value);
    else
        fail_at(place, key, value, "is not an integer");
    return 0;
}

static const char *read_text(struct place *place, const char *key)
{
    const char *value;

    if (pull_kind(place->json) == PULL_TEXT)
        return pull_text(place->json, place->coco->arena);
    value = pull_skip(place->json);
    fail_at(place, key, value, "is not a text");
    return "";
}

/* A number, or instead where there is something else. */
static double read_number(struct place *place, double instead)
{
    if (pull_kind(place->json) == PULL_NUMBER)
        return pull_number(place->json).value;
    (void)pull_skip(place->json);
    return instead;
}

static void read_box(struct place *place, double box[4])
{
    struct json_pull *json = place->json;
    enum pull_kind kind = pull_kind(json);
    const char *value = json->at;
    int count = 0;
    bool finite = kind == PULL_ARRAY, far = false;

    if (!finite) {
        (void)pull_skip(json);
    } else {
        pull_enter(json, PULL_ARRAY);
        for (; pull_more(json); count++) {
            double number = read_number(place, NAN);

            finite = finite && isfinite(number);
            far = far || fabs(number) > max_coordinate;
            if (count < 4)
                box[count] = number;
        }
    }
    if (!finite || count != 4)
        fail_at(place, "bbox", value, "is not four finite numbers: x, y, width, height");
    else if (far)
        fail_at(place, "bbox", value, "reaches beyond 10,000,000 pixels");
}

/* Absent, null and 0 are no. */
static bool read_crowd(struct place *place)
{
    enum pull_kind kind = pull_kind(place->json);
    const char *value = place->json->at;

    if (kind == PULL_NUMBER) {
        double number = pull_number(place->json).value;

        if (!isfinite(number))
            fail_at(place, "iscrowd", value, "is neither 0 nor 1");
        return number != 0;
    }
    (void)pull_skip(place->json);
    if (kind != PULL_BOOL && kind != PULL_NULL)
        fail_at(place, "iscrowd", value, "is neither 0 nor 1");
    return kind == PULL_BOOL && *value == 't';
}

/* Members of an item that must be there, as bits of what was seen. */
enum { SEEN_ID = 1, SEEN_FILE = 2, SEEN_IMAGE = 4, SEEN_CATEGORY = 8, SEEN_BOX = 16, SEEN_NAME = 32 };
static const struct {
    unsigned bit;
    const char *key;
} needed[] = {{SEEN_ID, "id"},    {SEEN_FILE, "file_name"}, {SEEN_IMAGE, "image_id"}, {SEEN_CATEGORY, "category_id"},
              {SEEN_BOX, "bbox"}, {SEEN_NAME, "name"}};

static void check_seen(struct place *place, unsigned seen, unsigned all)
{
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (needed[i].bit & all & ~seen)
            fail_at(place, needed[i].key, NULL, "is missing");
}

static void read_category(struct place *place)
{
    struct coco_category *category = &place->coco->categories[place->index];
    unsigned seen = 0;

    while (pull_more(place->json)) {
        const char *key = place->json->key;

        if (strcmp(key, "id") == 0) {
            category->id = read_id(place, "id");
            seen |= SEEN_ID;
        } else if (strcmp(key, "name") == 0) {
            category->name = read_text(place, "name");
            seen |= SEEN_NAME;
        } else if (strcmp(key, "supercategory") == 0 && pull_kind(place->json) == PULL_TEXT) {
            category->supercategory = pull_text(place->json, place->coco->arena);
        } else {
            (void)pull_skip(place->json);
        }
    }
    check_seen(place, seen, SEEN_ID | SEEN_NAME);
}

static void read_image(struct place *place)
{
    struct coco_image *image = &place->coco->images[place->index];
    unsigned seen = 0;

    image->width = image->height = NAN;
    while (pull_more(place->json)) {
        const char *key = place->json->key;

        if (strcmp(key, "id") == 0) {
            image->id = read_id(place, "id");
            seen |= SEEN_ID;
        } else if (strcmp(key, "file_name") == 0) {
            image->file = read_text(place, "file_name");
            seen |= SEEN_FILE;
        } else if (strcmp(key, "width") == 0) {
            image->width = read_number(place, NAN);
        } else if (strcmp(key, "height") == 0) {
            image->height = read_number(place, NAN);
        } else {
            (void)pull_skip(place->json);
        }
    }
    check_seen(place, seen, SEEN_ID | SEEN_FILE);
}

static void read_annotation(struct place *place)
{
    struct coco_annotation *annotation = &place->coco->annotations[place->index];
    unsigned seen = 0;

    while (pull_more(place->json)) {
        const char *key = place->json->key;

        if (strcmp(key, "image_id") == 0) {
            annotation->image_id = read_id(place, "image_id");
            seen |= SEEN_IMAGE;
        } else if (strcmp(key, "category_id") == 0) {
            annotation->category_id = read_id(place, "category_id");
            seen |= SEEN_CATEGORY;
        } else if (strcmp(key, "bbox") == 0) {
            read_box(place, annotation->box);
            seen |= SEEN_BOX;
        } else if (strcmp(key, "area") == 0) {
            annotation->area = read_number(place, 0);
        } else if (strcmp(key, "iscrowd") == 0) {
            annotation->crowd = read_crowd(place);
        } else {
            (void)pull_skip(place->json);
        }
    }
    check_seen(place, seen, SEEN_IMAGE | SEEN_CATEGORY | SEEN_BOX);
}

/* The arrays of a file: where their items go and what reads one. */
static const struct array {
    const char *key;
    size_t items, count, size; /* offsets of pointer and count in struct coco; bytes of an item */
    void (*read)(struct place *place);
} arrays[] = {
    {"categories", offsetof(struct coco, categories), offsetof(struct coco, category_count),
     sizeof(struct coco_category), read_category},
    {"images", offsetof(struct coco, images), offsetof(struct coco, image_count), sizeof(struct coco_image),
     read_image},
    {"annotations", offsetof(struct coco, annotations), offsetof(struct coco, annotation_count),
     sizeof(struct coco_annotation), read_annotation},
};
enum { ARRAY_COUNT = sizeof(arrays) / sizeof(arrays[0]) };

static void read_array(struct json_pull *json, struct coco *coco, const struct array *array)
{
    void **items = (void **)((char *)coco + array->items);
    int64_t *count = (int64_t *)((char *)coco + array->count), room = 0;
    struct place place = {json, coco, array->key, 0};

    pull_enter(json, PULL_ARRAY);
    for (*count = 0; pull_more(json); (*count)++) {
        if (*count == room) {
            room = room ? 2 * room : 64;
            *items = xrealloc(*items, (size_t)room * array->size);
        }
        memset((char *)*items + (size_t)*count * array->size, 0, array->size);
        place.index = *count;
        if (pull_kind(json) == PULL_OBJECT) {
            pull_enter(json, PULL_OBJECT);
            array->read(&place);
        } else {
            fail_at(&place, "", pull_skip(json), "is not an object");
        }
    }
}

static void read_file(struct json_pull *json, struct coco *coco)
{
    bool seen[ARRAY_COUNT] = {false};

    pull_enter(json, PULL_OBJECT);
    while (pull_more(json)) {
        int which = 0;

        while (which < ARRAY_COUNT && strcmp(json->key, arrays[which].key) != 0)
            which++;
        if (which == ARRAY_COUNT)
            (void)pull_skip(json);
        else if (seen[which])
            pull_fail(json, "", "'%s' stands there twice", arrays[which].key);
        else
            read_array(json, coco, &arrays[which]);
        if (which < ARRAY_COUNT)
            seen[which] = true;
    }
    for (int i = 0; i < ARRAY_COUNT; i++)
        if (!seen[i])
            pull_fail(json, "", "there is no '%s'", arrays[i].key);
}

bool coco_read(const char *path, const char *file, struct arena *arena, struct coco *coco, struct err *err)
{
    struct json_pull json;
    struct stat status;
    size_t size;
    char *text;

    *coco = (struct coco){.file = file, .arena = arena};
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) /* opening a pipe would wait */
        return err_set(err, ERR_DATASET, "%s: is not a file", file);
    text = file_read(AT_FDCWD, path, max_file, &size, err);
    if (!text) {
        err->code = ERR_DATASET;
        return false;
    }
    pull_open(&json, file, text, size);
    read_file(&json, coco);
    if (!pull_end(&json, err)) {
        free(text);
        return false;
    }
    free(text);
    return true;
}

void coco_clear(struct coco *coco)
{
    free(coco->categories);
    free(coco->images);
    free(coco->annotations);
    *coco = (struct coco){0};
}
