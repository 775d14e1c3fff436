/* tests/kernels/test_ms_deform_attn.c: multi-scale deformable attention, four ways on the same seeded input: libtorch's
 * operations with autograd, the plain C reference, the GPU's threads walked through by the CPU, and the kernels where
 * there is a device.  Every distance is a share of the array's largest value. */
#include "tests/unit/check_main.h"
#include "trainer/kernels/ms_deform_attn_thread.h"
#include "trainer/tensor/tensor.h"

#include "base/arena.h"
#include "base/clock.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A float32 location is known to about 1e-6 of a pixel here; sums of a few hundred products add less. */
static const double tolerance = 5e-6;

static const struct {
    const char *name;
    int batch, queries, heads, width, points, levels, sizes[MS_DEFORM_MAX_LEVELS][2]; /* height, width */
} cases[] = {
    {"one of everything", 1, 1, 1, 1, 1, 1, {{1, 1}}},
    {"odd sizes, three levels", 2, 5, 3, 7, 3, 3, {{5, 7}, {3, 2}, {1, 1}}},
    {"nano's decoder at 160 px", 2, 61, 16, 16, 2, 1, {{10, 10}}},
    {"wide heads, four levels", 1, 33, 2, 65, 5, 4, {{17, 3}, {8, 9}, {2, 31}, {1, 4}}},
};

enum { VALUE, LOCATION, WEIGHT, PROBE, OUT, ARRAYS };
static const char *const array_names[ARRAYS] = {"value", "location", "weight", "probe", "out"};

/* One run's arrays.  VALUE, LOCATION and WEIGHT hold the gradients in what a run gives back. */
struct arrays {
    float *at[ARRAYS];
    size_t count[ARRAYS];
};

static struct ms_deform_shape make_shape(int i)
{
    struct ms_deform_shape shape = {.batch = cases[i].batch,
                                    .queries = cases[i].queries,
                                    .heads = cases[i].heads,
                                    .width = cases[i].width,
                                    .points = cases[i].points,
                                    .levels = cases[i].levels};

    for (int l = 0; l < shape.levels; l++) {
        shape.level[l] = (struct ms_deform_level){cases[i].sizes[l][0], cases[i].sizes[l][1], shape.tokens};
        shape.tokens += (int64_t)shape.level[l].height * shape.level[l].width;
    }
    return shape;
}

/* Exactly as long as needed, so that the address sanitizer sees a step beside them. */
static struct arrays make_arrays(const struct ms_deform_shape *shape)
{
    size_t samples = (size_t)msda_samples(shape), out = (size_t)msda_channels(shape);
    size_t value = (size_t)shape->batch * (size_t)shape->tokens * (size_t)shape->heads * (size_t)shape->width;
    struct arrays arrays = {.count = {value, 2 * samples, samples, out, out}};

    for (int i = 0; i < ARRAYS; i++)
        arrays.at[i] = xcalloc(arrays.count[i], sizeof(float));
    return arrays;
}

static void free_arrays(struct arrays *arrays)
{
    for (int i = 0; i < ARRAYS; i++)
        free(arrays->at[i]);
}

/* A seeded number in 0..1. */
static float draw(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (float)(*state >> 40) / (float)(1 << 24);
}

/* Locations from -0.3 to 1.3, so that some points lie outside, whole or in part. */
static struct arrays make_input(const struct ms_deform_shape *shape)
{
    static const float low[ARRAYS] = {-1, -0.3F, 0, -1, 0}, high[ARRAYS] = {1, 1.3F, 1, 1, 0};
    struct arrays in = make_arrays(shape);
    uint64_t state = 42;

    for (int i = 0; i < ARRAYS; i++)
        for (size_t k = 0; k < in.count[i]; k++)
            in.at[i][k] = low[i] + (high[i] - low[i]) * draw(&state);
    return in;
}

static struct ms_deform_input input_of(const struct arrays *arrays)
{
    return (struct ms_deform_input){arrays->at[VALUE], arrays->at[LOCATION], arrays->at[WEIGHT]};
}

