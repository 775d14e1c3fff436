/* trainer/data/shapes_write.c: the generated data set as files; see shapes.h.  Everything is made in a folder beside
 * the one asked for, which then takes its name. */
#include "trainer/data/shapes.h"

#include "base/arena.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const int shapes_counts[SPLIT_COUNT] = {600, 100, 20};

static json_t *new_document(enum split split)
{
    static const char *const kinds[SHAPES_KINDS] = {"circle", "square", "triangle"};
    json_t *categories = json_pack("[{sissss}]", "id", 0, "name", "shapes", "supercategory", "none");

    for (int k = 0; k < SHAPES_KINDS; k++)
        (void)json_array_append_new(categories,
                                    json_pack("{sissss}", "id", k + 1, "name", kinds[k], "supercategory", "shapes"));
    return json_pack("{s{ssssssssss}s[]sos[]s[]}", "info", "description", "generated: circles, squares, triangles",
                     "recipe", shapes_recipe, "split", split_name(split), "version", "1", "year", "2025", "licenses",
                     "categories", categories, "images", "annotations");
}

static void add_image(json_t *document, int index, const char *file, const struct shapes_image *image)
{
    json_t *annotations = json_object_get(document, "annotations");

    (void)json_array_append_new(
        json_object_get(document, "images"),
        json_pack("{sisssisi}", "id", index, "file_name", file, "width", SHAPES_SIDE, "height", SHAPES_SIDE));
    for (int i = 0; i < image->count; i++) {
        const struct shapes_object *o = &image->objects[i];

        (void)json_array_append_new(
            annotations, json_pack("{sisisis[iiii]sis[]si}", "id", (int)json_array_size(annotations), "image_id", index,
                                   "category_id", o->kind + 1, "bbox", o->x, o->y, o->width, o->height, "area",
                                   o->width * o->height, "segmentation", "iscrowd", 0));
    }
}

static bool write_png(const char *path, const struct shapes_image *image, struct err *err)
{
    png_image png = {
        .version = PNG_IMAGE_VERSION, .width = SHAPES_SIDE, .height = SHAPES_SIDE, .format = PNG_FORMAT_RGB};

    errno = 0;
    if (png_image_write_to_file(&png, path, 0, image->pixels, 0, NULL))
        return true;
    if (errno)
        return err_os(err, "write '%s'", path);
    return err_set(err, ERR_INTERNAL, "write '%s': %s", path, png.message);
}

static bool write_images(const char *folder, enum split split, int count, json_t *document, struct err *err)
{
    struct shapes_image image;
    bool ok = true;

    for (int i = 0; ok && i < count; i++) {
        char *path = xasprintf("%s/%05d.png", folder, i);

        shapes_make(split, i, &image);
        add_image(document, i, strrchr(path, '/') + 1, &image);
        ok = write_png(path, &image, err);
        free(path);
    }
    return ok;
}

static bool write_split(const char *root, enum split split, int count, struct err *err)
{
    char *folder = xasprintf("%s/%s", root, split_name(split));
    json_t *document = new_document(split);
    char *text = NULL;
    int fd = -1;
    bool ok = false;

    if (mkdir(folder, 0777) < 0 || (fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        (void)err_os(err, "make folder '%s'", folder);
        goto out;
    }
    if (!write_images(folder, split, count, document, err))
        goto out;
    text = json_dumps(document, JSON_COMPACT);
    ok = file_replace(fd, "_annotations.coco.json", text, strlen(text), err);
out:
    if (fd >= 0)
        (void)close(fd);
    free(text);
    json_decref(document);
    free(folder);
    return ok;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

/* A folder of mkdtemp's is ours alone; a data set is as open as any other folder the user makes. */
static bool open_up(const char *folder)
{
    mode_t mask = umask(0);

    (void)umask(mask);
    return chmod(folder, 0777 & ~mask) == 0;
}

/* "dir.XXXXXX" without trailing slashes */
static char *beside(const char *dir)
{
    size_t length = strlen(dir);

    while (length > 1 && dir[length - 1] == '/')
        length--;
    return xasprintf("%.*s.XXXXXX", (int)length, dir);
}

bool shapes_write(const char *dir, const int counts[SPLIT_COUNT], struct err *err)
{
    char *making = beside(dir);
    bool ok = true;

    if (!mkdtemp(making)) {
        (void)err_os(err, "make a folder beside '%s'", dir);
        free(making);
        return false;
    }
    for (enum split split = SPLIT_TRAIN; ok && split < SPLIT_COUNT; split++)
        ok = counts[split] == 0 || write_split(making, split, counts[split], err);
    if (ok && !(open_up(making) && rename(making, dir) == 0)) { /* which replaces an empty folder only */
        bool taken = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR;

        ok = taken ? err_set(err, ERR_CONFLICT, "'%s' exists and is not an empty folder", dir)
                   : err_os(err, "make '%s'", dir);
    }
    if (!ok)
        (void)nftw(making, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(making);
    return ok;
}
