/* tests/unit/data_files.c: see data_files.h. */
#include "tests/unit/data_files.h"

#include "base/arena.h"
#include "base/file.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* jpeglib.h needs stdio.h before it */
#include <jpeglib.h>
#include <png.h>

void files_make(struct data_files *files)
{
    *files = (struct data_files){.dir = "/tmp/detrd-data-XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(files->dir));
    for (enum split split = SPLIT_TRAIN; split <= SPLIT_VALID; split++) {
        char *folder = files_path(files, split_name(split));

        ck_assert_int_eq(mkdir(folder, 0755), 0);
        free(folder);
    }
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void files_remove(struct data_files *files)
{
    ck_assert_int_eq(nftw(files->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

char *files_path(const struct data_files *files, const char *name)
{
    return xasprintf("%s/%s", files->dir, name);
}

/* Opens a file for writing, making its folders. */
static FILE *create(const struct data_files *files, const char *name)
{
    char *path = files_path(files, name), *slash = strrchr(path, '/');
    struct err err = {0};
    FILE *file;

    *slash = '\0';
    ck_assert_msg(file_make_dirs(path, 0755, &err), "%s", err.msg);
    *slash = '/';
    file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    free(path);
    return file;
}

void files_write(const struct data_files *files, const char *name, const void *data, size_t size)
{
    FILE *file = create(files, name);

    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

void files_write_text(const struct data_files *files, const char *name, const char *text)
{
    files_write(files, name, text, strlen(text));
}

static uint8_t *pattern(int width, int height, int seed)
{
    uint8_t *pixels = xmalloc((size_t)width * (size_t)height * 3), *at = pixels;

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, at += 3) {
            at[0] = (uint8_t)(3 * x + 40 * seed);
            at[1] = (uint8_t)(2 * y + 90 * seed);
            at[2] = (uint8_t)(x + y + 20 * seed);
        }
    return pixels;
}

void files_write_png(const struct data_files *files, const char *name, int width, int height, int seed)
{
    png_image png = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)width,
                     .height = (png_uint_32)height,
                     .format = PNG_FORMAT_RGB};
    uint8_t *pixels = pattern(width, height, seed);
    FILE *file = create(files, name);

    ck_assert(png_image_write_to_stdio(&png, file, 0, pixels, 0, NULL));
    ck_assert_int_eq(fclose(file), 0);
    free(pixels);
}

void files_write_jpeg(const struct data_files *files, const char *name, int width, int height, int seed)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    uint8_t *pixels = pattern(width, height, seed);
    FILE *file = create(files, name);

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 95, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = pixels + (size_t)jpeg.next_scanline * (size_t)width * 3;

        (void)jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    ck_assert_int_eq(fclose(file), 0);
    free(pixels);
}

void files_write_set(const struct data_files *files, const char *annotations)
{
    char *text = xasprintf("{\"images\": [{\"id\": 1, \"file_name\": \"a.png\", \"width\": 64, \"height\": 48}],\n"
                           " \"categories\": [{\"id\": 1, \"name\": \"thing\", \"supercategory\": \"none\"}],\n"
                           " \"annotations\": %s}\n",
                           annotations);

    files_write_png(files, "train/a.png", 64, 48, 0);
    files_write_png(files, "valid/a.png", 64, 48, 0);
    files_write_text(files, "train/_annotations.coco.json", text);
    files_write_text(files, "valid/_annotations.coco.json",
                     "{\"images\": [{\"id\": 1, \"file_name\": \"a.png\", \"width\": 64, \"height\": 48}],"
                     " \"categories\": [], \"annotations\": []}");
    free(text);
}

static void keep_warning(void *arg, const struct data_warning *warning)
{
    struct data_files *files = arg;
    int i = files->warning_count++;

    ck_assert_int_lt(i, WARNINGS_MOST);
    (void)snprintf(files->warnings[i].detail, sizeof(files->warnings[i].detail), "%s", warning->detail);
    (void)snprintf(files->warnings[i].pointer, sizeof(files->warnings[i].pointer), "%s", warning->pointer);
    (void)snprintf(files->warnings[i].file, sizeof(files->warnings[i].file), "%s", warning->file);
    files->warnings[i].count = warning->count;
}

struct dataset *files_open(struct data_files *files, struct err *err)
{
    struct dataset_options options = {.dir = files->dir, .test = true, .warn = keep_warning, .warn_arg = files};

    files->warning_count = 0;
    return dataset_open(&options, err);
}

struct dataset *files_open_sound(struct data_files *files)
{
    struct err err = {0};
    struct dataset *data = files_open(files, &err);

    ck_assert_msg(data, "%s", err.msg);
    return data;
}

void files_check_fails(struct data_files *files, const char *message, const char *pointer)
{
    struct err err = {0};

    ck_assert_ptr_null(files_open(files, &err));
    ck_assert_int_eq(err.code, ERR_DATASET);
    ck_assert_str_eq(err.msg, message);
    ck_assert_str_eq(err.where, pointer);
}
