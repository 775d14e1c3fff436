/* trainer/checkpoint_load.c: see checkpoint.h; starting from a file's weights. */
#include "trainer/checkpoint.h"

#include "base/arena.h"
#include "spec/parse.h"
#include "trainer/safetensors.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* What may differ between file and model, by key. */
enum fit { FIT_EXACT, FIT_CLASSES, FIT_QUERIES, FIT_POSITIONS };

static enum fit fit_of(const char *key)
{
    if (strstr(key, "class_embed"))
        return FIT_CLASSES;
    if (strcmp(key, "refpoint_embed.weight") == 0 || strcmp(key, "query_feat.weight") == 0)
        return FIT_QUERIES;
    return strstr(key, "position_embeddings") ? FIT_POSITIONS : FIT_EXACT;
}

static bool same_shape(const struct st_tensor *have, struct tensor *want, int from_dim)
{
    if (have->ndim != tensor_ndim(want))
        return false;
    for (int d = from_dim; d < have->ndim; d++)
        if (have->dims[d] != tensor_size(want, d))
            return false;
    return true;
}

/* Row i of n comes from row i mod (rows there are): heads grow by repeating and shrink by cutting. */
static struct tensor *fit_classes(struct tensor *x, int64_t rows)
{
    int64_t have = tensor_size(x, 0), *index = xmalloc((size_t)rows * sizeof *index);
    struct tensor *taken;

    for (int64_t i = 0; i < rows; i++)
        index[i] = i % have;
    taken = tensor_index_select(x, 0, tensor_from_data(index, DIMS(rows), TENSOR_I64, TENSOR_CPU));
    free(index);
    return taken;
}

/* The first Q rows of each of the first G groups. */
static struct tensor *fit_queries(struct tensor *x, int64_t have_queries, const struct model_config *config)
{
    int64_t width = tensor_size(x, 1), groups = tensor_size(x, 0) / have_queries;

    x = tensor_reshape(x, DIMS(groups, have_queries, width));
    x = tensor_narrow(tensor_narrow(x, 0, 0, config->group_detr), 1, 0, config->num_queries);
    return tensor_reshape(x, DIMS((int64_t)config->group_detr * config->num_queries, width));
}

static int64_t side_of(int64_t rows)
{
    int64_t side = 0;

    while ((side + 1) * (side + 1) <= rows)
        side++;
    return side;
}

static struct tensor *fit_positions(struct tensor *x, int64_t side)
{
    int64_t have = side_of(tensor_size(x, 1) - 1), width = tensor_size(x, 2);
    struct tensor *cls = tensor_narrow(x, 1, 0, 1), *grid = tensor_narrow(x, 1, 1, have * have);

    grid = tensor_permute(tensor_reshape(grid, DIMS(1, have, have, width)), DIMS(0, 3, 1, 2));
    grid = tensor_resize_bicubic_antialias(grid, side, side);
    grid = tensor_reshape(tensor_permute(grid, DIMS(0, 2, 3, 1)), DIMS(1, side * side, width));
    return tensor_cat(TENSORS(cls, grid), 1);
}

struct source {
    struct safetensors *file;
    const char *path, *prefix;
    int64_t num_queries; /* per group, in the file */
};

static bool load_one(const struct source *source, const struct model *model, const struct param *param, struct err *err)
{
    char *name = xasprintf("%s.%s", source->prefix, param->name);
    const struct st_tensor *have = safetensors_find(source->file, name);
    enum fit fit = fit_of(param->name);
    struct tensor *value;

    free(name);
    if (!have)
        return err_set(err, ERR_WEIGHTS, "%s has no %s.%s", source->path, source->prefix, param->name);
    if (have->dtype != TENSOR_F32)
        return err_set(err, ERR_WEIGHTS, "%s: %s is not float32", source->path, have->name);
    if (!same_shape(have, param->value,
                    fit == FIT_EXACT       ? 0
                    : fit == FIT_POSITIONS ? 2
                                           : 1) ||
        (fit == FIT_QUERIES && have->dims[0] % source->num_queries != 0) ||
        (fit == FIT_POSITIONS && side_of(have->dims[1] - 1) * side_of(have->dims[1] - 1) != have->dims[1] - 1))
        return err_set(err, ERR_WEIGHTS, "%s: %s has another shape than this job's model", source->path, have->name);
    value = tensor_from_data(have->data, have->dims, have->ndim, TENSOR_F32, TENSOR_CPU);
    if (fit == FIT_CLASSES)
        value = fit_classes(value, tensor_size(param->value, 0));
    if (fit == FIT_QUERIES && !same_shape(have, param->value, 0))
        value = fit_queries(value, source->num_queries, &model->config);
    if (fit == FIT_POSITIONS && !same_shape(have, param->value, 0))
        value = fit_positions(value, model->config.positional_encoding_size);
    (void)tensor_copy_(param->value, value);
    if (tensor_check(err))
        return true;
    return err_set(err, ERR_WEIGHTS, "%s: %s does not fit this job's model (fewer queries or groups than it needs?)",
                   source->path, have->name);
}

/* Reads what the file says of itself. */
static bool read_metadata(struct source *source, const struct model *model, struct err *err)
{
    const char *text = safetensors_text(source->file, "detrd"), *variant;
    json_t *root;
    bool ok;

    if (!text)
        return err_set(err, ERR_WEIGHTS, "%s is not a checkpoint of detrd (it has no \"detrd\" metadata)",
                       source->path);
    root = parse_json(text, strlen(text), err);
    if (!root)
        return err_set(err, ERR_WEIGHTS, "%s: its metadata is not JSON", source->path);
    variant = json_string_value(json_object_get(root, "variant"));
    source->num_queries = json_integer_value(json_object_get(json_object_get(root, "spec"), "num_queries"));
    ok = variant && strcmp(variant, model->config.variant->name) == 0;
    if (!ok)
        err_set(err, ERR_WEIGHTS, "%s holds the variant %s, this job trains %s", source->path,
                variant ? variant : "(none)", model->config.variant->name);
    else if (source->num_queries < 1)
        ok = err_set(err, ERR_WEIGHTS, "%s: its metadata has no spec.num_queries", source->path);
    json_decref(root);
    return ok;
}

bool checkpoint_load_weights(struct model *model, const char *path, struct err *err)
{
    struct source source = {.path = path, .file = safetensors_open(AT_FDCWD, path, err)};
    char *first;
    bool ok;

    if (!source.file) {
        err->code = ERR_WEIGHTS;
        return false;
    }
    ok = read_metadata(&source, model, err);
    first = xasprintf("ema.%s", params_at(model->params, 0)->name);
    source.prefix = safetensors_find(source.file, first) ? "ema" : "model";
    free(first);
    for (int i = 0; ok && i < params_count(model->params); i++) {
        size_t scope = tensor_scope_open();

        ok = load_one(&source, model, params_at(model->params, i), err);
        tensor_scope_close(scope);
    }
    safetensors_close(source.file);
    return ok;
}
