/* trainer/model/criterion.h: the training loss.
 *
 * Each set of predictions (last layer, auxiliary layers, encoder) is matched with the targets by itself and gives
 *     loss_ce    IA-BCE over all queries and classes: a matched query's class is to score
 *                t = max(0.01, σ(x)^0.25 · IoU^0.75), everything else 0, weighted by σ(x)²
 *     loss_bbox  Σ ‖b − t‖₁, loss_giou  Σ (1 − GIoU), over matched pairs
 * each divided by max(1, groups · objects in the batch), and the diagnostic cardinality_error.  The total is the sum of
 * cls_loss_coef · loss_ce + 5 · loss_bbox + 2 · loss_giou over the sets.  Source: rfdetr 1.11.2 `models/criterion.py`.
 *
 * Everything is float32; called outside autocast.  Training thread only. */
#pragma once
#include "trainer/model/matcher.h"

enum { CRITERION_MAX_SETS = 8 };

enum loss_term { LOSS_CE, LOSS_BBOX, LOSS_GIOU, LOSS_CARDINALITY, LOSS_TERMS };
extern const char *const loss_term_names[LOSS_TERMS]; /* "loss_ce" …, as the reference calls those of the last layer */

struct criterion {
    int groups; /* 1 in evaluation */
    double cls_loss_coef;
};

struct losses {
    struct tensor *total; /* 0-dim float32, with the graph: call tensor_backward on it */
    struct tensor *all;   /* what losses_read copies: one wait for a GPU, best after backward */
    int sets;
};

struct loss_values {
    double total;
    double class_error; /* % of the last layer's matched queries whose best class is another; 100 without any */
    double terms[CRITERION_MAX_SETS][LOSS_TERMS]; /* unweighted, by set */
};

/* sets: the last layer first, then auxiliary layers, then the encoder's.  targets: one for each of the B images.
 * False after a failure, which sticks; sets that are not float32 are one. */
MUST_CHECK bool criterion_loss(const struct criterion *criterion, const struct output_set *sets, int n_sets,
                               const struct image_targets *targets, struct losses *losses);

/* Copies the values to the host. */
MUST_CHECK bool losses_read(const struct losses *losses, struct loss_values *values);
