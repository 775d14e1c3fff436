/* trainer/safetensors_write.c: safetensors_write() of safetensors.h. */
#include "base/arena.h"
#include "base/file.h"
#include "trainer/safetensors.h"

#include <endian.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ALIGN = 8 };

struct writer {
    int fd;
    int64_t bytes;
    struct sha256 sum;
};

static bool put(struct writer *writer, const void *data, size_t size, struct err *err)
{
    sha256_add(&writer->sum, data, size);
    writer->bytes += (int64_t)size;
    return file_write_all(writer->fd, data, size, err);
}

/* Indexes of tensors, wider types first. */
static size_t *order_of(const struct st_tensor *tensors, size_t n)
{
    size_t *order = xcalloc(n, sizeof *order), used = 0;

    for (size_t width = 8; width > 0; width /= 2)
        for (size_t i = 0; i < n; i++)
            if (st_dtype_size(tensors[i].dtype) == width)
                order[used++] = i;
    return order;
}

static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) < 0)
        abort(); /* memory, or a text that is no UTF-8: a program's mistake */
}

static json_t *describe(const struct st_tensor *tensor, json_int_t from, json_int_t to)
{
    json_t *shape = json_array();

    for (int i = 0; i < tensor->ndim; i++)
        (void)json_array_append_new(shape, json_integer(tensor->dims[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", st_dtype_name(tensor->dtype), "shape", shape, "data_offsets",
                     from, to);
}

static char *make_header(const struct st_tensor *tensors, const size_t *order, size_t n_tensors,
                         const struct st_text *texts, size_t n_texts)
{
    json_t *header = json_object(), *metadata = json_object();
    json_int_t at = 0;
    char *text;

    for (size_t i = 0; i < n_texts; i++)
        set(metadata, texts[i].key, json_string(texts[i].value));
    set(header, "__metadata__", metadata);
    for (size_t i = 0; i < n_tensors; i++) {
        const struct st_tensor *tensor = &tensors[order[i]];
        json_int_t end = at + (json_int_t)safetensors_size(tensor);

        set(header, tensor->name, describe(tensor, at, end));
        at = end;
    }
    text = json_dumps(header, JSON_COMPACT);
    json_decref(header);
    return text;
}

static bool put_header(struct writer *writer, const char *text, struct err *err)
{
    size_t length = strlen(text), padding = (ALIGN - length % ALIGN) % ALIGN;
    uint64_t prefix = htole64(length + padding);

    return put(writer, &prefix, sizeof prefix, err) && put(writer, text, length, err) &&
           put(writer, "       ", padding, err);
}

static bool put_values(struct writer *writer, const struct st_tensor *tensors, const size_t *order, size_t n,
                       st_source source, void *context, struct err *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < n; i++) {
        size_t size = safetensors_size(&tensors[order[i]]);
        void *values = malloc(size ? size : 1);

        ok = values ? source(context, order[i], values, size, err) && put(writer, values, size, err)
                    : err_set(err, ERR_HOST_OOM, "no memory for %zu bytes of '%s'", size, tensors[order[i]].name);
        free(values);
    }
    return ok;
}

bool safetensors_write(int dir, const char *name, const struct st_tensor *tensors, size_t n_tensors,
                       const struct st_text *texts, size_t n_texts, st_source source, void *context,
                       struct st_written *out, struct err *err)
{
    char *tmp = xasprintf(".%s.tmp", name);
    size_t *order = order_of(tensors, n_tensors);
    char *header = make_header(tensors, order, n_tensors, texts, n_texts);
    struct writer writer = {.fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    bool ok = false;

    sha256_init(&writer.sum);
    if (writer.fd < 0) {
        err_os(err, "open '%s'", tmp);
        goto out;
    }
    if (!put_header(&writer, header, err) || !put_values(&writer, tensors, order, n_tensors, source, context, err))
        goto out;
    if (fsync(writer.fd) < 0 || renameat(dir, tmp, dir, name) < 0 || fsync(dir) < 0) {
        err_os(err, "replace '%s'", name);
        goto out;
    }
    if (out) {
        out->bytes = writer.bytes;
        (void)sha256_hex(&writer.sum, out->sha256);
    }
    ok = true;
out:
    if (writer.fd >= 0)
        (void)close(writer.fd); /* fsync has reported what close could */
    if (!ok)
        (void)unlinkat(dir, tmp, 0);
    free(header);
    free(order);
    free(tmp);
    return ok;
}
