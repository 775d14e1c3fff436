/* trainer/model/criterion.c: see criterion.h. */
#include "trainer/model/criterion.h"

#include "base/arena.h"
#include "trainer/model/boxes.h"

#include <stdlib.h>
#include <string.h>

static const double bbox_weight = 5, giou_weight = 2;
static const double alpha = 0.25, least_target = 0.01, found = 0.5;

const char *const loss_term_names[LOSS_TERMS] = {"loss_ce", "loss_bbox", "loss_giou", "cardinality_error"};

/* A set's matched pairs as tensors: which queries, and what they were matched with. */
struct pairs {
    int64_t count;                            /* M */
    struct tensor *images, *queries, *labels; /* [M] int64 */
    struct tensor *boxes;                     /* [M, 4] float32 */
};

static struct pairs pairs_of(const struct matches *matches, const struct image_targets *targets, int device)
{
    size_t count = (size_t)matches->count;
    float(*boxes)[4] = xcalloc(count, sizeof *boxes);
    int64_t *labels = xcalloc(count, sizeof *labels);
    struct pairs pairs = {.count = matches->count};

    for (size_t i = 0; i < count; i++) {
        const struct image_targets *target = &targets[matches->images[i]];

        memcpy(boxes[i], target->boxes[matches->targets[i]], sizeof *boxes);
        labels[i] = target->labels[matches->targets[i]];
    }
    pairs.images = tensor_from_data(matches->images, DIMS(pairs.count), TENSOR_I64, device);
    pairs.queries = tensor_from_data(matches->queries, DIMS(pairs.count), TENSOR_I64, device);
    pairs.labels = tensor_from_data(labels, DIMS(pairs.count), TENSOR_I64, device);
    pairs.boxes = tensor_from_data(boxes, DIMS(pairs.count, 4), TENSOR_F32, device);
    free(labels);
    free(boxes);
    return pairs;
}

/* [M]: what a matched query's own class should score, from its score and its overlap as they are now. */
static struct tensor *target_scores(const struct pairs *pairs, struct tensor *scores, struct tensor *boxes)
{
    struct tensor *score = tensor_index3(scores, pairs->images, pairs->queries, pairs->labels);
    struct tensor *iou = boxes_iou(boxes_to_corners(boxes), boxes_to_corners(pairs->boxes));

    return tensor_detach(
        tensor_clamp_min(tensor_mul(tensor_pow_k(score, alpha), tensor_pow_k(iou, 1 - alpha)), least_target));
}

/* Σ w_neg·x − log σ(x)·(w_pos + w_neg), over all queries and classes. */
static struct tensor *class_loss(const struct pairs *pairs, struct tensor *logits, struct tensor *scores,
                                 struct tensor *boxes)
{
    struct tensor *t = target_scores(pairs, scores, tensor_detach(boxes));
    struct tensor *none = tensor_zeros_like(tensor_detach(logits));
    struct tensor *positive = tensor_index3_put(none, pairs->images, pairs->queries, pairs->labels, t);
    struct tensor *negative = tensor_index3_put(tensor_mul(scores, scores), pairs->images, pairs->queries,
                                                pairs->labels, tensor_add_k(tensor_neg(t), 1));

    return tensor_sum_all(tensor_sub(tensor_mul(negative, logits),
                                     tensor_mul(tensor_log_sigmoid(logits), tensor_add(positive, negative))));
}

/* Mean over images of |queries that find something − objects|. */
static struct tensor *cardinality_error(struct tensor *scores, const struct image_targets *targets)
{
    int64_t images = tensor_size(scores, 0);
    float *counts = xcalloc((size_t)images, sizeof *counts);
    struct tensor *wanted, *got;

    for (int64_t b = 0; b < images; b++)
        counts[b] = (float)targets[b].count;
    wanted = tensor_from_data(counts, DIMS(images), TENSOR_F32, tensor_device_of(scores));
    free(counts);
    got = tensor_cast(tensor_gt_k(tensor_amax(scores, 2, false), found), TENSOR_F32);
    return tensor_div_k(tensor_sum_all(tensor_abs(tensor_sub(tensor_sum(got, 1, false), wanted))), (double)images);
}

static struct tensor *class_error(const struct pairs *pairs, struct tensor *logits)
{
    struct tensor *of_query = tensor_index2(logits, pairs->images, pairs->queries); /* [M, C] */
    struct tensor *of_class = tensor_index3(logits, pairs->images, pairs->queries, pairs->labels);
    struct tensor *wrong = tensor_lt_k(tensor_sub(of_class, tensor_amax(of_query, 1, false)), 0);
    struct tensor *right = tensor_sum_all(tensor_cast(tensor_logical_not(wrong), TENSOR_F32));

