/* trainer/evaluate.c: see evaluate.h. */
#include "trainer/evaluate.h"

#include "base/arena.h"
#include "spec/metric.h"
#include "trainer/detections.h"
#include "trainer/metrics/postprocess.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COCO_MAX_DETS = 100 };

/* The series of one set of figures; %s is "" at COCO's maxDets, else "@500". */
static const struct series {
    const char *name;
    enum coco_figure figure;
} series[] = {{METRIC_VAL_MAP, COCO_AP},
              {METRIC_VAL_MAP_50, COCO_AP50},
              {METRIC_VAL_MAP_75, COCO_AP75},
              {METRIC_VAL_MAR, COCO_AR}};

static void add_truth(struct coco_eval *eval, const struct data_split *split)
{
    for (int64_t i = 0; i < split->image_count; i++)
        for (int64_t k = 0; k < split->images[i].object_count; k++) {
            const struct data_object *object = &split->images[i].objects[k];
            double width = (double)(object->box[2] - object->box[0]),
                   height = (double)(object->box[3] - object->box[1]);
            const double box[4] = {(double)object->box[0], (double)object->box[1], width, height};

            coco_eval_add_truth(eval, i, object->label, box, width * height, object->crowd);
        }
}

/* The detections of a batch, on the host. */
struct found {
    int64_t count; /* of one image */
    float *scores, *boxes;
    int64_t *labels;
};

static bool read_found(const struct detections *detections, int images, struct found *found, struct err *err)
{
    size_t n;

    found->count = tensor_size(detections->scores, 1);
    n = (size_t)images * (size_t)found->count;
    found->scores = xmalloc(n * sizeof *found->scores);
    found->labels = xmalloc(n * sizeof *found->labels);
    found->boxes = xmalloc(4 * n * sizeof *found->boxes);
    (void)tensor_read(detections->scores, found->scores, n * sizeof *found->scores);
    (void)tensor_read(detections->labels, found->labels, n * sizeof *found->labels);
    (void)tensor_read(detections->boxes, found->boxes, 4 * n * sizeof *found->boxes);
    return tensor_check(err);
}

/* Where an evaluation collects what it finds. */
struct collected {
    struct coco_eval *eval;
    struct detections_file *file;
};

static void add_found(const struct collected *collected, const struct dataset *data, const struct found *found,
                      const struct batch *batch)
{
    for (int image = 0; image < batch->count; image++)
        for (int64_t k = 0; k < found->count; k++) {
            const struct target *target = &batch->targets[image];
            int64_t at = image * found->count + k;
            int label = dataset_class_at(data, found->labels[at]);
            const float *box = found->boxes + 4 * at;
            const double xywh[4] = {(double)box[0], (double)box[1], (double)(box[2] - box[0]),
                                    (double)(box[3] - box[1])};

            if (label < 0) /* a column of no class, as the head's last one may be */
                continue;
            coco_eval_add_detection(collected->eval, target->image_index, label, (double)found->scores[at], xywh);
            detections_add(collected->file, target->image_id, data->classes[label].id, xywh, (double)found->scores[at]);
        }
}

static bool evaluate_batch(struct run *run, const struct batch *batch, const struct collected *collected,
                           struct err *err)
{
    struct found found = {0};
    struct detections detections;
    struct model_output out;
    int64_t *sizes;
    bool ok;

    if (!run_forward(run, PASS_EVAL, batch, &out, err) || !run_settle_trace(run, PASS_EVAL, err))
        return false;
    sizes = xmalloc((size_t)batch->count * 2 * sizeof *sizes);
    for (int i = 0; i < batch->count; i++) {
        sizes[2 * i] = batch->targets[i].height;
        sizes[2 * i + 1] = batch->targets[i].width;
    }
    (void)postprocess(out.logits[out.layers - 1], out.boxes[out.layers - 1],
                      tensor_from_data(sizes, DIMS(batch->count, 2), TENSOR_I64, run->device), run->spec->num_select,
                      &detections);
    ok = tensor_check(err) && read_found(&detections, batch->count, &found, err);
    if (ok)
        add_found(collected, run->data, &found, batch);
    free(sizes);
    free(found.scores);
    free(found.labels);
    free(found.boxes);
    return ok;
}

