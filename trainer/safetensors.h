/* trainer/safetensors.h: named arrays in a .safetensors file, read and written.
 *
 * The file: eight bytes (little endian) with the length of a JSON header, the header, the values.  The header gives
 * each name its dtype, shape and place; "__metadata__" holds texts.  Source of the format: huggingface/safetensors,
 * README. Plain C: tensor.h is included for its enum of dtypes alone.  Any thread, one at a time per file. */
#pragma once
#include "base/err.h"
#include "base/sha256.h"
#include "trainer/tensor/tensor.h"

struct st_tensor {
    const char *name;
    enum tensor_dtype dtype;
    int ndim;
    int64_t dims[TENSOR_MAX_DIMS];
    const void *data; /* reading: row-major, not necessarily aligned.  Writing: not looked at */
    size_t size;      /* bytes of data.  Writing: not looked at */
};

struct st_text {
    const char *key, *value;
};

struct safetensors; /* opaque: a file open for reading */

/* Returns an open file (safetensors_close it), or NULL: ERR_NOT_FOUND when there is none, ERR_WEIGHTS naming path and
 * fault when it is cut short or not a sound safetensors file, with values that overlap, say, or lie outside.
 * Path is relative to the directory descriptor dir (AT_FDCWD: the working directory). */
MUST_CHECK struct safetensors *safetensors_open(int dir, const char *path, struct err *err);

/* Ends all that was borrowed from file.  NULL is fine. */
void safetensors_close(struct safetensors *file);

/* Tensors, in the order in which their values lie in the file. */
size_t safetensors_count(const struct safetensors *file);
const struct st_tensor *safetensors_at(const struct safetensors *file, size_t i);
/* The tensor of that name, or NULL. */
const struct st_tensor *safetensors_find(const struct safetensors *file, const char *name);
/* The metadata text of that key, or NULL. */
const char *safetensors_text(const struct safetensors *file, const char *key);

const char *st_dtype_name(enum tensor_dtype dtype); /* as in a file: "F32" */
size_t st_dtype_size(enum tensor_dtype dtype);      /* bytes of one value */

/* Bytes a tensor's values take in a file. */
size_t safetensors_size(const struct st_tensor *tensor);

/* Puts the values of the i-th tensor into to, which has room for exactly size bytes. */
typedef bool (*st_source)(void *context, size_t i, void *to, size_t size, struct err *err);

/* Replaces name in the directory dir, so that a reader sees the old or the new file, never a part, and so that it is
 * still there after a power cut.  name has no slash.  Asks source for each tensor's values once, wider types first (so
 * that each is aligned), else in the order given, and holds one tensor in memory.  out, which may be NULL, gets the
 * file's size and hash. */
struct st_written {
    int64_t bytes;
    char sha256[SHA256_HEX_SIZE];
};
MUST_CHECK bool safetensors_write(int dir, const char *name, const struct st_tensor *tensors, size_t n_tensors,
                                  const struct st_text *texts, size_t n_texts, st_source source, void *context,
                                  struct st_written *out, struct err *err);
