/* trainer/data/image/image.c: see image.h.  Files are read whole, without waiting on what is no regular file, and then
 * decoded from memory. */
#include "trainer/data/image/image.h"

#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const off_t max_file = (off_t)1 << 30;
enum { HEADER = 16384, MAX_SIDE = 65535 };
static const int64_t max_pixels = 178956970; /* twice Pillow's MAX_IMAGE_PIXELS, where Pillow refuses a file too */

static const uint8_t jpeg_magic[] = {0xff, 0xd8, 0xff}, png_magic[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

void image_resize_room(struct image *image, int width, int height)
{
    size_t size = (size_t)width * (size_t)height * 3;

    if (size > image->room) {
        free(image->pixels); /* nobody wants the old pixels copied */
        image->pixels = xmalloc(size);
        image->room = size;
    }
    image->width = width;
    image->height = height;
}

void image_free(struct image *image)
{
    free(image->pixels);
    *image = (struct image){0};
}

static bool fail(struct err *err, const char *name, const char *what)
{
    return err_set(err, ERR_DATASET, "image '%s': %s", name, what);
}

static int open_regular(const char *path, const char *name, off_t *size, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd < 0) {
        (void)fail(err, name, strerror(errno));
        return -1;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= max_file) {
        *size = st.st_size;
        return fd;
    }
    (void)fail(err, name, S_ISREG(st.st_mode) ? "the file is larger than 1 GiB" : "is not a file");
    (void)close(fd);
    return -1;
}

/* The first bytes of a file, up to most, or NULL.  Free them. */
static uint8_t *read_start(const char *path, const char *name, size_t most, size_t *size, struct err *err)
{
    off_t file_size;
    int fd = open_regular(path, name, &file_size, err);
    size_t want, got = 0;
    uint8_t *data;
    ssize_t now = 1;

    if (fd < 0)
        return NULL;
    want = (size_t)file_size < most ? (size_t)file_size : most;
    data = xmalloc(want);
    while (got < want && now > 0) {
        now = read(fd, data + got, want - got);
        if (now < 0 && errno == EINTR)
            now = 1;
        else if (now > 0)
            got += (size_t)now;
    }
    if (now < 0) {
        (void)fail(err, name, strerror(errno));
        free(data);
        data = NULL;
    }
    (void)close(fd);
    *size = got;
    return data;
}

static bool starts_with(const uint8_t *data, size_t size, const uint8_t *magic, size_t length)
{
    return size >= length && memcmp(data, magic, length) == 0;
}

static bool is_jpeg(const uint8_t *data, size_t size)
{
    return starts_with(data, size, jpeg_magic, sizeof(jpeg_magic));
}

static bool is_png(const uint8_t *data, size_t size)
{
    return starts_with(data, size, png_magic, sizeof(png_magic));
}

/* Bounds what a header may ask for before anything is allocated by it. */
static bool check_size(const char *name, int width, int height, struct err *err)
{
    if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE || (int64_t)width * height > max_pixels)
        return err_set(err, ERR_DATASET, "image '%s': %d×%d pixels are out of bounds", name, width, height);
    return true;
}

static bool size_of(const uint8_t *data, size_t size, const char *name, int *width, int *height, struct err *err)
{
    bool ok;

    if (is_jpeg(data, size))
        ok = jpeg_size(data, size, name, width, height, err);
    else if (is_png(data, size))
        ok = png_size(data, size, name, width, height, err);
    else
        return fail(err, name, size == 0 ? "the file is empty" : "neither JPEG nor PNG");
    return ok && check_size(name, *width, *height, err);
}

bool image_size(const char *path, const char *name, int *width, int *height, struct err *err)
{
    size_t size;
    uint8_t *data = read_start(path, name, HEADER, &size, err);
    bool ok;

    if (!data)
        return false;
    ok = size_of(data, size, name, width, height, err);
    free(data);
    if (ok || size < HEADER)
        return ok;
    data = read_start(path, name, SIZE_MAX, &size, err); /* EXIF and colour profiles stand before a JPEG's size */
    if (!data)
        return false;
    ok = size_of(data, size, name, width, height, err);
    free(data);
    return ok;
}

bool image_read(const char *path, const char *name, int least, struct image *image, struct err *err)
{
    int width, height;
    size_t size;
    uint8_t *data = read_start(path, name, SIZE_MAX, &size, err);
    bool ok;

    if (!data)
        return false;
    ok = size_of(data, size, name, &width, &height, err) &&
         (is_jpeg(data, size) ? jpeg_decode(data, size, name, least, image, err)
                              : png_decode(data, size, name, image, err));
    free(data);
    return ok;
}
