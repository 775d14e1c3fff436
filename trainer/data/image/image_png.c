/* trainer/data/image/image_png.c: PNG through libpng; see image.h.  libpng reports an error by a jump, which lands in
 * png_decode: what was allocated by then belongs to libpng or to the image. */
#include "trainer/data/image/image.h"

#include "base/arena.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    png_structp png;
    png_infop info;
    const uint8_t *at, *end;
    const char *name;
    struct image *image;
    png_bytepp rows; /* of image->pixels */
    uint8_t *wide;   /* 16-bit grey, for which there is no room in image->pixels */
    struct err *err;
};

static _Noreturn void on_error(png_structp png, png_const_charp words)
{
    struct reader *reader = png_get_error_ptr(png);

    (void)err_set(reader->err, ERR_DATASET, "image '%s': %s", reader->name, words);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp words)
{
    (void)png;
    (void)words; /* odd colour profiles and the like; the pixels are what they are */
}

static void read_bytes(png_structp png, png_bytep out, size_t size)
{
    struct reader *reader = png_get_io_ptr(png);

    if (size > (size_t)(reader->end - reader->at))
        png_error(png, "the file is truncated");
    memcpy(out, reader->at, size);
    reader->at += size;
}

static uint32_t big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

bool png_size(const uint8_t *data, size_t size, const char *name, int *width, int *height, struct err *err)
{
    enum { IHDR = 12, SIZE = 16, HEADER = 33 }; /* signature, then a chunk: length, type, width, height … */
    uint32_t w, h;

    if (size < HEADER)
        return err_set(err, ERR_DATASET, "image '%s': the file is truncated", name);
    if (memcmp(data + IHDR, "IHDR", 4) != 0)
        return err_set(err, ERR_DATASET, "image '%s': a PNG file without a header", name);
    w = big_endian(data + SIZE);
    h = big_endian(data + SIZE + 4);
    *width = w < INT32_MAX ? (int)w : INT32_MAX;
    *height = h < INT32_MAX ? (int)h : INT32_MAX;
    return true;
}

/* 16-bit grey (without alpha) is clipped to 255, as Pillow does, where colours are cut to their upper byte. */
static bool is_wide_grey(const struct reader *reader)
{
    return png_get_bit_depth(reader->png, reader->info) == 16 &&
           png_get_color_type(reader->png, reader->info) == PNG_COLOR_TYPE_GRAY;
}

static void ask_for_rgb(struct reader *reader)
{
    if (is_wide_grey(reader))
        return;
    png_set_strip_16(reader->png);
    png_set_expand(reader->png);
    png_set_gray_to_rgb(reader->png);
    png_set_strip_alpha(reader->png);
}

static void clip_wide_grey(const struct reader *reader)
{
    size_t count = (size_t)reader->image->width * (size_t)reader->image->height;

    for (size_t i = 0; i < count; i++)
        memset(reader->image->pixels + 3 * i, reader->wide[2 * i] > 0 ? 255 : reader->wide[2 * i + 1], 3);
}

static void decode(struct reader *reader)
{
    struct image *image = reader->image;
    uint8_t *to;
    size_t stride;

    png_set_read_fn(reader->png, reader, read_bytes);
    png_read_info(reader->png, reader->info);
    ask_for_rgb(reader);
    (void)png_set_interlace_handling(reader->png);
    png_read_update_info(reader->png, reader->info);
    image_resize_room(image, (int)png_get_image_width(reader->png, reader->info),
                      (int)png_get_image_height(reader->png, reader->info));
    stride = png_get_rowbytes(reader->png, reader->info);
    if (is_wide_grey(reader))
        to = reader->wide = xmalloc(stride * (size_t)image->height);
    else
        to = image->pixels;
    if (!reader->wide && stride != (size_t)image->width * 3)
        png_error(reader->png, "unknown kind of pixels");
    reader->rows = xcalloc((size_t)image->height, sizeof(*reader->rows));
    for (int y = 0; y < image->height; y++)
        reader->rows[y] = to + (size_t)y * stride;
    png_read_image(reader->png, reader->rows);
    png_read_end(reader->png, NULL);
    if (reader->wide)
        clip_wide_grey(reader);
}

static bool attempt(struct reader *reader)
{
    if (setjmp(png_jmpbuf(reader->png)) != 0)
        return false;
    decode(reader);
    return true;
}

bool png_decode(const uint8_t *data, size_t size, const char *name, struct image *image, struct err *err)
{
    struct reader reader = {.at = data, .end = data + size, .name = name, .image = image, .err = err};
    bool ok;

    reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
    reader.info = reader.png ? png_create_info_struct(reader.png) : NULL;
    ok = reader.info ? attempt(&reader) : err_set(err, ERR_HOST_OOM, "image '%s': no memory", name);
    png_destroy_read_struct(&reader.png, &reader.info, NULL);
    free(reader.rows);
    free(reader.wide);
    return ok;
}
