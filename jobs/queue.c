/* jobs/queue.c: see queue.h. */
#include "jobs/queue.h"

#include "storage/event_rows.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Whether the AMP policy of a spec computes in bfloat16. */
static bool needs_bfloat16(const char *spec)
{
    json_t *json = json_loads(spec, 0, NULL);
    const json_t *amp = json_object_get(json, "amp");
    const char *dtype = json_string_value(json_object_get(amp, "dtype"));
    bool needs =
        json_is_true(json_object_get(amp, "enabled")) && dtype && strcmp(dtype, amp_dtype_name(AMP_BFLOAT16)) == 0;

    json_decref(json);
    return needs;
}

static bool suits(const struct gpu *gpu, bool bfloat16)
{
    return !bfloat16 || gpu_has_bfloat16(gpu);
}

/* A free GPU that suits, else, when none of the machine suits, any free one: the job then fails in words. */
static const struct gpu *find_gpu(const struct places *places, bool bfloat16)
{
    const struct gpu *any = NULL;
    bool is_hopeless = true;

    for (size_t i = 0; i < gpus_count(places->gpus); i++) {
        const struct gpu *gpu = gpus_at(places->gpus, i);

        is_hopeless = is_hopeless && !suits(gpu, bfloat16);
        if (places->gpu_jobs[i] != 0)
            continue;
        if (suits(gpu, bfloat16))
            return gpu;
        any = gpu;
    }
    return is_hopeless ? any : NULL;
}

static bool has_free_gpu(const struct places *places)
{
    for (size_t i = 0; i < gpus_count(places->gpus); i++)
        if (places->gpu_jobs[i] == 0)
            return true;
    return false;
}

static bool pick_for_gpu(struct store *store, struct arena *arena, const struct places *places, struct pick *pick,
                         struct err *err)
{
    struct job_row next = {0};

    if (!has_free_gpu(places) || !store_queue_next(store, arena, DEVICE_CUDA, NULL, &next, err))
        return !has_free_gpu(places);
    while (next.id) {
        bool bfloat16 = needs_bfloat16(next.spec);
        const struct gpu *gpu = find_gpu(places, bfloat16);

        if (gpu) {
            *pick = (struct pick){.id = next.id, .spec = next.spec, .gpu = gpu, .needs_bfloat16 = bfloat16};
            return true;
        }
        if (!store_queue_next(store, arena, DEVICE_CUDA, &next, &next, err))
            return false;
    }
    return true;
}

static bool pick_for_cpu(struct store *store, struct arena *arena, const struct places *places, struct pick *pick,
                         struct err *err)
{
    struct job_row next = {0};

    if ((int64_t)places->cpu_count >= places->cpu_slots)
        return true;
    if (!store_queue_next(store, arena, DEVICE_CPU, NULL, &next, err))
        return false;
    *pick = (struct pick){.id = next.id, .spec = next.spec};
    return true;
}

bool queue_pick(struct store *store, struct arena *arena, const struct places *places, struct pick *pick,
                struct err *err)
{
    *pick = (struct pick){0};
    return pick_for_gpu(store, arena, places, pick, err) && (pick->id || pick_for_cpu(store, arena, places, pick, err));
}

/* "jobs 3, 4 and 5" */
static const char *name_jobs(struct arena *arena, const int64_t *jobs, size_t count)
{
    const char *text = count == 1 ? "job" : "jobs";

    for (size_t i = 0; i < count; i++)
        text = arena_printf(arena, "%s%s%" PRId64, text, i == 0 ? " " : i + 1 == count ? " and " : ", ", jobs[i]);
    return text;
}

/* "the CPU slot is taken by job 3", "all 2 GPUs are taken by jobs 3 and 4" */
static const char *name_taken(struct arena *arena, const char *what, int64_t slots, const int64_t *jobs, size_t count)
{
    const char *names = name_jobs(arena, jobs, count);

    return slots == 1 ? arena_printf(arena, "the %s is taken by %s", what, names)
                      : arena_printf(arena, "all %" PRId64 " %ss are taken by %s", slots, what, names);
}

/* What holds up whoever is first in line; NULL: nothing. */
static const char *name_hindrance(struct arena *arena, const struct places *places, enum device_type device)
{
    size_t count = gpus_count(places->gpus);

    if (device == DEVICE_CUDA && count == 0)
        return "it needs a GPU, and NVML shows none on this machine";
    if (device == DEVICE_CUDA)
        return has_free_gpu(places) ? NULL : name_taken(arena, "GPU", (int64_t)count, places->gpu_jobs, count);
    if (places->cpu_slots == 0)
        return "it needs a CPU slot, and cpu_slots is 0";
    return (int64_t)places->cpu_count < places->cpu_slots
               ? NULL
               : name_taken(arena, "CPU slot", places->cpu_slots, places->cpu_jobs, places->cpu_count);
}

struct queue_order {
    int64_t newest; /* the event that it was counted after */
    struct arena *arena;
    struct queue_place *places; /* lowest id first */
    size_t count;
};

struct queue_order *queue_order_new(void)
{
    return xcalloc(1, sizeof(struct queue_order));
}

void queue_order_free(struct queue_order *order)
{
    if (!order)
        return;
    arena_free(order->arena);
    free(order);
}

static bool count_again(struct queue_order *order, struct store *store, struct err *err)
{
    int64_t newest;

    if (!store_event_newest_of_jobs(store, &newest, err))
        return false;
    if (order->arena && newest == order->newest)
        return true;
    arena_free(order->arena);
    *order = (struct queue_order){.arena = arena_new(), .newest = -1};
    if (!store_queue_order(store, order->arena, &order->places, &order->count, err))
        return false;
    order->newest = newest;
    return true;
}

static int compare_places(const void *a, const void *b)
{
    const struct queue_place *left = a, *right = b;

    return (left->id > right->id) - (left->id < right->id);
}

/* How many jobs come before it; 0 also when that cannot be read: the sentence is shorter then. */
static int64_t count_ahead(struct queue_order *order, struct store *store, int64_t id)
{
    const struct queue_place key = {.id = id}, *place = NULL;
    struct err ignored;

    if (count_again(order, store, &ignored) && order->count > 0)
        place = bsearch(&key, order->places, order->count, sizeof key, compare_places);
    return place ? place->ahead : 0;
}

const char *queue_reason(struct queue_order *order, struct store *store, struct arena *arena,
                         const struct places *places, const struct job_row *row)
{
    const char *hindrance = name_hindrance(arena, places, row->device_type);
    int64_t ahead = count_ahead(order, store, row->id);

    if (ahead == 0)
        return hindrance ? hindrance : "it starts next";
    return arena_printf(arena, "%s%s%" PRId64 " %s before it in the queue", hindrance ? hindrance : "",
                        hindrance ? "; " : "", ahead, ahead == 1 ? "job is" : "jobs are");
}
