/* trainer/tensor/tensor.h: libtorch behind plain C.
 *
 * LIFETIME.  Every tensor an operation returns belongs to the innermost open scope of the calling thread and dies when
 * that scope closes.  An operation without an open scope is an error, so nothing can leak unseen.  tensor_keep() makes
 * a handle that outlives scopes and may cross threads; tensor_drop() releases it.
 *
 * ERRORS stick, per thread.  After the first failure every operation on that thread does nothing and returns NULL, 0 or
 * false, until tensor_check() has handed the failure over.  So a step is written without checks and tested once.  NULL
 * for an argument that ends in _opt means "none"; for others it is an error.  What ends things (tensor_scope_close,
 * tensor_drop, tensor_autocast_leave) always works.  No C++ exception leaves this interface.
 *
 * DEVICES are ints: TENSOR_CPU, or the index 0, 1 … of a CUDA device.
 *
 * Broadcasting, type promotion and gradients are libtorch's: each function names the ATen operation it calls. */
#pragma once
#include "base/err.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tensor; /* opaque */

enum tensor_dtype { /* the numbers are libtorch's ScalarType */
                    TENSOR_U8 = 0,
                    TENSOR_I32 = 3,
                    TENSOR_I64 = 4,
                    TENSOR_F16 = 5,
                    TENSOR_F32 = 6,
                    TENSOR_F64 = 7,
                    TENSOR_BOOL = 11,
                    TENSOR_BF16 = 15
};
enum { TENSOR_CPU = -1, TENSOR_MAX_DIMS = 8 };

/* dims and lists: tensor_reshape(x, DIMS(2, -1)), tensor_cat(TENSORS(a, b), 1) */
#define DIMS(...) ((const int64_t[]){__VA_ARGS__}), (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define TENSORS(...)                                                                                                   \
    ((struct tensor *const[]){__VA_ARGS__}),                                                                           \
        (int)(sizeof((struct tensor *const[]){__VA_ARGS__}) / sizeof(struct tensor *))

/* ---- errors ---- */
bool tensor_ok(void);
/* Hands the thread's failure over to err and clears it: false if there was one.  ERR_GPU_OOM and ERR_HOST_OOM for
 * memory, ERR_GPU for other CUDA errors, else ERR_INTERNAL. */
bool tensor_check(struct err *err);
/* Makes a failure of the caller's own stick. */
PRINTF(2, 3) void tensor_fail(enum err_code code, const char *fmt, ...);

/* ---- scopes and lifetime ---- */
size_t tensor_scope_open(void);
void tensor_scope_close(size_t scope);                                    /* and what was opened inside it */
struct tensor *tensor_scope_leave(size_t scope, struct tensor *survivor); /* closes, hands survivor to the outer one */
struct tensor *tensor_keep(struct tensor *t);                             /* yours: drop it */
void tensor_drop(struct tensor *kept);                                    /* NULL is fine */

/* ---- creation ---- */
struct tensor *tensor_zeros(const int64_t *dims, int n, enum tensor_dtype dtype, int device);
struct tensor *tensor_full(const int64_t *dims, int n, double value, enum tensor_dtype dtype, int device);
struct tensor *tensor_arange(double from, double to, double step, enum tensor_dtype dtype, int device);
/* Copies data (host memory, row-major). */
struct tensor *tensor_from_data(const void *data, const int64_t *dims, int n, enum tensor_dtype dtype, int device);
struct tensor *tensor_zeros_like(struct tensor *t);
struct tensor *tensor_clone(struct tensor *t);
struct tensor *tensor_cast(struct tensor *t, enum tensor_dtype dtype);

/* ---- fills, in place, no gradient; random ones from the generator that tensor_seed set ---- */
bool tensor_seed(uint64_t seed);
bool tensor_fill_(struct tensor *t, double value);
bool tensor_uniform_(struct tensor *t, double from, double to);
bool tensor_normal_(struct tensor *t, double mean, double std);

