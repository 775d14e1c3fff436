/* tests/unit/test_data_image.c: image files of every kind become RGB as Pillow's convert("RGB") makes it, and what is
 * broken is told by name. */
#include "base/arena.h"
#include "base/file.h"
#include "tests/unit/check_main.h"
#include "tests/unit/data_files.h"
#include "trainer/data/image/image.h"
#include "trainer/data/image/resize.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
/* jpeglib.h needs stdio.h before it */
#include <jpeglib.h>
#include <png.h>

static struct data_files files;
static struct image image;

static void make(void)
{
    files_make(&files);
}

static void removed(void)
{
    image_free(&image);
    files_remove(&files);
}

static void read_sound(const char *name, int least)
{
    char *path = files_path(&files, name);
    struct err err = {0};

    ck_assert_msg(image_read(path, name, least, &image, &err), "%s", err.msg);
    free(path);
}

static void check_fails(const char *name, const char *message)
{
    char *path = files_path(&files, name);
    struct err err = {0};

    ck_assert_msg(!image_read(path, name, 0, &image, &err), "%s was read", name);
    ck_assert_int_eq(err.code, ERR_DATASET);
    ck_assert_msg(strncmp(err.msg, message, strlen(message)) == 0, "%s", err.msg);
    free(path);
}

/* ---- PNG ---- */

struct png_kind {
    int depth, colour, palette; /* entries */
    uint8_t row[16];            /* packed, of four pixels */
    uint8_t rgb[12];            /* what they become */
};