static struct ms_deform_grad grad_of(const struct arrays *arrays)
{
    return (struct ms_deform_grad){arrays->at[VALUE], arrays->at[LOCATION], arrays->at[WEIGHT]};
}

/* ---- the four ways ---- */

static void run_ref(const struct ms_deform_shape *shape, const struct arrays *from, struct arrays *to)
{
    struct ms_deform_input in = input_of(from);
    struct ms_deform_grad grad = grad_of(to);

    ms_deform_attn_forward_ref(shape, &in, to->at[OUT]);
    ms_deform_attn_backward_ref(shape, &in, from->at[PROBE], &grad);
}

static void run_threads(const struct ms_deform_shape *shape, const struct arrays *from, struct arrays *to)
{
    struct ms_deform_input in = input_of(from);
    struct ms_deform_grad grad = grad_of(to);

    memset(grad.value, 0, to->count[VALUE] * sizeof(float));
    for (int64_t block = 0; block < msda_blocks(msda_channels(shape)); block++)
        for (int thread = 0; thread < MSDA_BLOCK; thread++) {
            msda_forward_thread(shape, &in, to->at[OUT], block, thread);
            msda_backward_value_thread(shape, &in, from->at[PROBE], grad.value, block, thread);
        }
    for (int64_t block = 0; block < msda_blocks(msda_samples(shape)); block++)
        for (int thread = 0; thread < MSDA_BLOCK; thread++)
            msda_backward_sample_thread(shape, &in, from->at[PROBE], &grad, block, thread);
}

/* One level: [B·heads, width, Q] of what its points read, weighted. */
static struct tensor *torch_level(const struct ms_deform_shape *shape, int l, struct tensor *value,
                                  struct tensor *location, struct tensor *weight)
{
    const struct ms_deform_level *level = &shape->level[l];
    int64_t rows = (int64_t)shape->batch * shape->heads, pixels = (int64_t)level->height * level->width;
    struct tensor *map = tensor_permute(tensor_narrow(value, 1, level->first, pixels), DIMS(0, 2, 3, 1));
    struct tensor *grid = tensor_permute(tensor_select(location, 3, l), DIMS(0, 2, 1, 3, 4));
    struct tensor *share = tensor_permute(tensor_select(weight, 3, l), DIMS(0, 2, 1, 3)), *read;

    map = tensor_reshape(map, DIMS(rows, shape->width, level->height, level->width));
    grid = tensor_reshape(grid, DIMS(rows, shape->queries, shape->points, 2));
    share = tensor_reshape(share, DIMS(rows, 1, shape->queries, shape->points));
    read = tensor_grid_sample(map, tensor_add_k(tensor_mul_k(grid, 2), -1));
    return tensor_sum(tensor_mul(read, share), 3, false);
}

/* In float64, so that the distance is the other side's alone. */
static struct tensor *torch_leaf(const float *data, const int64_t *dims, int n)
{
    struct tensor *leaf = tensor_cast(tensor_from_data(data, dims, n, TENSOR_F32, TENSOR_CPU), TENSOR_F64);

    (void)tensor_requires_grad_(leaf, true);
    return leaf;
}

static void read_floats(struct tensor *from, float *to, size_t count)
{
    (void)tensor_read(tensor_cast(from, TENSOR_F32), to, count * sizeof *to);
}

