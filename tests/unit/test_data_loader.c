/* tests/unit/test_data_loader.c: batches are a function of seed, epoch and position; errors arrive; threads end. */
#include "base/arena.h"
#include "base/sha256.h"
#include "tests/unit/check_main.h"
#include "tests/unit/data_files.h"
#include "trainer/data/loader.h"
#include "trainer/data/sampler.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { IMAGES = 23, SIZE = 64 };

static struct data_files files;
static struct dataset *data;

static char *coco_of(int images)
{
    char *text =
             xstrdup("{\"categories\": [{\"id\": 1, \"name\": \"a\"}, {\"id\": 2, \"name\": \"b\"}], \"images\": ["),
         *longer;

    for (int i = 0; i < images; i++, free(text), text = longer)
        longer = xasprintf("%s%s{\"id\": %d, \"file_name\": \"%d.%s\", \"width\": %d, \"height\": 50}", text,
                           i ? ", " : "", 100 + i, i, i % 2 ? "png" : "jpg", 60 + i);
    longer = xasprintf("%s], \"annotations\": [", text);
    free(text);
    text = longer;
    for (int i = 0; i < images; i++, free(text), text = longer)
        longer = xasprintf("%s%s{\"image_id\": %d, \"category_id\": %d, \"bbox\": [%d, 10, 20, 25]}, "
                           "{\"image_id\": %d, \"category_id\": 1, \"bbox\": [0, 0, 9, 9], \"iscrowd\": 1}",
                           text, i ? ", " : "", 100 + i, 1 + i % 2, i, 100 + i);
    longer = xasprintf("%s]}", text);
    free(text);
    return longer;
}

static void make(void)
{
    char *train = coco_of(IMAGES), *valid = coco_of(5), name[64];

    files_make(&files);
    files_write_text(&files, "train/_annotations.coco.json", train);
    files_write_text(&files, "valid/_annotations.coco.json", valid);
    for (int i = 0; i < IMAGES; i++)
        for (enum split split = SPLIT_TRAIN; split <= SPLIT_VALID; split++) {
            (void)snprintf(name, sizeof(name), "%s/%d.%s", split_name(split), i, i % 2 ? "png" : "jpg");
            (i % 2 ? files_write_png : files_write_jpeg)(&files, name, 60 + i, 50, i);
        }
    data = files_open_sound(&files);
    free(train);
    free(valid);
}

static void removed(void)
{
    dataset_free(data);
    files_remove(&files);
}

static struct loader_options train_options(int threads)
{
    return (struct loader_options){.data = data,
                                   .split = SPLIT_TRAIN,
                                   .train = true,
                                   .batch_size = 3,
                                   .grad_accum_steps = 1,
                                   .size = SIZE,
                                   .scale_jitter = true,
                                   .flip = true,
                                   .seed = 7,
                                   .threads = threads,
                                   .prefetch = 2};
}

static struct loader *open_loader(const struct loader_options *options)
{
    struct err err = {0};
    struct loader *loader = data_open(options, &err);

    ck_assert_msg(loader, "%s", err.msg);
    return loader;
}

static void next_batch(struct loader *loader, struct batch *batch)
{
    struct err err = {0};

    ck_assert_msg(data_next(loader, batch, &err), "%s", err.msg);
}

static void add_batch(struct sha256 *sum, const struct batch *batch)
{
    sha256_add(sum, batch->images, (size_t)batch->count * 3 * SIZE * SIZE * sizeof(float));
    for (int i = 0; i < batch->count; i++) {
        const struct target *target = &batch->targets[i];
        size_t count = (size_t)(target->count + target->crowd_count);

        sha256_add(sum, &target->image_id, sizeof(target->image_id));
        sha256_add(sum, target->boxes, count * sizeof(*target->boxes));
        sha256_add(sum, target->labels, count * sizeof(*target->labels));
        sha256_add(sum, target->areas, count * sizeof(*target->areas));
    }
}

/* The hash of all of an epoch from where the loader is. */
static char *epoch_hash(struct loader *loader, char hex[SHA256_HEX_SIZE])
{
    struct sha256 sum;
    struct batch batch;
    int64_t batches = 0, images = 0;

    sha256_init(&sum);
    for (next_batch(loader, &batch); batch.count > 0; next_batch(loader, &batch)) {
        add_batch(&sum, &batch);
        batches++;
        images += batch.count;
    }
    ck_assert_int_eq(batches, data_batches(loader));
    ck_assert_int_eq(images, data_images(loader));
    return sha256_hex(&sum, hex);
}

START_TEST(batches_depend_on_seed_and_epoch_and_not_on_threads)
{
    char one[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE], second[SHA256_HEX_SIZE];
    struct loader_options options = train_options(1);
    struct loader *loader = open_loader(&options);

    (void)epoch_hash(loader, one);
    data_rewind(loader, 2);
    (void)epoch_hash(loader, second);
    ck_assert_str_ne(one, second);
    data_close(loader);
    for (int threads = 1; threads <= 3; threads++) {
        options = train_options(threads);
        options.prefetch = 4 - threads;
        loader = open_loader(&options);
        ck_assert_str_eq(epoch_hash(loader, other), one);
        data_rewind(loader, 2);
        ck_assert_str_eq(epoch_hash(loader, other), second);
        data_rewind(loader, 1); /* backwards too */
        ck_assert_str_eq(epoch_hash(loader, other), one);
        data_close(loader);
    }
    options.seed = 8;
    loader = open_loader(&options);
    ck_assert_str_ne(epoch_hash(loader, other), one);
    data_close(loader);
}
END_TEST

