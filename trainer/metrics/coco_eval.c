/* trainer/metrics/coco_eval.c: matching image by image, then precision over recall class by class.
 * One matching at max_dets[2] serves all three limits: detections are matched best first, so what comes later changes
 * nothing before it. */
#include "trainer/metrics/coco_eval.h"

#include "base/arena.h"
#include "trainer/metrics/coco_match.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RECALLS = 101, LIMITS = 3, ALL_IOUS = -1, FIRST_ROOM = 256 };

struct coco_eval {
    struct coco_truth *truths;
    struct coco_found *found;
    size_t truth_count, truth_room, found_count, found_room;
    int class_count;
};

/* Precision by threshold and recall point, and the highest recall, of a class in an area range at a limit. */
struct curves {
    double precision[COCO_IOUS][RECALLS], recall[COCO_IOUS];
};

/* Which mean over a class's curves each figure is. */
// clang-format off
static const struct {
    int area, limit, iou;
    bool is_recall;
} figure_table[COCO_FIGURE_COUNT] = {
    /*                  area limit IoU      recall */
    [COCO_AP]        = {0, 2, ALL_IOUS, false},
    [COCO_AP50]      = {0, 2, 0,        false},
    [COCO_AP75]      = {0, 2, 5,        false},
    [COCO_AP_SMALL]  = {1, 2, ALL_IOUS, false},
    [COCO_AP_MEDIUM] = {2, 2, ALL_IOUS, false},
    [COCO_AP_LARGE]  = {3, 2, ALL_IOUS, false},
    [COCO_AR_LOW]    = {0, 0, ALL_IOUS, true},
    [COCO_AR_MIDDLE] = {0, 1, ALL_IOUS, true},
    [COCO_AR]        = {0, 2, ALL_IOUS, true},
    [COCO_AR_SMALL]  = {1, 2, ALL_IOUS, true},
    [COCO_AR_MEDIUM] = {2, 2, ALL_IOUS, true},
    [COCO_AR_LARGE]  = {3, 2, ALL_IOUS, true},
};
// clang-format on

/* numpy's linspace(0, 1, 101), bit by bit: the last point is the stop itself. */
static double recall_point(int i)
{
    return i == RECALLS - 1 ? 1.0 : i * (1.0 / (RECALLS - 1));
}

struct coco_eval *coco_eval_new(int class_count)
{
    struct coco_eval *eval = xcalloc(1, sizeof *eval);

    eval->class_count = class_count;
    eval->truth_room = eval->found_room = FIRST_ROOM;
    eval->truths = xcalloc(FIRST_ROOM, sizeof *eval->truths);
    eval->found = xcalloc(FIRST_ROOM, sizeof *eval->found);
    return eval;
}

void coco_eval_free(struct coco_eval *eval)
{
    if (!eval)
        return;
    free(eval->truths);
    free(eval->found);
    free(eval);
}

static void *grown(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    *room *= 2;
    return xrealloc(array, *room * size);
}

void coco_eval_add_truth(struct coco_eval *eval, int64_t image, int class_index, const double box[4], double area,
                         bool crowd)
{
    struct coco_truth *truth;

    assert(class_index >= 0 && class_index < eval->class_count);
    eval->truths = grown(eval->truths, eval->truth_count, &eval->truth_room, sizeof *truth);
    truth = &eval->truths[eval->truth_count];
    *truth = (struct coco_truth){image, eval->truth_count++, class_index, crowd, area, {0}};
    memcpy(truth->box, box, sizeof truth->box);
}

void coco_eval_add_detection(struct coco_eval *eval, int64_t image, int class_index, double score, const double box[4])
{
    struct coco_found *row;

    assert(class_index >= 0 && class_index < eval->class_count);
    eval->found = grown(eval->found, eval->found_count, &eval->found_room, sizeof *row);
    row = &eval->found[eval->found_count];
    *row = (struct coco_found){image, eval->found_count++, class_index, isnan(score) ? -INFINITY : score, {0}};
    memcpy(row->box, box, sizeof row->box);
}

/* ---- order: both end in `order`, so that qsort has no ties to decide ---- */

static int compare_truths(const void *left, const void *right)
{
    const struct coco_truth *a = left, *b = right;
    int by = COCO_COMPARE(a->class_index, b->class_index);

    by = by ? by : COCO_COMPARE(a->image, b->image);
    return by ? by : COCO_COMPARE(a->order, b->order);
}

static int compare_found(const void *left, const void *right)
{
    const struct coco_found *a = left, *b = right;
    int by = COCO_COMPARE(a->class_index, b->class_index);

    by = by ? by : COCO_COMPARE(a->image, b->image);
    by = by ? by : COCO_COMPARE(b->score, a->score);
    return by ? by : COCO_COMPARE(a->order, b->order);
}

/* ---- precision over recall ---- */

