/* trainer/model/matcher.c: see matcher.h.  Costs of all images are one tensor [B, T, N], padded to the image with the
 * most objects and copied to the host once; an object's row is contiguous there. */
#include "trainer/model/matcher.h"

#include "base/arena.h"
#include "trainer/model/assign.h"
#include "trainer/model/boxes.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double bbox_weight = 5, class_weight = 2, giou_weight = 2;
static const double alpha = 0.25; /* and γ = 2 */

struct shape {
    int64_t images, objects /* of the image with the most */, queries;
    int groups;
};

static struct shape shape_of(const struct output_set *set, const struct image_targets *targets, int groups)
{
    struct shape shape = {tensor_size(set->logits, 0), 0, tensor_size(set->logits, 1), groups};

    for (int64_t b = 0; b < shape.images; b++)
        if (targets[b].count > shape.objects)
            shape.objects = targets[b].count;
    return shape;
}

/* The targets' boxes [B, T, 4] and labels [B, T], zeros where an image has fewer. */
static void pad(const struct shape *shape, const struct image_targets *targets, int device, struct tensor **boxes,
                struct tensor **labels)
{
    size_t count = (size_t)(shape->images * shape->objects);
    float(*all_boxes)[4] = xcalloc(count, sizeof *all_boxes);
    int64_t *all_labels = xcalloc(count, sizeof *all_labels);

    for (int64_t b = 0; b < shape->images; b++) {
        size_t objects = (size_t)targets[b].count;

        if (objects == 0)
            continue;
        memcpy(all_boxes[b * shape->objects], targets[b].boxes, objects * sizeof *all_boxes);
        memcpy(all_labels + b * shape->objects, targets[b].labels, objects * sizeof *all_labels);
    }
    *boxes = tensor_from_data(all_boxes, DIMS(shape->images, shape->objects, 4), TENSOR_F32, device);
    *labels = tensor_from_data(all_labels, DIMS(shape->images, shape->objects), TENSOR_I64, device);
    free(all_boxes);
    free(all_labels);
}

/* [B, T, N]: the focal class cost of every query at each target's label. */
static struct tensor *class_cost(const struct shape *shape, struct tensor *logits, struct tensor *labels)
{
    struct tensor *index =
        tensor_expand(tensor_unsqueeze(labels, 1), DIMS(shape->images, shape->queries, shape->objects));
    struct tensor *x = tensor_transpose(tensor_gather(logits, 2, index), 1, 2);
    struct tensor *p = tensor_sigmoid(x);
    struct tensor *miss = tensor_mul_k(tensor_pow_k(tensor_add_k(tensor_neg(p), 1), 2), -alpha);
    struct tensor *hit = tensor_mul_k(tensor_pow_k(p, 2), alpha - 1);

    return tensor_sub(tensor_mul(miss, tensor_log_sigmoid(x)), tensor_mul(hit, tensor_log_sigmoid(tensor_neg(x))));
}

static struct tensor *cost_of(const struct shape *shape, const struct output_set *set,
                              const struct image_targets *targets)
{
    struct tensor *boxes = tensor_unsqueeze(set->boxes, 1), *wanted, *labels; /* [B, 1, N, 4], [B, T, 1, 4] */
    struct tensor *distance, *giou, *class;

    pad(shape, targets, tensor_device_of(set->logits), &wanted, &labels);
    wanted = tensor_unsqueeze(wanted, 2);
    distance = tensor_sum(tensor_abs(tensor_sub(boxes, wanted)), -1, false);
    giou = boxes_giou(boxes_to_corners(boxes), boxes_to_corners(wanted));
    class = class_cost(shape, set->logits, labels);
    return tensor_sub(tensor_add(tensor_mul_k(distance, bbox_weight), tensor_mul_k(class, class_weight)),
                      tensor_mul_k(giou, giou_weight));
}

static void make_finite(float *cost, size_t count)
{
    float highest = -INFINITY, largest = 0, instead;

    for (size_t i = 0; i < count; i++) {
        if (!isfinite(cost[i]))
            continue;
        highest = fmaxf(highest, cost[i]);
        largest = fmaxf(largest, fabsf(cost[i]));
    }
    instead = highest + largest + 1;
    if (!isfinite(instead))
        instead = FLT_MAX;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(cost[i]))
            cost[i] = instead;
}

/* Appends the matches of image b and group g, whose targets' costs begin at cost. */
static void solve(const struct shape *shape, const struct image_targets *target, const float *cost, int64_t b, int g,
                  struct matches *matches)
{
    int objects = target->count, queries = (int)(shape->queries / shape->groups);
    double *values = xmalloc((size_t)objects * (size_t)queries * sizeof *values);
    struct assign_cost problem = {values, queries, objects, 1, queries};
    int *object_of_query = xmalloc((size_t)queries * sizeof *object_of_query);

    for (int t = 0; t < objects; t++)
        for (int q = 0; q < queries; q++)
            values[t * queries + q] = (double)cost[t * shape->queries + (int64_t)g * queries + q];
    assign_solve(&problem, object_of_query);
    for (int q = 0; q < queries; q++) {
        if (object_of_query[q] < 0)
            continue;
        matches->images[matches->count] = b;
        matches->queries[matches->count] = (int64_t)g * queries + q;
        matches->targets[matches->count++] = object_of_query[q];
    }
    free(object_of_query);
    free(values);
}

static void solve_all(const struct shape *shape, const struct image_targets *targets, const float *cost,
                      struct matches *matches)
{
    int64_t room = 0;

    for (int64_t b = 0; b < shape->images; b++)
        room += (int64_t)targets[b].count * shape->groups;
    matches->images = xcalloc((size_t)room, sizeof *matches->images);
    matches->queries = xcalloc((size_t)room, sizeof *matches->queries);
    matches->targets = xcalloc((size_t)room, sizeof *matches->targets);
    for (int64_t b = 0; b < shape->images; b++)
        for (int g = 0; g < shape->groups && targets[b].count > 0; g++)
            solve(shape, &targets[b], cost + b * shape->objects * shape->queries, b, g, matches);
}

/* Returns the set's costs [B, T, N] (free them), or NULL after a tensor failure. */
static float *read_cost(const struct shape *shape, const struct output_set *set, const struct image_targets *targets)
{
    size_t count = (size_t)(shape->images * shape->objects * shape->queries);
    float *cost = xcalloc(count, sizeof *cost);
    bool had_grad = tensor_grad_mode(false);
    size_t scope = tensor_scope_open();

    if (count > 0)
        (void)tensor_read(cost_of(shape, set, targets), cost, count * sizeof *cost);
    tensor_scope_close(scope);
    (void)tensor_grad_mode(had_grad);
    if (tensor_ok()) {
        make_finite(cost, count);
        return cost;
    }
    free(cost);
    return NULL;
}

bool matcher_match(const struct output_set *set, const struct image_targets *targets, int groups,
                   struct matches *matches)
{
    struct shape shape = shape_of(set, targets, groups);
    float *cost;

    *matches = (struct matches){0};
    if (tensor_ok() && shape.queries % groups != 0)
        tensor_fail(ERR_INTERNAL, "%lld queries do not make %d equal groups", (long long)shape.queries, groups);
    if (!tensor_ok())
        return false;
    cost = read_cost(&shape, set, targets);
    if (!cost)
        return false;
    solve_all(&shape, targets, cost, matches);
    free(cost);
    return true;
}

void matches_clear(struct matches *matches)
{
    free(matches->images);
    free(matches->queries);
    free(matches->targets);
    *matches = (struct matches){0};
}