START_TEST(a_loader_can_be_rewound_and_closed_at_any_place)
{
    char want[SHA256_HEX_SIZE], got[SHA256_HEX_SIZE];
    struct loader_options options = train_options(3);
    struct loader *loader = open_loader(&options);
    struct batch batch;

    (void)epoch_hash(loader, want);
    for (int taken = 0; taken < 8; taken++) {
        data_rewind(loader, 1 + taken);
        for (int i = 0; i < taken; i++)
            next_batch(loader, &batch);
    }
    data_rewind(loader, 1);
    ck_assert_str_eq(epoch_hash(loader, got), want);
    next_batch(loader, &batch); /* the end stays the end */
    ck_assert_int_eq(batch.count, 0);
    data_close(loader);
    for (int taken = 0; taken < 8; taken++) {
        loader = open_loader(&options);
        for (int i = 0; i < taken; i++)
            next_batch(loader, &batch);
        data_close(loader);
    }
    data_close(NULL);
}
END_TEST

START_TEST(evaluation_shows_every_image_once_in_order_with_its_crowds)
{
    struct loader_options options = {.data = data,
                                     .split = SPLIT_VALID,
                                     .batch_size = 2,
                                     .size = SIZE,
                                     .scale_jitter = true,
                                     .flip = true,
                                     .threads = 2,
                                     .prefetch = 2};
    struct loader *loader = open_loader(&options);
    static const int counts[] = {2, 2, 1, 0};
    struct batch batch;
    int64_t image = 0;

    for (int b = 0; b < 4; b++) {
        next_batch(loader, &batch);
        ck_assert_int_eq(batch.count, counts[b]);
        ck_assert_int_eq(batch.size, SIZE);
        ck_assert(batch.wait_s >= 0);
        for (int i = 0; i < batch.count; i++, image++) {
            const struct target *target = &batch.targets[i];
            float width = (float)(60 + image);

            ck_assert_int_eq(target->image_index, image);
            ck_assert_int_eq(target->image_id, 100 + image);
            ck_assert_int_eq(target->width, 60 + image);
            ck_assert_int_eq(target->height, 50);
            ck_assert_int_eq(target->count, 1);
            ck_assert_int_eq(target->crowd_count, 1);
            ck_assert_int_eq(target->labels[0], image % 2);
            ck_assert_float_eq_tol(target->boxes[0][0], ((float)image + 10) / width, 1e-6f);
            ck_assert_float_eq_tol(target->boxes[0][1], 22.5f / 50, 1e-6f);
            ck_assert_float_eq_tol(target->boxes[0][2], 20 / width, 1e-6f);
            ck_assert_float_eq_tol(target->boxes[0][3], 25.0f / 50, 1e-6f);
            ck_assert_float_eq_tol(target->areas[0], 500 * SIZE * SIZE / width / 50, 1e-2f);
            ck_assert_float_eq_tol(target->boxes[1][2], 9 / width, 1e-6f);
        }
    }
    ck_assert_int_eq(data_images(loader), 5);
    data_close(loader);
}
END_TEST

START_TEST(training_shows_no_crowds_and_boxes_inside_the_image)
{
    struct loader_options options = train_options(2);
    struct loader *loader = open_loader(&options);
    int64_t flipped = 0, objects = 0;
    struct batch batch;

    for (int64_t epoch = 1; epoch <= 20; epoch++) {
        data_rewind(loader, epoch);
        for (next_batch(loader, &batch); batch.count > 0; next_batch(loader, &batch))
            for (int i = 0; i < batch.count; i++) {
                const struct target *target = &batch.targets[i];

                ck_assert_int_eq(target->crowd_count, 0);
                ck_assert_int_le(target->count, 1);
                for (int k = 0; k < target->count; k++) {
                    const float *box = target->boxes[k];

                    ck_assert(box[2] > 0 && box[3] > 0);
                    ck_assert(box[0] - box[2] / 2 > -1e-6f && box[0] + box[2] / 2 < 1 + 1e-6f);
                    ck_assert(box[1] - box[3] / 2 > -1e-6f && box[1] + box[3] / 2 < 1 + 1e-6f);
                    ck_assert_int_eq(target->labels[k], (target->image_id - 100) % 2);
                    objects++;
                    if (target->image_id == 100) /* its box is on the left */
                        flipped += box[0] > 0.5f ? 1 : -1;
                }
            }
    }
    ck_assert_int_gt(objects, 300);
    ck_assert_int_lt(llabs(flipped), 20); /* about half of some 20 */
    data_close(loader);
}
END_TEST

