/* trainer/metrics/coco_match.c: pycocotools' greedy matching. */
#include "trainer/metrics/coco_match.h"

#include "base/arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    double low, high; /* both belong to the range */
} area_ranges[COCO_AREAS] = {{0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}};

/* numpy's linspace(0.5, 0.95, 10), bit by bit: the last point is the stop itself. */
static double iou_threshold(int i)
{
    return i == COCO_IOUS - 1 ? 0.95 : i * ((0.95 - 0.5) / (COCO_IOUS - 1)) + 0.5;
}

/* Intersection over union; over the detection alone where the truth is a crowd. */
static double overlap(const double found[4], const struct coco_truth *truth)
{
    const double *box = truth->box;
    double w = fmin(found[0] + found[2], box[0] + box[2]) - fmax(found[0], box[0]);
    double h = fmin(found[1] + found[3], box[1] + box[3]) - fmax(found[1], box[1]);
    double area = found[2] * found[3], both = w * h;

    if (!(w > 0 && h > 0))
        return 0;
    return both / (truth->crowd ? area : area + box[2] * box[3] - both);
}

static bool outside(double area, int range)
{
    return area < area_ranges[range].low || area > area_ranges[range].high;
}

struct candidates {
    const struct coco_truth **truths; /* those that count first, then the ignored, each in the order of being added */
    uint16_t *taken;                  /* bit t: has its detection at threshold t */
    size_t count, counting;           /* all, and those that count */
};

static void list_candidates(const struct coco_rows *in, int area, struct candidates *out)
{
    out->count = 0;
    for (int ignored = 0; ignored < 2; ignored++) {
        for (size_t i = 0; i < in->truth_count; i++)
            if ((in->truths[i].crowd || outside(in->truths[i].area, area)) == ignored)
                out->truths[out->count++] = &in->truths[i];
        if (!ignored)
            out->counting = out->count;
    }
    memset(out->taken, 0, in->truth_count * sizeof *out->taken);
}

/* The free truth that overlaps most, the later one among equals; an ignored one only where none that counts does. */
static size_t best_candidate(const struct candidates *candidates, const double *overlaps, int t)
{
    double best = fmin(iou_threshold(t), 1 - 1e-10);
    size_t chosen = SIZE_MAX;

    for (size_t i = 0; i < candidates->count; i++) {
        if (i == candidates->counting && chosen != SIZE_MAX)
            break;
        if ((candidates->taken[i] >> t & 1) && !candidates->truths[i]->crowd)
            continue;
        if (overlaps[i] < best)
            continue;
        best = overlaps[i];
        chosen = i;
    }
    return chosen;
}

static void match_detection(struct candidates *candidates, const struct coco_found *found, int area, double *overlaps,
                            struct coco_match *match)
{
    uint16_t matched = 0, ignored = 0;

    for (size_t i = 0; i < candidates->count; i++)
        overlaps[i] = overlap(found->box, candidates->truths[i]);
    for (int t = 0; t < COCO_IOUS; t++) {
        size_t chosen = best_candidate(candidates, overlaps, t);
        unsigned bit = 1U << t;

        if (chosen == SIZE_MAX) {
            if (outside(found->box[2] * found->box[3], area))
                ignored = (uint16_t)(ignored | bit);
            continue;
        }
        candidates->taken[chosen] = (uint16_t)(candidates->taken[chosen] | bit);
        if (chosen < candidates->counting)
            matched = (uint16_t)(matched | bit);
        else
            ignored = (uint16_t)(ignored | bit);
    }
    match->found[area] = matched;
    match->ignored[area] = ignored;
}

/* Matches one image's rows of one class; adds to to_find what counts.  matches: a row for each detection. */
static void match_image(const struct coco_rows *in, struct coco_match *matches, int64_t to_find[COCO_AREAS])
{
    struct candidates candidates = {.truths = xcalloc(in->truth_count + 1, sizeof *candidates.truths),
                                    .taken = xcalloc(in->truth_count + 1, sizeof *candidates.taken)};
    double *overlaps = xcalloc(in->truth_count + 1, sizeof *overlaps);

    for (int area = 0; area < COCO_AREAS; area++) {
        list_candidates(in, area, &candidates);
        to_find[area] += (int64_t)candidates.counting;
        for (size_t i = 0; i < in->found_count; i++)
            match_detection(&candidates, &in->found[i], area, overlaps, &matches[i]);
    }
    free(overlaps);
    free(candidates.taken);
    free(candidates.truths);
}

void coco_rows_skip(struct coco_rows *left, const struct coco_rows *taken)
{
    left->truths += taken->truth_count;
    left->truth_count -= taken->truth_count;
    left->found += taken->found_count;
    left->found_count -= taken->found_count;
}

/* The next image's rows, taken off left. */
static struct coco_rows take_image(struct coco_rows *left)
{
    struct coco_rows image = {left->truths, left->found, 0, 0};
    int64_t number = INT64_MAX;

    if (left->truth_count)
        number = left->truths[0].image;
    if (left->found_count && left->found[0].image < number)
        number = left->found[0].image;
    while (image.truth_count < left->truth_count && left->truths[image.truth_count].image == number)
        image.truth_count++;
    while (image.found_count < left->found_count && left->found[image.found_count].image == number)
        image.found_count++;
    coco_rows_skip(left, &image);
    return image;
}

static int compare_matches(const void *left, const void *right)
{
    const struct coco_match *a = left, *b = right;
    int by = COCO_COMPARE(b->score, a->score);

    return by ? by : COCO_COMPARE(a->position, b->position);
}

size_t coco_match_class(struct coco_rows left, int limit, struct coco_match *matches, int64_t to_find[COCO_AREAS])
{
    size_t count = 0;

    while (left.truth_count || left.found_count) {
        struct coco_rows image = take_image(&left);

        if (image.found_count > (size_t)limit)
            image.found_count = (size_t)limit;
        for (size_t i = 0; i < image.found_count; i++)
            matches[count + i] =
                (struct coco_match){.score = image.found[i].score, .position = count + i, .rank = (int)i};
        match_image(&image, matches + count, to_find);
        count += image.found_count;
    }
    qsort(matches, count, sizeof *matches, compare_matches);
    return count;
}
