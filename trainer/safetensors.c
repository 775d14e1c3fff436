/* trainer/safetensors.c: see safetensors.h.  The file is mapped, never copied; everything the header says is checked
 * before anything is believed. */
#include "trainer/safetensors.h"

#include "base/arena.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PREFIX = 8, HEADER_MAX = 100 * 1000 * 1000 }; /* the limit of the format's own reader */

static const struct {
    const char *name;
    enum tensor_dtype dtype;
    size_t size;
} dtypes[] = {
    {"F64", TENSOR_F64, 8}, {"I64", TENSOR_I64, 8},   {"F32", TENSOR_F32, 4}, {"I32", TENSOR_I32, 4},
    {"F16", TENSOR_F16, 2}, {"BF16", TENSOR_BF16, 2}, {"U8", TENSOR_U8, 1},   {"BOOL", TENSOR_BOOL, 1},
};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

struct safetensors {
    char *path;
    const char *map;
    size_t size;
    json_t *header;
    struct st_tensor *tensors;
    size_t count;
};

static size_t dtype_row(enum tensor_dtype dtype)
{
    for (size_t row = 0; row < DTYPES; row++)
        if (dtypes[row].dtype == dtype)
            return row;
    abort(); /* only a program's mistake: files are checked */
}

const char *st_dtype_name(enum tensor_dtype dtype)
{
    return dtypes[dtype_row(dtype)].name;
}

size_t st_dtype_size(enum tensor_dtype dtype)
{
    return dtypes[dtype_row(dtype)].size;
}

size_t safetensors_size(const struct st_tensor *tensor)
{
    size_t size = st_dtype_size(tensor->dtype);

    for (int i = 0; i < tensor->ndim; i++)
        size *= (size_t)tensor->dims[i];
    return size;
}

static bool bad(const struct safetensors *file, struct err *err, const char *name, const char *fault)
{
    if (name)
        return err_set(err, ERR_WEIGHTS, "'%s': tensor '%s' %s", file->path, name, fault);
    return err_set(err, ERR_WEIGHTS, "'%s' %s", file->path, fault);
}

static bool map_file(struct safetensors *file, int fd, struct err *err)
{
    struct stat stat;
    void *map;

    if (fstat(fd, &stat) < 0)
        return err_os(err, "stat '%s'", file->path);
    if (!S_ISREG(stat.st_mode))
        return bad(file, err, NULL, "is not a file");
    if (stat.st_size < PREFIX)
        return bad(file, err, NULL, "is cut short: no header");
    map = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return err_os(err, "map '%s'", file->path);
    file->map = map;
    file->size = (size_t)stat.st_size;
    return true;
}

/* Finds the values' first byte and parses what lies before it. */
static bool read_header(struct safetensors *file, size_t *start, struct err *err)
{
    json_error_t fault;
    uint64_t length;

    memcpy(&length, file->map, sizeof length);
    length = le64toh(length);
    if (length > HEADER_MAX)
        return bad(file, err, NULL, "is not a safetensors file: its header would be larger than 100 MB");
    if (length > file->size - PREFIX)
        return bad(file, err, NULL, "is cut short inside its header");
    file->header = json_loadb(file->map + PREFIX, length, JSON_REJECT_DUPLICATES, &fault);
    if (!json_is_object(file->header))
        return err_set(err, ERR_WEIGHTS, "'%s' is not a safetensors file: its header is not a JSON object%s%s",
                       file->path, file->header ? "" : ": ", file->header ? "" : fault.text);
    *start = PREFIX + (size_t)length;
    return true;
}

static bool read_texts(const struct safetensors *file, const json_t *texts, struct err *err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(texts))
        return bad(file, err, NULL, "has metadata that is no object");
    json_object_foreach((json_t *)texts, key, value) if (!json_is_string(value)) return err_set(
        err, ERR_WEIGHTS, "'%s': metadata '%s' is not a text", file->path, key);
    return true;
}

static bool read_shape(const struct safetensors *file, const json_t *shape, struct st_tensor *tensor, struct err *err)
{
    size_t size = st_dtype_size(tensor->dtype);

    if (!json_is_array(shape) || json_array_size(shape) > TENSOR_MAX_DIMS)
        return bad(file, err, tensor->name, "has no shape of at most 8 dimensions");
    tensor->ndim = (int)json_array_size(shape);
    for (int i = 0; i < tensor->ndim; i++) {
        json_t *dim = json_array_get(shape, (size_t)i);

        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return bad(file, err, tensor->name, "has a dimension that is not a natural number");
        tensor->dims[i] = json_integer_value(dim);
        if (__builtin_mul_overflow(size, (size_t)tensor->dims[i], &size))
            return bad(file, err, tensor->name, "has a shape beyond all memory");
    }
    tensor->size = size;
    return true;
}

