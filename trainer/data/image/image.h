/* trainer/data/image/image.h: JPEG and PNG files as RGB bytes.
 *
 * Pixels are what Pillow's convert("RGB") makes of the file: grey is tripled, alpha and EXIF orientation are ignored,
 * 16 bits are cut to 8, CMYK and YCCK are taken as Adobe writes them.  The file's own first bytes decide what it is,
 * not its name.  Errors are ERR_DATASET and begin with name. */
#pragma once
#include "base/err.h"

#include <stdint.h>

/* An image and room for the next one: zero it at first; image_free at last. */
struct image {
    int width, height; /* px */
    uint8_t *pixels;   /* [height, width, 3] */
    size_t room;       /* bytes at pixels */
};

/* Makes room for width × height pixels, which are then undefined. */
void image_resize_room(struct image *image, int width, int height);
void image_free(struct image *image);

/* Width and height from the file's header. */
MUST_CHECK bool image_size(const char *path, const char *name, int *width, int *height, struct err *err);

/* Reads a file.  least > 0: a JPEG may come at 1/8, 1/4 or 1/2 of its size where both sides stay >= least px, which is
 * faster; 0: as it is.  A truncated file is an error. */
MUST_CHECK bool image_read(const char *path, const char *name, int least, struct image *image, struct err *err);

/* The two kinds, on a file in memory.  For image.c. */
bool jpeg_size(const uint8_t *data, size_t size, const char *name, int *width, int *height, struct err *err);
bool jpeg_decode(const uint8_t *data, size_t size, const char *name, int least, struct image *image, struct err *err);
bool png_size(const uint8_t *data, size_t size, const char *name, int *width, int *height, struct err *err);
bool png_decode(const uint8_t *data, size_t size, const char *name, struct image *image, struct err *err);