/* ---- inspection ---- */
enum tensor_dtype tensor_dtype_of(struct tensor *t);
int tensor_device_of(struct tensor *t);
int tensor_ndim(struct tensor *t);
int64_t tensor_size(struct tensor *t, int dim);
int64_t tensor_numel(struct tensor *t);
double tensor_item(struct tensor *t);                       /* the one value of t; waits for a GPU */
bool tensor_read(struct tensor *t, void *to, size_t bytes); /* copies to the host, row-major; sizes must agree */
bool tensor_write(struct tensor *t, const void *from, size_t bytes); /* the other way, in place, no gradient */
bool tensor_copy_(struct tensor *to, struct tensor *from);           /* in place, no gradient */

/* ---- shape (views where libtorch gives views) ---- */
struct tensor *tensor_reshape(struct tensor *t, const int64_t *dims, int n);
struct tensor *tensor_permute(struct tensor *t, const int64_t *dims, int n);
struct tensor *tensor_expand(struct tensor *t, const int64_t *dims, int n);
struct tensor *tensor_transpose(struct tensor *t, int a, int b);
struct tensor *tensor_flatten(struct tensor *t, int from, int to);
struct tensor *tensor_unsqueeze(struct tensor *t, int dim);
struct tensor *tensor_narrow(struct tensor *t, int dim, int64_t start, int64_t length);
struct tensor *tensor_select(struct tensor *t, int dim, int64_t index);
struct tensor *tensor_slice(struct tensor *t, int dim, int64_t start, int64_t end, int64_t step);
struct tensor *tensor_cat(struct tensor *const *t, int n, int dim);
struct tensor *tensor_stack(struct tensor *const *t, int n, int dim);

/* ---- elementwise ---- */
struct tensor *tensor_add(struct tensor *a, struct tensor *b);
struct tensor *tensor_sub(struct tensor *a, struct tensor *b);
struct tensor *tensor_mul(struct tensor *a, struct tensor *b);
struct tensor *tensor_div(struct tensor *a, struct tensor *b);
struct tensor *tensor_add_k(struct tensor *a, double k);
struct tensor *tensor_mul_k(struct tensor *a, double k);
struct tensor *tensor_div_k(struct tensor *a, double k);
struct tensor *tensor_pow_k(struct tensor *a, double k);
struct tensor *tensor_maximum(struct tensor *a, struct tensor *b);
struct tensor *tensor_minimum(struct tensor *a, struct tensor *b);
struct tensor *tensor_clamp_min(struct tensor *a, double low);
struct tensor *tensor_clamp(struct tensor *a, double low, double high);
struct tensor *tensor_neg(struct tensor *a);
struct tensor *tensor_abs(struct tensor *a);
struct tensor *tensor_exp(struct tensor *a);
struct tensor *tensor_sqrt(struct tensor *a);
struct tensor *tensor_sin(struct tensor *a);
struct tensor *tensor_cos(struct tensor *a);
struct tensor *tensor_sigmoid(struct tensor *a);
struct tensor *tensor_log_sigmoid(struct tensor *a);
struct tensor *tensor_relu(struct tensor *a);
struct tensor *tensor_gelu(struct tensor *a); /* erf */
struct tensor *tensor_silu(struct tensor *a);
struct tensor *tensor_masked_fill(struct tensor *t, struct tensor *mask, double value);
struct tensor *tensor_gt_k(struct tensor *a, double k); /* bool */
struct tensor *tensor_lt_k(struct tensor *a, double k); /* bool */
struct tensor *tensor_logical_not(struct tensor *a);

/* ---- reductions and order ---- */
struct tensor *tensor_sum_all(struct tensor *t);
struct tensor *tensor_sum(struct tensor *t, int dim, bool keepdim);
struct tensor *tensor_amax(struct tensor *t, int dim, bool keepdim);
/* The k largest along dim, descending; *index gets their places, int64.  index may be NULL. */
struct tensor *tensor_topk(struct tensor *t, int64_t k, int dim, struct tensor **index);
/* All along dim, descending, equal values in their old order; *index gets their old places, int64. */
struct tensor *tensor_sort_stable(struct tensor *t, int dim, struct tensor **index);

