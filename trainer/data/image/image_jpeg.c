/* trainer/data/image/image_jpeg.c: JPEG through libjpeg-turbo; see image.h.  libjpeg reports an error by a jump, which
 * lands in attempt(): what a step allocates belongs to libjpeg or to the image, so nothing is lost. */
#include "trainer/data/image/image.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
/* jpeglib.h needs stdio.h before it */
#include <jpeglib.h>

#include <jerror.h>

struct reader {
    struct jpeg_error_mgr errors; /* first: libjpeg hands it back */
    struct jpeg_decompress_struct jpeg;
    jmp_buf failed;
    const uint8_t *data;
    size_t size;
    const char *name;
    int least;
    struct image *image;
    struct err *err;
};

static _Noreturn void on_error(j_common_ptr jpeg)
{
    struct reader *reader = (struct reader *)jpeg->err;
    char words[JMSG_LENGTH_MAX];

    jpeg->err->format_message(jpeg, words);
    (void)err_set(reader->err, ERR_DATASET, "image '%s': %s", reader->name, words);
    longjmp(reader->failed, 1);
}

/* A file that ends too early is only a warning to libjpeg, which makes up the rest in grey. */
static void on_message(j_common_ptr jpeg, int level)
{
    struct reader *reader = (struct reader *)jpeg->err;

    if (level >= 0 || jpeg->err->msg_code != JWRN_JPEG_EOF)
        return;
    (void)err_set(reader->err, ERR_DATASET, "image '%s': the file is truncated", reader->name);
    longjmp(reader->failed, 1);
}

static bool attempt(struct reader *reader, void (*step)(struct reader *reader))
{
    memset(&reader->jpeg, 0, sizeof(reader->jpeg));
    reader->jpeg.err = jpeg_std_error(&reader->errors);
    reader->errors.error_exit = on_error;
    reader->errors.emit_message = on_message;
    if (setjmp(reader->failed) == 0) {
        step(reader);
        return true;
    }
    return false;
}

static void read_header(struct reader *reader)
{
    jpeg_create_decompress(&reader->jpeg);
    jpeg_mem_src(&reader->jpeg, reader->data, reader->size);
    (void)jpeg_read_header(&reader->jpeg, TRUE);
}

bool jpeg_size(const uint8_t *data, size_t size, const char *name, int *width, int *height, struct err *err)
{
    struct reader reader = {.data = data, .size = size, .name = name, .err = err};
    bool ok = attempt(&reader, read_header);

    *width = (int)reader.jpeg.image_width;
    *height = (int)reader.jpeg.image_height;
    jpeg_destroy_decompress(&reader.jpeg);
    return ok;
}

/* Adobe's CMYK, stored inverted; Pillow takes every CMYK file for one. */
static void cmyk_to_rgb(const uint8_t *from, uint8_t *to, int width)
{
    for (int x = 0; x < width; x++, from += 4, to += 3)
        for (int c = 0; c < 3; c++)
            to[c] = (uint8_t)((from[c] * from[3] + 127) / 255);
}

/* The smallest of 1/8, 1/4, 1/2 at which both sides stay >= least, else the whole. */
static void choose_scale(struct jpeg_decompress_struct *jpeg, int least)
{
    JDIMENSION want = (JDIMENSION)least;

    jpeg->scale_denom = 8;
    for (jpeg->scale_num = least > 0 ? 1 : 8; jpeg->scale_num < 8; jpeg->scale_num *= 2) {
        jpeg_calc_output_dimensions(jpeg);
        if (jpeg->output_width >= want && jpeg->output_height >= want)
            return;
    }
}

static void decode(struct reader *reader)
{
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    struct image *image = reader->image;
    JSAMPARRAY cmyk = NULL;

    read_header(reader);
    jpeg->out_color_space = jpeg->num_components == 4 ? JCS_CMYK : JCS_RGB;
    choose_scale(jpeg, reader->least);
    (void)jpeg_start_decompress(jpeg);
    image_resize_room(image, (int)jpeg->output_width, (int)jpeg->output_height);
    if (jpeg->num_components == 4)
        cmyk = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE, jpeg->output_width * 4, 1);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW to = image->pixels + (size_t)jpeg->output_scanline * (size_t)image->width * 3;

        (void)jpeg_read_scanlines(jpeg, cmyk ? cmyk : &to, 1);
        if (cmyk)
            cmyk_to_rgb(cmyk[0], to, image->width);
    }
    (void)jpeg_finish_decompress(jpeg);
}

bool jpeg_decode(const uint8_t *data, size_t size, const char *name, int least, struct image *image, struct err *err)
{
    struct reader reader = {.data = data, .size = size, .name = name, .least = least, .image = image, .err = err};
    bool ok = attempt(&reader, decode);

    jpeg_destroy_decompress(&reader.jpeg);
    return ok;
}
