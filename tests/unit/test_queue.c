/* tests/unit/test_queue.c: the GPUs that NVML shows (a double of it), which job runs next on what, and why others wait.
 */
#include "jobs/queue.h"
#include "tests/unit/check_main.h"

#include <math.h>
#include <string.h>

static char root[64];
static struct store *store;
static struct queue_order *order;
static struct arena *arena;
static struct gpus *gpus;
static struct err err;
static int64_t gpu_jobs[8], cpu_jobs[8];
static struct places places;

static void setup(void)
{
    strcpy(root, "/tmp/detrd-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    arena = arena_new();
    store = store_open(root, &err);
    ck_assert_ptr_nonnull(store);
    order = queue_order_new();
}

static void teardown(void)
{
    queue_order_free(order);
    store_close(store);
    gpus_close(gpus);
    gpus = NULL;
    ck_assert_int_eq(system(arena_printf(arena, "rm -rf '%s'", root)), 0);
    arena_free(arena);
}

static void open_gpus(const char *fake)
{
    ck_assert_int_eq(setenv("FAKE_GPUS", fake, 1), 0);
    gpus = gpus_open();
    places = (struct places){.gpus = gpus, .gpu_jobs = gpu_jobs, .cpu_slots = 1, .cpu_jobs = cpu_jobs};
}

static int64_t add(enum device_type device, int64_t priority, const char *dtype)
{
    const char *spec = dtype ? arena_printf(arena, "{\"amp\": {\"enabled\": true, \"dtype\": \"%s\"}}", dtype)
                             : "{\"amp\": {\"enabled\": false, \"dtype\": \"bfloat16\"}}";
    const struct job_new job = {.name = "", .spec = spec, .device_type = device, .priority = priority};
    int64_t id;

    ck_assert(store_job_add(store, &job, &id, &err));
    return id;
}

static struct pick pick_next(void)
{
    struct pick pick;

    ck_assert_msg(queue_pick(store, arena, &places, &pick, &err), "%s", err.msg);
    return pick;
}

static const char *reason_of(int64_t id)
{
    struct job_row row;

    ck_assert(store_job_read(store, arena, id, &row, &err));
    return queue_reason(order, store, arena, &places, &row);
}

/* ---- GPUs ---- */

START_TEST(gpus_are_listed_with_what_nvml_tells)
{
    struct gpu_usage usage;

    open_gpus("8.6 7.5");
    ck_assert_uint_eq(gpus_count(gpus), 2);
    ck_assert_str_eq(gpus_at(gpus, 1)->uuid, "GPU-fake-1");
    ck_assert_str_eq(gpus_at(gpus, 1)->name, "Fake 1");
    ck_assert(gpus_at(gpus, 1)->compute_major == 7 && gpus_at(gpus, 1)->compute_minor == 5);
    ck_assert_int_eq(gpus_at(gpus, 0)->memory_total_bytes, INT64_C(24) << 30);
    gpus_usage(gpus, 0, &usage);
    ck_assert_int_eq(usage.memory_used_bytes, INT64_C(4) << 30);
    ck_assert_double_eq(usage.utilization_ratio, 0.25);
}
END_TEST

START_TEST(what_nvml_does_not_tell_is_told_as_unknown)
{
    struct gpu_usage usage;

    open_gpus("0.0");
    ck_assert_uint_eq(gpus_count(gpus), 1);
    ck_assert_str_eq(gpus_at(gpus, 0)->name, "");
    ck_assert_int_eq(gpus_at(gpus, 0)->compute_major, 0);
    gpus_usage(gpus, 0, &usage);
    ck_assert(usage.memory_used_bytes == -1 && isnan(usage.utilization_ratio));
}
END_TEST

START_TEST(an_nvml_that_does_not_work_shows_no_gpu)
{
    open_gpus("broken");
    ck_assert_uint_eq(gpus_count(gpus), 0);
}
END_TEST

/* ---- the queue ---- */

START_TEST(each_free_place_takes_the_first_job_that_needs_it)
{
    int64_t cpu, gpu;
    struct pick pick;

    open_gpus("8.6 8.6");
    add(DEVICE_CPU, 0, NULL);
    gpu = add(DEVICE_CUDA, -1, "bfloat16");
    cpu = add(DEVICE_CPU, 1, NULL);
    pick = pick_next();
    ck_assert(pick.id == gpu && pick.gpu == gpus_at(gpus, 0));
    gpu_jobs[0] = gpu_jobs[1] = 90;
    pick = pick_next();
    ck_assert(pick.id == cpu && pick.gpu == NULL);
    cpu_jobs[places.cpu_count++] = 91;
    ck_assert_int_eq(pick_next().id, 0);
    places.cpu_slots = 2;
    ck_assert_int_eq(pick_next().id, cpu);
    gpu_jobs[1] = 0;
    pick = pick_next();
    ck_assert(pick.id == gpu && pick.gpu == gpus_at(gpus, 1));
}
END_TEST

START_TEST(a_job_in_bfloat16_waits_for_a_gpu_that_computes_it_and_holds_up_no_other)
{
    int64_t bfloat16, float16;
    struct pick pick;

    open_gpus("7.5 8.0");
    bfloat16 = add(DEVICE_CUDA, 1, "bfloat16");
    pick = pick_next();
    ck_assert(pick.id == bfloat16 && pick.gpu == gpus_at(gpus, 1));
    gpu_jobs[1] = 90;
    ck_assert_int_eq(pick_next().id, 0);
    float16 = add(DEVICE_CUDA, 0, "float16");
    pick = pick_next();
    ck_assert(pick.id == float16 && pick.gpu == gpus_at(gpus, 0));
}
END_TEST

START_TEST(where_no_gpu_computes_bfloat16_the_job_starts_and_fails_in_words)
{
    int64_t id;
    struct pick pick;

    open_gpus("7.5");
    id = add(DEVICE_CUDA, 0, "bfloat16");
    pick = pick_next();
    ck_assert(pick.id == id && pick.gpu == gpus_at(gpus, 0) && pick.needs_bfloat16);
}
END_TEST

START_TEST(reasons_name_what_is_in_the_way)
{
    int64_t first, second, third, gpu;

    open_gpus("8.6 8.6");
    first = add(DEVICE_CPU, 0, NULL);
    second = add(DEVICE_CPU, 0, NULL);
    third = add(DEVICE_CPU, 0, NULL);
    gpu = add(DEVICE_CUDA, 0, NULL);
    ck_assert_str_eq(reason_of(first), "it starts next");
    ck_assert_str_eq(reason_of(second), "1 job is before it in the queue");
    cpu_jobs[places.cpu_count++] = 7;
    ck_assert_str_eq(reason_of(first), "the CPU slot is taken by job 7");
    ck_assert_str_eq(reason_of(third), "the CPU slot is taken by job 7; 2 jobs are before it in the queue");
    cpu_jobs[places.cpu_count++] = 8;
    cpu_jobs[places.cpu_count++] = 9;
    places.cpu_slots = 3;
    ck_assert_str_eq(reason_of(first), "all 3 CPU slots are taken by jobs 7, 8 and 9");
    ck_assert_str_eq(reason_of(gpu), "it starts next");
    gpu_jobs[0] = 5;
    gpu_jobs[1] = 6;
    ck_assert_str_eq(reason_of(gpu), "all 2 GPUs are taken by jobs 5 and 6");
    places.cpu_slots = 0;
    ck_assert_str_eq(reason_of(first), "it needs a CPU slot, and cpu_slots is 0");
}
END_TEST

START_TEST(without_a_gpu_a_job_for_one_waits_and_says_so)
{
    int64_t id;

    open_gpus("");
    id = add(DEVICE_CUDA, 0, NULL);
    ck_assert_int_eq(pick_next().id, 0);
    ck_assert_str_eq(reason_of(id), "it needs a GPU, and NVML shows none on this machine");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queue");
    TCase *tcase = tcase_create("queue");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 0);
    TEST(gpus_are_listed_with_what_nvml_tells)
    TEST(what_nvml_does_not_tell_is_told_as_unknown)
    TEST(an_nvml_that_does_not_work_shows_no_gpu)
    TEST(each_free_place_takes_the_first_job_that_needs_it)
    TEST(a_job_in_bfloat16_waits_for_a_gpu_that_computes_it_and_holds_up_no_other)
    TEST(where_no_gpu_computes_bfloat16_the_job_starts_and_fails_in_words)
    TEST(reasons_name_what_is_in_the_way)
    TEST(without_a_gpu_a_job_for_one_waits_and_says_so)
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