static void run_torch(const struct ms_deform_shape *shape, const struct arrays *from, struct arrays *to)
{
    int64_t b = shape->batch, q = shape->queries, h = shape->heads, w = shape->width, l = shape->levels;
    size_t scope = tensor_scope_open();
    struct tensor *value = torch_leaf(from->at[VALUE], DIMS(b, shape->tokens, h, w));
    struct tensor *location = torch_leaf(from->at[LOCATION], DIMS(b, q, h, l, shape->points, 2));
    struct tensor *weight = torch_leaf(from->at[WEIGHT], DIMS(b, q, h, l, shape->points));
    struct tensor *probe = tensor_from_data(from->at[PROBE], DIMS(b, q, h * w), TENSOR_F32, TENSOR_CPU);
    struct tensor *out = torch_level(shape, 0, value, location, weight);
    struct err err = {0};

    for (int i = 1; i < shape->levels; i++)
        out = tensor_add(out, torch_level(shape, i, value, location, weight));
    out = tensor_transpose(tensor_reshape(out, DIMS(b, h * w, q)), 1, 2);
    (void)tensor_backward(tensor_sum_all(tensor_mul(out, probe)));
    read_floats(out, to->at[OUT], to->count[OUT]);
    read_floats(tensor_grad(value), to->at[VALUE], to->count[VALUE]);
    read_floats(tensor_grad(location), to->at[LOCATION], to->count[LOCATION]);
    read_floats(tensor_grad(weight), to->at[WEIGHT], to->count[WEIGHT]);
    ck_assert_msg(tensor_check(&err), "%s", err.msg);
    tensor_scope_close(scope);
}

/* The module's functions that this test calls; NULL where there is no module or no device. */
struct module {
    __typeof__(&ms_deform_attn_host_cuda) run;
    __typeof__(&kernels_cuda_device_count) device_count;
    __typeof__(&kernels_cuda_error) error;
};

static bool open_module(struct module *module)
{
    const char *bin = getenv("BIN_DIR");
    char *path = xasprintf("%s/kernels_cuda.so", bin ? bin : ".");
    void *handle = dlopen(path, RTLD_NOW);

    free(path);
    if (!handle) {
        (void)printf("skip: kernels on a device (no kernels_cuda.so: built without nvcc)\n");
        return false;
    }
    *(void **)&module->run = dlsym(handle, "ms_deform_attn_host_cuda");
    *(void **)&module->device_count = dlsym(handle, "kernels_cuda_device_count");
    *(void **)&module->error = dlsym(handle, "kernels_cuda_error");
    ck_assert(module->run && module->device_count && module->error);
    ck_assert_ptr_nonnull(dlsym(handle, "ms_deform_attn_forward_cuda"));
    ck_assert_ptr_nonnull(dlsym(handle, "ms_deform_attn_backward_cuda"));
    if (module->device_count() > 0)
        return true;
    (void)printf("skip: kernels on a device (compiled, but no CUDA device here)\n");
    return false;
}

/* ---- comparing ---- */

static double largest(const float *values, size_t count)
{
    double most = 0;

    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)values[i]));
    return most;
}

static void compare(const char *what, int i, const struct arrays *got, const struct arrays *want)
{
    for (int k = 0; k < ARRAYS; k++) {
        double most = largest(want->at[k], want->count[k]), apart = 0;

        if (k == PROBE)
            continue;
        ck_assert_msg(most > 0, "%s: all of %s is 0", cases[i].name, array_names[k]);
        for (size_t n = 0; n < want->count[k]; n++) {
            double distance = fabs((double)got->at[k][n] - (double)want->at[k][n]);

            apart = distance > apart || isnan(distance) ? distance : apart;
        }
        (void)printf("%s, %s, %s%s: %.1e of %.3g\n", cases[i].name, what, k == OUT ? "" : "gradient of ",
                     array_names[k], apart, most);
        ck_assert_msg(apart <= tolerance * most, "%s, %s, %s: %g apart", cases[i].name, what, array_names[k], apart);
    }
}

static void compare_with_torch(const char *what, int i,
                               void (*run)(const struct ms_deform_shape *, const struct arrays *, struct arrays *))
{
    struct ms_deform_shape shape = make_shape(i);
    struct arrays in = make_input(&shape), want = make_arrays(&shape), got = make_arrays(&shape);
    double begin;

    run_torch(&shape, &in, &want);
    begin = clock_monotonic_s();
    run(&shape, &in, &got);
    (void)printf("%s, %s: %.2f ms for forward and backward\n", cases[i].name, what,
                 (clock_monotonic_s() - begin) * 1e3);
    compare(what, i, &got, &want);
    free_arrays(&got);
    free_arrays(&want);
    free_arrays(&in);
}

START_TEST(the_reference_equals_libtorch_with_its_gradients)
{
    compare_with_torch("reference", _i, run_ref);
}
END_TEST

