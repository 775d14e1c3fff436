/* trainer/data/loader.c: see loader.h.
 *
 * Batches lie in a ring of slots.  The threads take one position (an image) of the epoch after the other, as far as the
 * ring reaches; a slot whose images are all there is handed out, and is free again at the next call.  Everything shared
 * is guarded by one mutex; an image is worked on outside of it, in memory that no other position has. */
#include "trainer/data/loader.h"

#include "base/arena.h"
#include "base/clock.h"
#include "trainer/data/sampler.h"
#include "trainer/data/transforms.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct slot {
    int64_t batch; /* of this epoch; -1: none */
    int left;      /* images still to come */
    float *images;
    struct target *targets; /* [batch_size] */
    int *room;              /* [batch_size]: objects that the target's arrays hold */
    int64_t failed;         /* first position that failed, or -1 */
    struct err err;
};

struct loader {
    struct loader_options options;
    const struct data_split *split;
    struct augmentation augmentation;
    int64_t length, batches;
    struct slot *slots;
    int slot_count;
    pthread_t *threads;
    int thread_count;

    pthread_mutex_t mutex;
    pthread_cond_t work, ready; /* for the threads, for the caller */
    /* under the mutex */
    int64_t epoch;
    int64_t *order; /* [length]: a position's image; not written while a thread is busy */
    int64_t next;   /* position nobody has taken yet */
    int64_t taken;  /* batches handed out */
    int64_t freed;  /* batches the caller is done with */
    int busy;       /* threads at work */
    bool closing;
};

/* ---- what a thread does ---- */

static void make_target_room(struct target *target, int *room, int count)
{
    if (count <= *room)
        return;
    *room = count;
    target->boxes = xrealloc(target->boxes, (size_t)count * sizeof(*target->boxes));
    target->labels = xrealloc(target->labels, (size_t)count * sizeof(*target->labels));
    target->areas = xrealloc(target->areas, (size_t)count * sizeof(*target->areas));
}

static void write_target(const struct loader *loader, const struct sample *sample, int64_t index, struct target *target,
                         int *room)
{
    const struct data_image *image = &loader->split->images[index];

    make_target_room(target, room, sample->count + sample->crowd_count);
    target->image_index = index;
    target->image_id = image->id;
    target->width = image->width;
    target->height = image->height;
    target->count = sample->count;
    target->crowd_count = sample->crowd_count;
    for (int i = 0; i < sample->count + sample->crowd_count; i++) {
        sample_write_box(sample, i, target->boxes[i]);
        target->labels[i] = loader->options.data->classes[sample->objects[i].label].column;
        target->areas[i] = sample->objects[i].area;
    }
}

/* Fills a position's place in its batch. */
static bool make_position(const struct loader *loader, struct sample *sample, int64_t epoch, int64_t position,
                          struct err *err)
{
    const struct loader_options *options = &loader->options;
    struct slot *slot = &loader->slots[position / options->batch_size % loader->slot_count];
    size_t place = (size_t)(position % options->batch_size);
    int64_t index = loader->order[position];
    struct rng rng = rng_for(options->seed, epoch, position);
    int least = options->train ? augmentation_least_side(&loader->augmentation) : 0;

    if (!sample_read(sample, loader->split, index, !options->train, least, err))
        return false;
    if (options->train)
        sample_augment(sample, &loader->augmentation, &rng);
    else
        sample_resize(sample, options->size, options->size);
    sample_write_image(sample, slot->images + place * 3 * (size_t)options->size * (size_t)options->size);
    write_target(loader, sample, index, &slot->targets[place], &slot->room[place]);
    return true;
}

static int images_in(const struct loader *loader, int64_t batch)
{
    int64_t left = loader->length - batch * loader->options.batch_size;

    return (int)(left < loader->options.batch_size ? left : loader->options.batch_size);
}