/* One threshold's curve.  recall and precision have room for count. */
static void trace_curve(const struct coco_match *matches, size_t count, int area, int limit, int t, int64_t to_find,
                        double *recall, double *precision, struct curves *out)
{
    double found = 0, wrong = 0;
    size_t n = 0, at = 0;

    for (size_t i = 0; i < count; i++) {
        if (matches[i].rank >= limit)
            continue;
        if (!(matches[i].ignored[area] >> t & 1)) {
            if (matches[i].found[area] >> t & 1)
                found++;
            else
                wrong++;
        }
        recall[n] = found / (double)to_find;
        precision[n++] = found / (wrong + found + DBL_EPSILON);
    }
    out->recall[t] = n ? recall[n - 1] : 0;
    for (size_t i = n; i-- > 1;)
        precision[i - 1] = fmax(precision[i - 1], precision[i]);
    for (int point = 0; point < RECALLS; point++) {
        while (at < n && recall[at] < recall_point(point))
            at++;
        out->precision[t][point] = at < n ? precision[at] : 0;
    }
}

static double mean(const double *values, int count)
{
    double sum = 0;

    for (int i = 0; i < count; i++)
        sum += values[i];
    return sum / count;
}

static double read_figure(const struct curves *curves, int iou, bool is_recall)
{
    if (is_recall)
        return mean(curves->recall, COCO_IOUS);
    return iou == ALL_IOUS ? mean(curves->precision[0], COCO_IOUS * RECALLS) : mean(curves->precision[iou], RECALLS);
}

static void class_figures(const struct coco_match *matches, size_t count, const int64_t to_find[COCO_AREAS],
                          const int max_dets[LIMITS], struct coco_figures *out)
{
    double *recall = xcalloc(count + 1, sizeof *recall), *precision = xcalloc(count + 1, sizeof *precision);
    struct curves *curves = xcalloc(1, sizeof *curves);

    for (int i = 0; i < COCO_FIGURE_COUNT; i++)
        out->value[i] = -1;
    out->boxes = to_find[0];
    for (int area = 0; area < COCO_AREAS; area++) {
        for (int limit = 0; limit < LIMITS && to_find[area] > 0; limit++) {
            for (int t = 0; t < COCO_IOUS; t++)
                trace_curve(matches, count, area, max_dets[limit], t, to_find[area], recall, precision, curves);
            for (int i = 0; i < COCO_FIGURE_COUNT; i++)
                if (figure_table[i].area == area && figure_table[i].limit == limit)
                    out->value[i] = read_figure(curves, figure_table[i].iou, figure_table[i].is_recall);
        }
    }
    free(curves);
    free(precision);
    free(recall);
}

static void average(const struct coco_figures *classes, int count, struct coco_figures *all)
{
    all->boxes = 0;
    for (int k = 0; k < count; k++)
        all->boxes += classes[k].boxes;
    for (int i = 0; i < COCO_FIGURE_COUNT; i++) {
        double sum = 0;
        int with_truth = 0;

        for (int k = 0; k < count; k++)
            if (classes[k].value[i] > -1) {
                sum += classes[k].value[i];
                with_truth++;
            }
        all->value[i] = with_truth ? sum / with_truth : -1;
    }
}

/* The next class's rows, taken off left; both are sorted by class. */
static struct coco_rows take_class(struct coco_rows *left, int class_index)
{
    struct coco_rows rows = {left->truths, left->found, 0, 0};

    while (rows.truth_count < left->truth_count && rows.truths[rows.truth_count].class_index == class_index)
        rows.truth_count++;
    while (rows.found_count < left->found_count && rows.found[rows.found_count].class_index == class_index)
        rows.found_count++;
    coco_rows_skip(left, &rows);
    return rows;
}

void coco_eval_run(struct coco_eval *eval, const int max_dets[3], struct coco_figures *all,
                   struct coco_figures *classes)
{
    struct coco_match *matches = xcalloc(eval->found_count + 1, sizeof *matches);
    struct coco_figures *rows = xcalloc((size_t)eval->class_count + 1, sizeof *rows);
    struct coco_rows left = {eval->truths, eval->found, eval->truth_count, eval->found_count};

    qsort(eval->truths, eval->truth_count, sizeof *eval->truths, compare_truths);
    qsort(eval->found, eval->found_count, sizeof *eval->found, compare_found);
    for (int k = 0; k < eval->class_count; k++) {
        int64_t to_find[COCO_AREAS] = {0};
        size_t count = coco_match_class(take_class(&left, k), max_dets[2], matches, to_find);

        class_figures(matches, count, to_find, max_dets, &rows[k]);
    }
    average(rows, eval->class_count, all);
    if (classes)
        memcpy(classes, rows, (size_t)eval->class_count * sizeof *rows);
    free(rows);
    free(matches);
}