START_TEST(the_kernels_threads_equal_libtorch_with_its_gradients)
{
    compare_with_torch("threads", _i, run_threads);
}
END_TEST

START_TEST(the_kernels_equal_the_reference_where_there_is_a_device)
{
    struct ms_deform_shape shape = make_shape(_i);
    struct arrays in = make_input(&shape), want = make_arrays(&shape), got = make_arrays(&shape);
    struct ms_deform_input input = input_of(&in);
    struct ms_deform_grad grad = grad_of(&got);
    struct module module;
    float ms[2];

    if (open_module(&module)) {
        int error = module.run(&shape, &input, got.at[OUT], in.at[PROBE], &grad, 10, ms);

        ck_assert_msg(error == 0, "%s", module.error(error));
        (void)printf("%s, device: forward %.3f ms, backward %.3f ms\n", cases[_i].name, (double)ms[0], (double)ms[1]);
        run_ref(&shape, &in, &want);
        compare("device", _i, &got, &want);
    }
    free_arrays(&got);
    free_arrays(&want);
    free_arrays(&in);
}
END_TEST

/* A map of 1 2 / 3 4, one head of one channel and one point of weight 1. */
static void read_point(float x, float y, float *out, float grad_location[2])
{
    static const float value[4] = {1, 2, 3, 4}, one = 1;
    const struct ms_deform_shape shape = {1, 1, 1, 1, 1, 1, 4, {{2, 2, 0}}};
    const float location[2] = {x, y};
    struct ms_deform_input in = {value, location, &one};
    float ref, by_weight, by_value[4], ref_location[2];
    struct ms_deform_grad grad = {by_value, grad_location, &by_weight}, ref_grad = {by_value, ref_location, &by_weight};

    ms_deform_attn_forward_ref(&shape, &in, &ref);
    ms_deform_attn_backward_ref(&shape, &in, &one, &ref_grad);
    msda_forward_thread(&shape, &in, out, 0, 0);
    msda_backward_sample_thread(&shape, &in, &one, &grad, 0, 0);
    ck_assert_float_eq(*out, ref);
    ck_assert_float_eq(grad_location[0], ref_location[0]);
    ck_assert_float_eq(grad_location[1], ref_location[1]);
}

START_TEST(a_point_reads_what_lies_around_it_and_zeros_beyond_the_edge)
{
    static const struct {
        float x, y, out, by_x, by_y;
    } points[] = {
        {0.25F, 0.25F, 1, 2, 4},  /* on a pixel: its value, and the slope towards the next one */
        {0.5F, 0.5F, 2.5F, 2, 4}, /* between all four; per map width, which is 2 pixels */
        {0, 0.25F, 0.5F, 2, 2},   /* on the edge: half of it lies outside */
        {-0.25F, 0.25F, 0, 2, 0}, /* a whole pixel outside, from where the first one is in sight */
        {1.25F, 0.25F, 0, 0, 0},  /* on the other side it is not */
        {-0.5F, 0.5F, 0, 0, 0},   {0.5F, 7, 0, 0, 0}, {1e30F, 0.5F, 0, 0, 0}, {0.5F, -1e30F, 0, 0, 0},
    };

    for (size_t i = 0; i < COUNT(points); i++) {
        float out, by[2];

        read_point(points[i].x, points[i].y, &out, by);
        ck_assert_float_eq(out, points[i].out);
        ck_assert_float_eq(by[0], points[i].by_x);
        ck_assert_float_eq(by[1], points[i].by_y);
    }
}
END_TEST

#define TESTS                                                                                                          \
    TEST_LOOP(the_reference_equals_libtorch_with_its_gradients, (int)COUNT(cases))                                     \
    TEST_LOOP(the_kernels_threads_equal_libtorch_with_its_gradients, (int)COUNT(cases))                                \
    TEST_LOOP(the_kernels_equal_the_reference_where_there_is_a_device, (int)COUNT(cases))                              \
    TEST(a_point_reads_what_lies_around_it_and_zeros_beyond_the_edge)

TEST_MAIN("ms_deform_attn", TESTS)