/* Takes the next position, if there is one within the ring's reach. */
static bool take(struct loader *loader, int64_t *position)
{
    int64_t batch = loader->next / loader->options.batch_size;
    struct slot *slot = &loader->slots[batch % loader->slot_count];

    if (loader->next == loader->length || batch >= loader->freed + loader->slot_count)
        return false;
    if (slot->batch != batch) {
        slot->batch = batch;
        slot->left = images_in(loader, batch);
        slot->failed = -1;
    }
    *position = loader->next++;
    return true;
}

static void put(struct loader *loader, int64_t position, bool ok, const struct err *err)
{
    struct slot *slot = &loader->slots[position / loader->options.batch_size % loader->slot_count];

    if (!ok && (slot->failed < 0 || position < slot->failed)) { /* the first one, whichever thread was faster */
        slot->failed = position;
        slot->err = *err;
    }
    slot->left--;
    loader->busy--;
    if (slot->left == 0 || loader->busy == 0)
        (void)pthread_cond_signal(&loader->ready);
}

static void *thread_main(void *arg)
{
    struct loader *loader = arg;
    struct sample sample = {0};
    int64_t position;

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), loader->options.nice); /* on Linux of this thread alone */
    (void)pthread_mutex_lock(&loader->mutex);
    while (!loader->closing) {
        if (take(loader, &position)) {
            int64_t epoch = loader->epoch;
            struct err err = {0};
            bool ok;

            loader->busy++;
            (void)pthread_mutex_unlock(&loader->mutex);
            ok = make_position(loader, &sample, epoch, position, &err);
            (void)pthread_mutex_lock(&loader->mutex);
            put(loader, position, ok, &err);
        } else {
            (void)pthread_cond_wait(&loader->work, &loader->mutex);
        }
    }
    (void)pthread_mutex_unlock(&loader->mutex);
    sample_free(&sample);
    return NULL;
}

/* ---- what the caller does ---- */

static void fill_order(struct loader *loader)
{
    const struct loader_options *options = &loader->options;

    if (options->train)
        sampler_fill(loader->split->image_count, (int64_t)options->batch_size * options->grad_accum_steps,
                     options->seed, loader->epoch, loader->order);
    else
        for (int64_t i = 0; i < loader->length; i++)
            loader->order[i] = i;
}

void data_rewind(struct loader *loader, int64_t epoch)
{
    (void)pthread_mutex_lock(&loader->mutex);
    loader->next = loader->length; /* so that no more is begun */
    while (loader->busy > 0)
        (void)pthread_cond_wait(&loader->ready, &loader->mutex);
    loader->epoch = epoch;
    loader->next = loader->taken = loader->freed = 0;
    for (int i = 0; i < loader->slot_count; i++)
        loader->slots[i].batch = -1;
    fill_order(loader);
    (void)pthread_cond_broadcast(&loader->work);
    (void)pthread_mutex_unlock(&loader->mutex);
}

bool data_next(struct loader *loader, struct batch *batch, struct err *err)
{
    double start = clock_monotonic_s();
    struct slot *slot = &loader->slots[loader->taken % loader->slot_count];
    bool ok = true;

    *batch = (struct batch){.size = loader->options.size};
    (void)pthread_mutex_lock(&loader->mutex);
    if (loader->freed != loader->taken) {
        loader->freed = loader->taken;
        (void)pthread_cond_broadcast(&loader->work);
    }
    if (loader->taken < loader->batches) {
        while (slot->batch != loader->taken || slot->left > 0)
            (void)pthread_cond_wait(&loader->ready, &loader->mutex);
        ok = slot->failed < 0;
        if (ok) {
            batch->count = images_in(loader, loader->taken++);
            batch->images = slot->images;
            batch->targets = slot->targets;
        } else {
            *err = slot->err;
        }
    }
    (void)pthread_mutex_unlock(&loader->mutex);
    batch->wait_s = clock_monotonic_s() - start;
    return ok;
}