/* ---- indexing ---- */
struct tensor *tensor_gather(struct tensor *t, int dim, struct tensor *index);
struct tensor *tensor_index_select(struct tensor *t, int dim, struct tensor *index);
struct tensor *tensor_index2(struct tensor *t, struct tensor *i, struct tensor *j);                   /* t[i, j] */
struct tensor *tensor_index3(struct tensor *t, struct tensor *i, struct tensor *j, struct tensor *k); /* t[i, j, k] */
/* A copy of t with values put at [i, j, k]. */
struct tensor *tensor_index3_put(struct tensor *t, struct tensor *i, struct tensor *j, struct tensor *k,
                                 struct tensor *values);

/* ---- neural network ---- */
struct tensor *tensor_baddbmm(struct tensor *bias, struct tensor *a, struct tensor *b); /* bias + a·b, batched */
struct tensor *tensor_linear(struct tensor *x, struct tensor *weight, struct tensor *bias_opt);
struct tensor *tensor_conv2d(struct tensor *x, struct tensor *weight, struct tensor *bias_opt, int stride, int padding);
/* over the last dim */
struct tensor *tensor_layer_norm(struct tensor *x, struct tensor *weight_opt, struct tensor *bias_opt, double eps);
struct tensor *tensor_softmax(struct tensor *x, int dim);
/* softmax(q·kᵀ/√width)·v over [B, heads, tokens, width] */
struct tensor *tensor_sdpa(struct tensor *q, struct tensor *k, struct tensor *v);
/* bilinear, zeros outside, align_corners false: x [B, C, H, W], grid [B, h, w, 2] in -1..1 → [B, C, h, w] */
struct tensor *tensor_grid_sample(struct tensor *x, struct tensor *grid);
/* align_corners false; x [B, C, H, W] → [B, C, h, w] */
struct tensor *tensor_resize_bilinear(struct tensor *x, int64_t h, int64_t w);
struct tensor *tensor_resize_bicubic_antialias(struct tensor *x, int64_t h, int64_t w);

/* ---- autograd ---- */
bool tensor_requires_grad_(struct tensor *t, bool on);
struct tensor *tensor_detach(struct tensor *t);
bool tensor_backward(struct tensor *loss);
struct tensor *tensor_grad(struct tensor *leaf); /* NULL, without an error, when there is none */
bool tensor_zero_grad(struct tensor *leaf);      /* to none */
bool tensor_grad_mode(bool on);                  /* returns the previous mode */

/* ---- many tensors at once, in place, no gradient (clipping, optimiser, EMA) ---- */
struct tensor *tensor_norm_all(struct tensor *const *t, int n); /* L2 norm of everything, float32, 0-dim */
bool tensor_foreach_mul_(struct tensor *const *t, int n, struct tensor *by);
/* to = to + k·(from − to), as keep·to + k·from with keep = 1 − k in double */
bool tensor_foreach_lerp_(struct tensor *const *to, struct tensor *const *from, int n, double k);
struct adamw_step {
    double lr, beta1, beta2, eps, weight_decay;
    int64_t step; /* 1 for the first */
};
/* AdamW with decoupled weight decay, as torch.optim.AdamW(foreach=False).  m, v: exp_avg, exp_avg_sq. */
bool tensor_adamw_(struct tensor *param, struct tensor *grad, struct tensor *m, struct tensor *v,
                   const struct adamw_step *step);

/* ---- mixed precision: used by trainer/amp.c alone ---- */
bool tensor_autocast_enter(int device, enum tensor_dtype dtype);
void tensor_autocast_leave(void); /* also drops the cache of cast weights */
int tensor_autocast_depth(void);  /* regions entered and not left, on this thread */

/* ---- device ---- */
const char *tensor_libtorch_built(void); /* the release this was compiled against, "2.13.0" */
/* Whether the libtorch that was loaded is of the release this was compiled against.  ERR_LIBTORCH. */
MUST_CHECK bool tensor_check_release(struct err *err);
/* Loads libtorch_cuda when it lies beside libtorch_cpu: before any other call.  True when CUDA devices can be used. */
bool tensor_load_cuda(void);
int tensor_device_count(void); /* CUDA devices */
bool tensor_set_threads(int intra_op);
bool tensor_set_matmul_tf32(bool on);
struct tensor_memory {
    int64_t allocated_bytes, peak_bytes, free_bytes, total_bytes;
};
bool tensor_memory_stats(int device, struct tensor_memory *out);

#ifdef __cplusplus
}
#endif