static bool read_place(const struct safetensors *file, const json_t *offsets, size_t start, struct st_tensor *tensor,
                       struct err *err)
{
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    json_int_t from = json_integer_value(begin), to = json_integer_value(end);

    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) || from < 0 || to < from)
        return bad(file, err, tensor->name, "has no data_offsets of two growing numbers");
    if ((uint64_t)to > file->size - start)
        return bad(file, err, tensor->name, "lies outside the file, which is cut short");
    if ((size_t)(to - from) != tensor->size)
        return bad(file, err, tensor->name, "has more or fewer bytes than its shape and dtype need");
    tensor->data = file->map + start + from;
    return true;
}

static bool read_tensor(const struct safetensors *file, const json_t *entry, size_t start, struct st_tensor *tensor,
                        struct err *err)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    size_t row = 0;

    if (!dtype)
        return bad(file, err, tensor->name, "has no dtype");
    while (row < DTYPES && strcmp(dtypes[row].name, dtype) != 0)
        row++;
    if (row == DTYPES)
        return err_set(err, ERR_WEIGHTS, "'%s': tensor '%s' has the unknown dtype '%s'", file->path, tensor->name,
                       dtype);
    tensor->dtype = dtypes[row].dtype;
    return read_shape(file, json_object_get(entry, "shape"), tensor, err) &&
           read_place(file, json_object_get(entry, "data_offsets"), start, tensor, err);
}

static int by_place(const void *a, const void *b)
{
    const struct st_tensor *left = a, *right = b;
    const char *from = left->data, *other = right->data;

    if (from != other)
        return from < other ? -1 : 1;
    return (left->size > right->size) - (left->size < right->size); /* empty ones first */
}

/* The format allows neither overlaps nor holes. */
static bool check_places(const struct safetensors *file, size_t start, struct err *err)
{
    const char *at = file->map + start;

    for (size_t i = 0; i < file->count; i++) {
        const struct st_tensor *tensor = &file->tensors[i];

        if (tensor->data != at)
            return bad(file, err, tensor->name, "overlaps the one before or leaves a hole");
        at += tensor->size;
    }
    if (at != file->map + file->size)
        return bad(file, err, NULL, "has bytes behind its last tensor");
    return true;
}

static bool read_file(struct safetensors *file, struct err *err)
{
    const char *name;
    json_t *entry;
    size_t start;

    if (!read_header(file, &start, err))
        return false;
    file->tensors = xcalloc(json_object_size(file->header), sizeof *file->tensors);
    json_object_foreach(file->header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0) {
            if (!read_texts(file, entry, err))
                return false;
            continue;
        }
        file->tensors[file->count].name = name;
        if (!read_tensor(file, entry, start, &file->tensors[file->count++], err))
            return false;
    }
    qsort(file->tensors, file->count, sizeof *file->tensors, by_place);
    return check_places(file, start, err);
}

struct safetensors *safetensors_open(int dir, const char *path, struct err *err)
{
    struct safetensors *file;
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        err_os(err, "open '%s'", path);
        if (errno == ENOENT || errno == ENOTDIR)
            err->code = ERR_NOT_FOUND;
        return NULL;
    }
    file = xcalloc(1, sizeof *file);
    file->path = xstrdup(path);
    if (!map_file(file, fd, err) || !read_file(file, err)) {
        safetensors_close(file);
        file = NULL;
    }
    (void)close(fd);
    return file;
}

void safetensors_close(struct safetensors *file)
{
    if (!file)
        return;
    json_decref(file->header);
    free(file->tensors);
    free(file->path);
    if (file->map)
        (void)munmap((void *)file->map, file->size);
    free(file);
}

size_t safetensors_count(const struct safetensors *file)
{
    return file->count;
}

const struct st_tensor *safetensors_at(const struct safetensors *file, size_t i)
{
    return &file->tensors[i];
}

const struct st_tensor *safetensors_find(const struct safetensors *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    return NULL;
}

const char *safetensors_text(const struct safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}