int64_t data_batches(const struct loader *loader)
{
    return loader->batches;
}

int64_t data_images(const struct loader *loader)
{
    return loader->length;
}

static bool make_slots(struct loader *loader, struct err *err)
{
    size_t batch = (size_t)loader->options.batch_size, side = (size_t)loader->options.size;
    size_t bytes = batch * 3 * side * side * sizeof(float);

    loader->slot_count = loader->options.prefetch + 1; /* one is the caller's */
    loader->slots = xcalloc((size_t)loader->slot_count, sizeof(*loader->slots));
    for (int i = 0; i < loader->slot_count; i++) {
        struct slot *slot = &loader->slots[i];

        slot->images = malloc(bytes);
        slot->targets = calloc(batch, sizeof(*slot->targets));
        slot->room = calloc(batch, sizeof(*slot->room));
        if (!slot->images || !slot->targets || !slot->room)
            return err_set(err, ERR_HOST_OOM, "no memory for %d batches of %d images of %d×%d pixels",
                           loader->slot_count, loader->options.batch_size, loader->options.size, loader->options.size);
    }
    return true;
}

/* Signals are the main thread's: threads inherit what is blocked when they start. */
static bool start_threads(struct loader *loader, struct err *err)
{
    sigset_t all, before;
    int rc = 0;

    loader->threads = xcalloc((size_t)loader->options.threads, sizeof(*loader->threads));
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    while (rc == 0 && loader->thread_count < loader->options.threads) {
        rc = pthread_create(&loader->threads[loader->thread_count], NULL, thread_main, loader);
        loader->thread_count += rc == 0;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 || err_set(err, ERR_INTERNAL, "start a data thread: %s", strerror(rc));
}

struct loader *data_open(const struct loader_options *options, struct err *err)
{
    struct loader *loader = xcalloc(1, sizeof(*loader));

    loader->options = *options;
    loader->split = &options->data->splits[options->split];
    loader->augmentation = (struct augmentation){options->size, options->scale_jitter, options->flip};
    loader->length = loader->split->image_count;
    if (options->train)
        loader->length = sampler_length(loader->length, (int64_t)options->batch_size * options->grad_accum_steps);
    loader->batches = (loader->length + options->batch_size - 1) / options->batch_size;
    loader->order = xcalloc((size_t)loader->length, sizeof(*loader->order));
    (void)pthread_mutex_init(&loader->mutex, NULL);
    (void)pthread_cond_init(&loader->work, NULL);
    (void)pthread_cond_init(&loader->ready, NULL);
    if (!make_slots(loader, err)) {
        data_close(loader);
        return NULL;
    }
    data_rewind(loader, 1);
    if (!start_threads(loader, err)) {
        data_close(loader);
        return NULL;
    }
    return loader;
}

static void free_slot(struct slot *slot, int batch_size)
{
    for (int i = 0; slot->targets && i < batch_size; i++) {
        free(slot->targets[i].boxes);
        free(slot->targets[i].labels);
        free(slot->targets[i].areas);
    }
    free(slot->images);
    free(slot->targets);
    free(slot->room);
}

void data_close(struct loader *loader)
{
    if (!loader)
        return;
    (void)pthread_mutex_lock(&loader->mutex);
    loader->closing = true;
    (void)pthread_cond_broadcast(&loader->work);
    (void)pthread_mutex_unlock(&loader->mutex);
    for (int i = 0; i < loader->thread_count; i++)
        (void)pthread_join(loader->threads[i], NULL);
    for (int i = 0; i < loader->slot_count; i++)
        free_slot(&loader->slots[i], loader->options.batch_size);
    (void)pthread_cond_destroy(&loader->ready);
    (void)pthread_cond_destroy(&loader->work);
    (void)pthread_mutex_destroy(&loader->mutex);
    free(loader->threads);
    free(loader->slots);
    free(loader->order);
    free(loader);
}