static json_t *figure(double value) /* none where there is nothing to find */
{
    return value < 0 ? json_null() : json_real(value);
}

static json_t *metrics_json(const struct run *run, struct coco_eval *eval, struct coco_figures *classes)
{
    int most = (int)run->spec->eval_max_dets;
    const int usual[3] = {1, 10, COCO_MAX_DETS}, wanted[3] = {1, most < 10 ? most : 10, most};
    struct coco_figures at_100, at_most;
    json_t *metrics = json_object();
    char name[METRIC_NAME_MAX + 1];

    coco_eval_run(eval, usual, &at_100, classes);
    coco_eval_run(eval, wanted, &at_most, NULL);
    for (size_t i = 0; i < sizeof series / sizeof *series; i++) {
        if (at_100.value[series[i].figure] < 0)
            continue;
        json_object_set_new(metrics, series[i].name, json_real(at_100.value[series[i].figure]));
        (void)snprintf(name, sizeof name, "%s@%d", series[i].name, most);
        if (most != COCO_MAX_DETS)
            json_object_set_new(metrics, name, json_real(at_most.value[series[i].figure]));
    }
    for (int i = 0; i < run->data->class_count; i++) {
        (void)snprintf(name, sizeof name, METRIC_VAL_AP_CLASS "%s", run->data->classes[i].name);
        if (classes[i].value[COCO_AP] >= 0 && metric_name_is_valid(name))
            json_object_set_new(metrics, name, json_real(classes[i].value[COCO_AP]));
    }
    return metrics;
}

static json_t *classes_json(const struct run *run, const struct coco_figures *classes)
{
    json_t *rows = json_array();

    for (int i = 0; i < run->data->class_count; i++)
        json_array_append_new(rows,
                              json_pack("{sI ss so so so sI}", "id", (json_int_t)run->data->classes[i].id, "name",
                                        run->data->classes[i].name, "ap", figure(classes[i].value[COCO_AP]), "ap50",
                                        figure(classes[i].value[COCO_AP50]), "ar", figure(classes[i].value[COCO_AR]),
                                        "boxes", (json_int_t)classes[i].boxes));
    return rows;
}

static bool tell(struct run *run, struct coco_eval *eval, json_t **metrics, struct err *err)
{
    struct coco_figures *classes = xcalloc((size_t)run->data->class_count, sizeof *classes);
    const char *weights = run->average ? "ema" : "model";
    json_t *all = metrics_json(run, eval, classes), *message;
    char *definition;
    bool ok;

    definition = xasprintf("COCO bbox figures of the valid split, IoU 0.50:0.05:0.95, maxDets %d (@N: N), %s weights",
                           COCO_MAX_DETS, run->average ? "EMA" : "model");
    message = json_pack("{sI sI ss ss ss sO so}", "epoch", (json_int_t)run->epoch, "step", (json_int_t)run->step,
                        "split", split_name(SPLIT_VALID), "weights", weights, "definition", definition, "metrics", all,
                        "per_class", classes_json(run, classes));
    free(definition);
    free(classes);
    ok = report_send(run->report, "eval", message, err);
    if (ok)
        *metrics = json_incref(all);
    json_decref(all);
    return ok;
}

bool evaluate(struct run *run, json_t **metrics, struct err *err)
{
    struct collected collected = {.file = detections_open(run->dir, err)};
    struct batch batch = {0};
    bool ok = true;

    *metrics = NULL;
    if (!collected.file)
        return false;
    collected.eval = coco_eval_new(run->data->class_count);
    add_truth(collected.eval, &run->data->splits[SPLIT_VALID]);
    data_rewind(run->loaders[PASS_EVAL], 1);
    do {
        size_t scope = tensor_scope_open();

        ok = data_next(run->loaders[PASS_EVAL], &batch, err) &&
             (batch.count == 0 || evaluate_batch(run, &batch, &collected, err));
        tensor_scope_close(scope);
    } while (ok && batch.count > 0 && !run_should_stop());
    if (ok && batch.count == 0)
        ok = detections_commit(collected.file, err) && tell(run, collected.eval, metrics, err);
    else
        detections_abandon(collected.file);
    coco_eval_free(collected.eval);
    return ok;
}
