/* trainer/checkpoint.c: see checkpoint.h; writing. */
#include "trainer/checkpoint.h"

#include "base/arena.h"
#include "base/file.h"
#include "spec/parse.h"
#include "trainer/safetensors.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct kind {
    const char *name, *file;
} kinds[] = {[CHECKPOINT_LAST] = {"last", "last.safetensors"}, [CHECKPOINT_BEST] = {"best", "best.safetensors"}};

/* One tensor of the file: where its values come from. */
struct entry {
    char name[192];
    struct tensor *value;
};

struct entries {
    struct entry *items;
    struct st_tensor *descriptions;
    size_t count;
};

static void add(struct entries *entries, const char *prefix, const char *key, struct tensor *value)
{
    struct entry *entry = &entries->items[entries->count];
    struct st_tensor *description = &entries->descriptions[entries->count++];

    (void)snprintf(entry->name, sizeof entry->name, "%s.%s", prefix, key);
    entry->value = value;
    *description = (struct st_tensor){.name = entry->name, .dtype = TENSOR_F32, .ndim = tensor_ndim(value)};
    for (int d = 0; d < description->ndim; d++)
        description->dims[d] = tensor_size(value, d);
}

static struct entries collect(const struct run *run, enum checkpoint_kind kind)
{
    int n = params_count(run->model->params);
    struct entries entries = {.items = xcalloc(4 * (size_t)n, sizeof *entries.items),
                              .descriptions = xcalloc(4 * (size_t)n, sizeof *entries.descriptions)};

    for (int i = 0; i < n; i++) {
        const struct param *param = params_at(run->model->params, i);
        struct optim_state state = optim_state_at(run->optim, i);

        add(&entries, "model", param->name, param->value);
        if (run->average)
            add(&entries, "ema", param->name, params_at(run->average->params, i)->value);
        if (kind == CHECKPOINT_LAST && state.exp_avg) {
            add(&entries, "exp_avg", param->name, state.exp_avg);
            add(&entries, "exp_avg_sq", param->name, state.exp_avg_sq);
        }
    }
    return entries;
}

static bool read_entry(void *context, size_t i, void *to, size_t size, struct err *err)
{
    const struct entries *entries = context;

    (void)tensor_read(entries->items[i].value, to, size);
    return tensor_check(err);
}

static char *metadata(const struct run *run)
{
    const struct amp_policy *amp = &run->spec->amp;
    json_t *classes = json_array(), *root;
    char *text;

    for (int i = 0; i < run->data->class_count; i++)
        json_array_append_new(classes, json_pack("{sI si ss}", "id", (json_int_t)run->data->classes[i].id, "index",
                                                 run->data->classes[i].column, "name", run->data->classes[i].name));
    root =
        json_pack("{si ss so so s{sb ss ss sb} ss ss sI sI sI s{sf sI}}", "format", 1, "variant", run->variant->name,
                  "classes", classes, "spec", job_spec_write(run->spec), "amp", "enabled", (int)amp->enabled,
                  "device_type", device_type_name(amp->device_type), "dtype", amp_dtype_name(amp->dtype), "grad_scaler",
                  (int)amp->grad_scaler, "libtorch", tensor_libtorch_built(), "device", run->device_name, "epoch",
                  (json_int_t)run->epoch, "step", (json_int_t)run->step, "ema_updates", (json_int_t)run->ema.updates,
                  "scaler", "scale", run->scaler.scale, "good_steps", (json_int_t)run->scaler.good_steps);
    text = parse_text(root);
    json_decref(root);
    return text;
}

static int open_folder(int dir, struct err *err)
{
    int folder;

    (void)mkdirat(dir, "checkpoints", 0755); /* it may be there; openat says what is wrong */
    folder = openat(dir, "checkpoints", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        err_os(err, "open 'checkpoints'");
    return folder;
}

bool checkpoint_write(struct run *run, enum checkpoint_kind kind, const json_t *metrics, struct err *err)
{
    struct entries entries = collect(run, kind);
    char *text = metadata(run);
    const struct st_text texts[] = {{"detrd", text}};
    struct st_written written;
    int folder = open_folder(run->dir, err);
    bool ok = folder >= 0 && safetensors_write(folder, kinds[kind].file, entries.descriptions, entries.count, texts, 1,
                                               read_entry, &entries, &written, err);

    if (folder >= 0)
        (void)close(folder);
    free(text);
    free(entries.items);
    free(entries.descriptions);
    if (!ok)
        return false;
    return report_send(run->report, "checkpoint",
                       json_pack("{ss ss sI sI ss sI so}", "name", kinds[kind].file, "kind", kinds[kind].name, "epoch",
                                 (json_int_t)run->epoch, "step", (json_int_t)run->step, "sha256", written.sha256,
                                 "bytes", (json_int_t)written.bytes, "metrics",
                                 metrics ? json_deep_copy(metrics) : json_object()),
                       err);
}
