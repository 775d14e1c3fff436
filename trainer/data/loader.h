/* trainer/data/loader.h: batches of a split, decoded and transformed by threads ahead of their use.
 *
 * What a batch holds is a function of (seed, epoch, position) alone: the number of threads changes nothing.
 * A loader belongs to one thread; its own threads stay inside it and block all signals. */
#pragma once
#include "trainer/data/dataset.h"

struct target {
    int64_t image_index; /* into data_split.images */
    int64_t image_id;    /* as in the JSON */
    int width, height;   /* px, of the original image */
    int count;           /* objects to be found */
    int crowd_count;     /* regions to ignore behind them; 0 in training */
    float (*boxes)[4];   /* [count + crowd_count]: cx cy w h in 0..1 of the transformed image */
    int64_t *labels;     /* [count + crowd_count] */
    float *areas;        /* [count + crowd_count]: px² of the transformed image */
};

struct batch {
    int count;              /* images; 0: the epoch is over */
    int size;               /* px: images are square */
    float *images;          /* [count, 3, size, size], RGB, normalised */
    struct target *targets; /* [count] */
    double wait_s;          /* how long data_next waited for it */
};

struct loader_options {
    const struct dataset *data; /* must outlive the loader */
    enum split split;
    bool train; /* sampled, shuffled and augmented; else every image once, in order, the last batch shorter */
    int batch_size;
    int grad_accum_steps; /* an epoch of training is a multiple of batch_size · grad_accum_steps images */
    int size;             /* px: train: the largest size of multi-scale, or the resolution where that is off; else the
                             resolution */
    bool scale_jitter, flip; /* train only */
    int64_t seed;
    int threads;  /* >= 1 */
    int prefetch; /* batches ahead, >= 1 */
    int nice;     /* of the threads, 0 … 19: on a CPU that also computes they should come last */
};

struct loader; /* opaque */

/* Returns a loader at the start of epoch 1, whose threads work already, or NULL. */
MUST_CHECK struct loader *data_open(const struct loader_options *options, struct err *err);

/* Ends the threads, at whatever they are.  NULL is fine. */
void data_close(struct loader *loader);

/* Batches in an epoch. */
int64_t data_batches(const struct loader *loader);

/* Images in an epoch. */
int64_t data_images(const struct loader *loader);

/* Goes to the start of an epoch (they count from 1), wherever the loader is. */
void data_rewind(struct loader *loader, int64_t epoch);

/* The next batch; one of count 0 at the epoch's end.  What batch points at is the loader's and lives until the next
 * call of data_next, data_rewind or data_close.  ERR_DATASET: an image that cannot be read, by name. */
MUST_CHECK bool data_next(struct loader *loader, struct batch *batch, struct err *err);