START_TEST(the_floats_are_the_pixels_normalised)
{
    static const float mean[] = {0.485f, 0.456f, 0.406f}, deviation[] = {0.229f, 0.224f, 0.225f};
    struct loader_options options = {
        .data = data, .split = SPLIT_VALID, .batch_size = 1, .size = SIZE, .threads = 1, .prefetch = 1};
    struct loader *loader = open_loader(&options);
    struct batch batch;

    next_batch(loader, &batch);
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < SIZE * SIZE; i++) {
            float grey = (batch.images[c * SIZE * SIZE + i] * deviation[c] + mean[c]) * 255;

            ck_assert(grey > -0.01f && grey < 255.01f);
            ck_assert_float_eq_tol(grey, roundf(grey), 1e-3f);
        }
    data_close(loader);
}
END_TEST

START_TEST(an_image_that_breaks_later_is_told_by_name_at_its_batch)
{
    struct loader_options options = {
        .data = data, .split = SPLIT_VALID, .batch_size = 2, .size = SIZE, .threads = 2, .prefetch = 3};
    struct batch batch;
    struct err err = {0};
    struct loader *loader;

    files_write_text(&files, "valid/2.jpg", "\xff\xd8\xff broken");
    files_write_text(&files, "valid/3.png", "broken");
    for (int again = 0; again < 20; again++) {
        loader = open_loader(&options);
        next_batch(loader, &batch);
        ck_assert_int_eq(batch.count, 2);
        ck_assert(!data_next(loader, &batch, &err));
        ck_assert_int_eq(err.code, ERR_DATASET);
        ck_assert_msg(strncmp(err.msg, "image 'valid/2.jpg': ", 21) == 0, "%s", err.msg);
        ck_assert(!data_next(loader, &batch, &err)); /* it does not go on without it */
        data_close(loader);
    }
}
END_TEST

/* CPU seconds of this process, its threads included. */
static double cpu_s(void)
{
    struct rusage usage;

    ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

START_TEST(threads_that_wait_do_not_spin)
{
    struct loader_options options = train_options(3);
    struct loader *loader = open_loader(&options);
    struct batch batch;
    bool quiet = false;

    next_batch(loader, &batch);
    for (int i = 0; i < 100 && !quiet; i++) { /* sooner or later the ring is full */
        double before = cpu_s();

        (void)nanosleep(&(struct timespec){0, 300000000}, NULL);
        quiet = cpu_s() - before < 0.015; /* 5 % of a core */
    }
    ck_assert(quiet);
    data_close(loader);
}
END_TEST

/* ---- the sampler ---- */

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static const struct length {
    int64_t images, effective_batch, length;
} lengths[] = {
    {1, 4, 20},    {19, 4, 20},    {20, 4, 20},  {21, 4, 24}, {24, 4, 24},
    {205, 4, 208}, {600, 16, 608}, {79, 16, 80}, {5, 1, 5},
};

START_TEST(an_epoch_is_whole_effective_batches_at_least_five)
{
    const struct length *row = &lengths[_i];
    size_t size = (size_t)row->length * sizeof(int64_t);
    int64_t *a = xmalloc(size), *b = xmalloc(size), *c = xmalloc(size);

    ck_assert_int_eq(sampler_length(row->images, row->effective_batch), row->length);
    sampler_fill(row->images, row->effective_batch, 3, 1, a);
    sampler_fill(row->images, row->effective_batch, 3, 1, b);
    sampler_fill(row->images, row->effective_batch, 3, 2, c);
    ck_assert_mem_eq(a, b, size);
    ck_assert(row->images == 1 || memcmp(a, c, size) != 0);
    for (int64_t i = 0; i < row->length; i++)
        ck_assert(a[i] >= 0 && a[i] < row->images);
    if (row->images >= 5 * row->effective_batch) { /* every image, and the same few twice in each epoch */
        qsort(a, (size_t)row->length, sizeof(*a), by_value);
        qsort(c, (size_t)row->length, sizeof(*c), by_value);
        ck_assert_mem_eq(a, c, size);
        ck_assert_int_eq(a[0], 0);
        for (int64_t i = 1; i < row->length; i++)
            ck_assert_int_le(a[i] - a[i - 1], 1);
        ck_assert_int_eq(a[row->length - 1], row->images - 1);
    }
    free(a);
    free(b);
    free(c);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

TEST_MAIN("data_loader", tcase_add_checked_fixture(tcase, make, removed);
          TEST(batches_depend_on_seed_and_epoch_and_not_on_threads)
              TEST(a_loader_can_be_rewound_and_closed_at_any_place)
                  TEST(evaluation_shows_every_image_once_in_order_with_its_crowds)
                      TEST(training_shows_no_crowds_and_boxes_inside_the_image)
                          TEST(the_floats_are_the_pixels_normalised)
                              TEST(an_image_that_breaks_later_is_told_by_name_at_its_batch)
                                  TEST(threads_that_wait_do_not_spin)
                                      TEST_LOOP(an_epoch_is_whole_effective_batches_at_least_five, COUNT(lengths)))