/* Expected values are those of Pillow 13. */
static const struct png_kind png_kinds[] = {
    {1, PNG_COLOR_TYPE_GRAY, 0, {0x90}, {255, 255, 255, 0, 0, 0, 0, 0, 0, 255, 255, 255}},
    {2, PNG_COLOR_TYPE_GRAY, 0, {0x1b}, {0, 0, 0, 85, 85, 85, 170, 170, 170, 255, 255, 255}},
    {4, PNG_COLOR_TYPE_GRAY, 0, {0x01, 0x8f}, {0, 0, 0, 17, 17, 17, 136, 136, 136, 255, 255, 255}},
    {8, PNG_COLOR_TYPE_GRAY, 0, {0, 9, 128, 255}, {0, 0, 0, 9, 9, 9, 128, 128, 128, 255, 255, 255}},
    /* clipped, not scaled */
    {16,
     PNG_COLOR_TYPE_GRAY,
     0,
     {0, 7, 0, 255, 1, 0, 255, 255},
     {7, 7, 7, 255, 255, 255, 255, 255, 255, 255, 255, 255}},
    {8, PNG_COLOR_TYPE_GRAY_ALPHA, 0, {1, 0, 2, 128, 3, 255, 4, 0}, {1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}},
    {16,
     PNG_COLOR_TYPE_GRAY_ALPHA,
     0,
     {1, 255, 0, 0, 2, 0, 0, 5, 3, 128, 9, 9, 255, 255, 0, 0},
     {1, 1, 1, 2, 2, 2, 3, 3, 3, 255, 255, 255}},
    {8, PNG_COLOR_TYPE_RGB, 0, {1, 2, 3, 4, 5, 6, 7, 8, 9, 250, 251, 252}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 250, 251, 252}},
    {8,
     PNG_COLOR_TYPE_RGB_ALPHA,
     0,
     {1, 2, 3, 0, 4, 5, 6, 128, 7, 8, 9, 255, 10, 11, 12, 0},
     {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
    {8, PNG_COLOR_TYPE_PALETTE, 4, {0, 3, 1, 2}, {0, 1, 2, 9, 10, 11, 3, 4, 5, 6, 7, 8}},
    {2, PNG_COLOR_TYPE_PALETTE, 4, {0x1b}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
    {1, PNG_COLOR_TYPE_PALETTE, 2, {0x60}, {0, 1, 2, 3, 4, 5, 3, 4, 5, 0, 1, 2}},
};

/* Writes a PNG of 4 × rows pixels whose rows are all alike; colours 0 and 1 of a palette are transparent. */
static void write_png(const char *name, const struct png_kind *kind, int rows, int interlace)
{
    char *path = files_path(&files, name);
    FILE *file = fopen(path, "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    const png_byte alpha[2] = {0, 0};
    png_color palette[4];
    png_bytep *lines = xcalloc((size_t)rows, sizeof(*lines));
    uint8_t row[16];

    memcpy(row, kind->row, sizeof(row));
    for (int i = 0; i < rows; i++)
        lines[i] = row;
    for (int i = 0; i < 4; i++)
        palette[i] = (png_color){(png_byte)(3 * i), (png_byte)(3 * i + 1), (png_byte)(3 * i + 2)};
    png_init_io(png, file);
    png_set_IHDR(png, info, 4, (png_uint_32)rows, kind->depth, kind->colour, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_set_gAMA(png, info, 1.0); /* changes nothing */
    if (kind->palette > 0) {
        png_set_PLTE(png, info, palette, kind->palette);
        png_set_tRNS(png, info, alpha, 2, NULL);
    }
    png_set_rows(png, info, lines);
    png_write_png(png, info, 0, NULL);
    png_destroy_write_struct(&png, &info);
    ck_assert_int_eq(fclose(file), 0);
    free(lines);
    free(path);
}

START_TEST(every_kind_of_png_becomes_rgb)
{
    enum { ROWS = 9 };

    for (int interlace = PNG_INTERLACE_NONE; interlace <= PNG_INTERLACE_ADAM7; interlace++) {
        write_png("a.png", &png_kinds[_i], ROWS, interlace);
        read_sound("a.png", 0);
        ck_assert_int_eq(image.width, 4);
        ck_assert_int_eq(image.height, ROWS);
        for (int y = 0; y < ROWS; y++)
            ck_assert_mem_eq(image.pixels + 12 * y, png_kinds[_i].rgb, 12);
    }
}
END_TEST

/* ---- JPEG ---- */

struct jpeg_kind {
    J_COLOR_SPACE from, as; /* what is given and what the file holds */
    int channels;
    uint8_t given[4], rgb[3];
    bool progressive;
    size_t comment; /* bytes of a marker before the image's size */
};

/* One colour all over, so that little is lost.  CMYK as Adobe writes it: 255 is no ink. */
static const struct jpeg_kind jpeg_kinds[] = {
    {JCS_GRAYSCALE, JCS_GRAYSCALE, 1, {77}, {77, 77, 77}, false, 0},
    {JCS_RGB, JCS_YCbCr, 3, {200, 100, 50}, {200, 100, 50}, false, 0},
    {JCS_RGB, JCS_YCbCr, 3, {200, 100, 50}, {200, 100, 50}, true, 65000},
    {JCS_RGB, JCS_RGB, 3, {20, 10, 250}, {20, 10, 250}, false, 20000},
    {JCS_CMYK, JCS_CMYK, 4, {255, 128, 51, 255}, {255, 128, 51}, false, 0},
    {JCS_CMYK, JCS_CMYK, 4, {255, 128, 51, 128}, {128, 64, 26}, false, 0},
    {JCS_CMYK, JCS_YCCK, 4, {255, 128, 51, 128}, {128, 64, 26}, false, 0},
};

static void write_jpeg(const char *name, const struct jpeg_kind *kind, int width, int height)
{
    char *path = files_path(&files, name);
    FILE *file = fopen(path, "wb");
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    uint8_t *row = xmalloc((size_t)width * 4), *comment = xcalloc(kind->comment + 1, 1);

    for (int i = 0; i < width * kind->channels; i++)
        row[i] = kind->given[i % kind->channels];
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = kind->channels;
    jpeg.in_color_space = kind->from;
    jpeg_set_defaults(&jpeg);
    jpeg_set_colorspace(&jpeg, kind->as);
    jpeg_set_quality(&jpeg, 98, TRUE);
    if (kind->progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    if (kind->comment > 0) /* libjpeg writes it before the image's size */
        jpeg_write_marker(&jpeg, JPEG_APP0 + 1, comment, (unsigned)kind->comment);
    while (jpeg.next_scanline < jpeg.image_height)
        (void)jpeg_write_scanlines(&jpeg, &row, 1);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    ck_assert_int_eq(fclose(file), 0);
    free(comment);
    free(row);
    free(path);
}

START_TEST(every_kind_of_jpeg_becomes_rgb_whatever_its_name)
{
    char *path = files_path(&files, "a.png");
    struct err err = {0};
    int width, height;

    write_jpeg("a.png", &jpeg_kinds[_i], 33, 17);
    ck_assert_msg(image_size(path, "a.png", &width, &height, &err), "%s", err.msg);
    ck_assert_int_eq(width, 33);
    ck_assert_int_eq(height, 17);
    read_sound("a.png", 0);
    ck_assert_int_eq(image.width, 33);
    ck_assert_int_eq(image.height, 17);
    for (int i = 0; i < 33 * 17 * 3; i++)
        ck_assert_int_le(abs(image.pixels[i] - jpeg_kinds[_i].rgb[i % 3]), 2);
    free(path);
}
END_TEST

/* Orientation 6, which viewers show turned by a quarter: COCO's boxes and rf-detr's pixels are those of the file. */
START_TEST(the_orientation_in_exif_is_ignored)
{
    static const uint8_t turned[] = {0xff, 0xd8, 0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0,  0, 'M',
                                     'M',  0,    42,   0,    0, 0,  8,   0,   1,   1,   18, 0, 3,
                                     0,    0,    0,    1,    0, 6,  0,   0,   0,   0,   0,  0};
    char *path = files_path(&files, "a.jpg"), *data;
    struct image plain = {0};
    struct err err = {0};
    size_t size;
    int width, height;

    files_write_jpeg(&files, "a.jpg", 40, 30, 1);
    ck_assert_msg(image_read(path, "a.jpg", 0, &plain, &err), "%s", err.msg);
    data = file_read(AT_FDCWD, path, 1 << 20, &size, &err);
    ck_assert_ptr_nonnull(data);
    data = xrealloc(data, size + sizeof(turned));
    memmove(data + sizeof(turned), data + 2, size - 2);
    memcpy(data, turned, sizeof(turned));
    files_write(&files, "a.jpg", data, size - 2 + sizeof(turned));
    ck_assert_msg(image_size(path, "a.jpg", &width, &height, &err), "%s", err.msg);
    ck_assert_int_eq(width, 40);
    ck_assert_int_eq(height, 30);
    read_sound("a.jpg", 0);
    ck_assert_int_eq(image.width, 40);
    ck_assert_mem_eq(image.pixels, plain.pixels, 40 * 30 * 3);
    image_free(&plain);
    free(data);
    free(path);
}
END_TEST

static const struct scaling {
    int width, height, least, to_width, to_height;
} scalings[] = {
    {1000, 900, 0, 1000, 900},  {1000, 900, 600, 1000, 900}, {1201, 1200, 600, 601, 600}, {1198, 1300, 600, 1198, 1300},
    {1000, 803, 100, 125, 101}, {1000, 799, 100, 125, 100},  {1000, 790, 100, 250, 198},
};

START_TEST(large_jpegs_may_come_smaller_but_not_below_the_least_side)
{
    files_write_jpeg(&files, "a.jpg", scalings[_i].width, scalings[_i].height, 0);
    read_sound("a.jpg", scalings[_i].least);
    ck_assert_int_eq(image.width, scalings[_i].to_width);
    ck_assert_int_eq(image.height, scalings[_i].to_height);
}
END_TEST

/* ---- what is broken ---- */

static void check_cuts(const char *name)
{
    char *path = files_path(&files, name);
    struct err err = {0};
    size_t size;
    char *data = file_read(AT_FDCWD, path, 1 << 20, &size, &err);

    ck_assert_ptr_nonnull(data);
    for (size_t cut = 1; cut < size; cut += cut < 40 ? 1 : size / 37) {
        files_write(&files, "cut", data, size - cut);
        check_fails("cut", "image 'cut': ");
    }
    files_write(&files, "cut", data, size / 2);
    check_fails("cut", "image 'cut': the file is truncated");
    free(data);
    free(path);
}

START_TEST(a_truncated_file_is_an_error_wherever_it_ends)
{
    const struct jpeg_kind progressive = {JCS_RGB, JCS_YCbCr, 3, {200, 100, 50}, {0}, true, 0};

    files_write_jpeg(&files, "a.jpg", 97, 61, 1);
    check_cuts("a.jpg");
    write_jpeg("b.jpg", &progressive, 97, 61);
    check_cuts("b.jpg");
    files_write_png(&files, "a.png", 97, 61, 1);
    check_cuts("a.png");
}
END_TEST

START_TEST(a_header_that_asks_for_too_much_is_refused_before_anything_is_allocated)
{
    uint8_t png[64] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};

    memcpy(png + 16, (uint8_t[]){0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff}, 8);
    files_write(&files, "a.png", png, sizeof(png));
    check_fails("a.png", "image 'a.png': 65535×65535 pixels are out of bounds");
    memcpy(png + 16, (uint8_t[]){0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1}, 8);
    files_write(&files, "a.png", png, sizeof(png));
    check_fails("a.png", "image 'a.png': 2147483647×1 pixels are out of bounds");
    memcpy(png + 16, (uint8_t[]){0, 0, 0, 0, 0, 0, 0, 1}, 8);
    files_write(&files, "a.png", png, sizeof(png));
    check_fails("a.png", "image 'a.png': 0×1 pixels are out of bounds");
}
END_TEST

START_TEST(garbage_behind_a_good_start_is_an_error_or_an_image)
{
    char *path = files_path(&files, "b");
    struct err err = {0};
    size_t size;
    char *data;

    for (int kind = 0; kind < 2; kind++) {
        char *source = files_path(&files, kind ? "a.png" : "a.jpg");

        files_write_jpeg(&files, "a.jpg", 40, 30, 2);
        files_write_png(&files, "a.png", 40, 30, 2);
        data = file_read(AT_FDCWD, source, 1 << 20, &size, &err);
        ck_assert_ptr_nonnull(data);
        for (size_t at = 8; at < size; at += 3) {
            data[at] = (char)(data[at] ^ 0x5a);
            files_write(&files, "b", data, size);
            if (!image_read(path, "b", 0, &image, &err))
                ck_assert_int_eq(err.code, ERR_DATASET);
            data[at] = (char)(data[at] ^ 0x5a);
        }
        free(data);
        free(source);
    }
    free(path);
}
END_TEST

/* ---- resizing ---- */

START_TEST(resizing_keeps_a_plain_colour_and_means)
{
    static const int sizes[][2] = {{1, 1}, {7, 31}, {64, 48}, {64, 5}, {200, 48}, {333, 777}};
    struct image to = {0}, between = {0};
    uint64_t sum = 0;

    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        image_resize_room(&image, 64, 48);
        memset(image.pixels, 255, 64 * 48 * 3);
        image_resize(&image, sizes[s][0], sizes[s][1], &to, &between);
        ck_assert_int_eq(to.width, sizes[s][0]);
        ck_assert_int_eq(to.height, sizes[s][1]);
        for (int i = 0; i < to.width * to.height * 3; i++)
            ck_assert_uint_eq(to.pixels[i], 255);
    }
    for (int i = 0; i < 64 * 48 * 3; i++)
        image.pixels[i] = i / 3 % 2 ? 200 : 100;
    image_resize(&image, 32, 24, &to, &between);
    for (int i = 0; i < 32 * 24 * 3; i++)
        sum += to.pixels[i];
    ck_assert_uint_eq((sum + 32 * 24 * 3 / 2) / (32 * 24 * 3), 150);
    image_free(&to);
    image_free(&between);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

TEST_MAIN("data_image", tcase_add_checked_fixture(tcase, make, removed);
          TEST_LOOP(every_kind_of_png_becomes_rgb, COUNT(png_kinds))
              TEST_LOOP(every_kind_of_jpeg_becomes_rgb_whatever_its_name, COUNT(jpeg_kinds))
                  TEST(the_orientation_in_exif_is_ignored)
                      TEST_LOOP(large_jpegs_may_come_smaller_but_not_below_the_least_side, COUNT(scalings))
                          TEST(a_truncated_file_is_an_error_wherever_it_ends)
                              TEST(a_header_that_asks_for_too_much_is_refused_before_anything_is_allocated)
                                  TEST(garbage_behind_a_good_start_is_an_error_or_an_image)
                                      TEST(resizing_keeps_a_plain_colour_and_means))