    if (pairs->count == 0)
        return tensor_full(DIMS(1), 100, TENSOR_F32, tensor_device_of(logits));
    return tensor_add_k(tensor_mul_k(right, -100.0 / (double)pairs->count), 100);
}

static void set_loss(const struct output_set *set, const struct pairs *pairs, const struct image_targets *targets,
                     double objects, struct tensor *terms[LOSS_TERMS])
{
    struct tensor *scores = tensor_sigmoid(set->logits);
    struct tensor *boxes = tensor_index2(set->boxes, pairs->images, pairs->queries);
    struct tensor *overlap = boxes_giou(boxes_to_corners(boxes), boxes_to_corners(pairs->boxes));
    struct tensor *apart = tensor_abs(tensor_sub(boxes, pairs->boxes));

    terms[LOSS_CE] = tensor_div_k(class_loss(pairs, set->logits, scores, boxes), objects);
    terms[LOSS_BBOX] = tensor_div_k(tensor_sum_all(apart), objects);
    terms[LOSS_GIOU] = tensor_div_k(tensor_sum_all(tensor_add_k(tensor_neg(overlap), 1)), objects);
    terms[LOSS_CARDINALITY] = cardinality_error(tensor_detach(scores), targets);
}

static double count_objects(const struct criterion *criterion, const struct output_set *set,
                            const struct image_targets *targets)
{
    int64_t images = tensor_size(set->logits, 0);
    double objects = 0;

    for (int64_t b = 0; b < images; b++)
        objects += targets[b].count;
    return objects > 0 ? objects * criterion->groups : 1;
}

static bool check_sets(const struct output_set *sets, int n)
{
    if (n < 1 || n > CRITERION_MAX_SETS)
        tensor_fail(ERR_INTERNAL, "the criterion takes 1 to %d sets, not %d", CRITERION_MAX_SETS, n);
    for (int i = 0; i < n && tensor_ok(); i++)
        if (tensor_dtype_of(sets[i].logits) != TENSOR_F32 || tensor_dtype_of(sets[i].boxes) != TENSOR_F32)
            tensor_fail(ERR_INTERNAL, "the criterion takes float32 only");
    return tensor_ok();
}

/* terms[0 … LOSS_TERMS): the set's; terms[LOSS_TERMS]: the class error. */
static bool add_set(const struct criterion *criterion, const struct output_set *set,
                    const struct image_targets *targets, double objects, struct tensor **terms,
                    struct tensor **class_error_of)
{
    struct matches matches;
    bool ok = matcher_match(set, targets, criterion->groups, &matches);

    if (ok) {
        struct pairs pairs = pairs_of(&matches, targets, tensor_device_of(set->logits));

        set_loss(set, &pairs, targets, objects, terms);
        if (class_error_of)
            *class_error_of = class_error(&pairs, tensor_detach(set->logits));
    }
    matches_clear(&matches);
    return ok && tensor_ok();
}

bool criterion_loss(const struct criterion *criterion, const struct output_set *sets, int n_sets,
                    const struct image_targets *targets, struct losses *losses)
{
    const double weights[] = {criterion->cls_loss_coef, bbox_weight, giou_weight};
    struct tensor *all[CRITERION_MAX_SETS * LOSS_TERMS + 2], *total = NULL;
    double objects;
    int used = n_sets * LOSS_TERMS;

    if (!check_sets(sets, n_sets))
        return false;
    objects = count_objects(criterion, sets, targets);
    for (int i = 0; i < n_sets; i++) {
        struct tensor **terms = all + i * LOSS_TERMS;

        if (!add_set(criterion, &sets[i], targets, objects, terms, i == 0 ? &all[used] : NULL))
            return false;
        for (int term = 0; term < LOSS_CARDINALITY; term++) {
            struct tensor *weighted = tensor_mul_k(terms[term], weights[term]);

            total = total ? tensor_add(total, weighted) : weighted;
        }
    }
    all[used + 1] = total;
    for (int i = 0; i < used + 2; i++)
        all[i] = tensor_reshape(tensor_detach(all[i]), DIMS(1));
    *losses = (struct losses){total, tensor_cat(all, used + 2, 0), n_sets};
    return tensor_ok();
}

bool losses_read(const struct losses *losses, struct loss_values *values)
{
    float all[CRITERION_MAX_SETS * LOSS_TERMS + 2];
    int used = losses->sets * LOSS_TERMS;

    if (!tensor_read(losses->all, all, (size_t)(used + 2) * sizeof *all))
        return false;
    for (int i = 0; i < used; i++)
        values->terms[i / LOSS_TERMS][i % LOSS_TERMS] = (double)all[i];
    values->class_error = (double)all[used];
    values->total = (double)all[used + 1];
    return true;
}
