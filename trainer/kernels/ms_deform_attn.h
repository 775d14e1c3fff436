/* trainer/kernels/ms_deform_attn.h: multi-scale deformable attention, forward and backward, float32.
 *
 * Every query of every head reads a few points of each level's map, bilinearly, and sums what it read by weight
 * (rf-detr.md 2.8; sampling as libtorch's grid_sampler: bilinear, zeros outside, align_corners false):
 *     out[b, q, h] = Σ over level l, point p:  weight[b, q, h, l, p] · map l of value[b, :, h] at location[b, q, h, l,
 * p]
 *
 * _ref is plain C, the meaning of it, on the calling thread.  _cuda launches kernels on a stream and lives in the
 * module kernels_cuda (built where nvcc is found), which is opened with dlopen: the trainer does not need CUDA to
 * start. */
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MS_DEFORM_MAX_LEVELS = 4 };

struct ms_deform_level {
    int height, width;
    int64_t first; /* its first token */
};

struct ms_deform_shape {
    int batch, queries, heads, width, points, levels; /* width: channels of a head */
    int64_t tokens;                                   /* of value: all levels' pixels, level after level, row-major */
    struct ms_deform_level level[MS_DEFORM_MAX_LEVELS];
};

/* Row-major; for _cuda in the device's memory. */
struct ms_deform_input {
    const float *value;    /* [batch, tokens, heads, width] */
    const float *location; /* [batch, queries, heads, levels, points, 2]: x, y; 0..1 is the map from edge to edge */
    const float *weight;   /* [batch, queries, heads, levels, points] */
};

/* The same shapes; overwritten, not added to. */
struct ms_deform_grad {
    float *value, *location, *weight;
};

/* out: [batch, queries, heads · width] */
void ms_deform_attn_forward_ref(const struct ms_deform_shape *shape, const struct ms_deform_input *in, float *out);
/* grad_out: as out */
void ms_deform_attn_backward_ref(const struct ms_deform_shape *shape, const struct ms_deform_input *in,
                                 const float *grad_out, const struct ms_deform_grad *grad);

/* Queue the work on stream (a cudaStream_t) of the current device and return without waiting: 0, or the cudaError_t of
 * the launch.  Sums into grad->value use atomics, so their order, and with it the last bits, change from run to run. */
int ms_deform_attn_forward_cuda(const struct ms_deform_shape *shape, const struct ms_deform_input *in, float *out,
                                void *stream);
int ms_deform_attn_backward_cuda(const struct ms_deform_shape *shape, const struct ms_deform_input *in,
                                 const float *grad_out, const struct ms_deform_grad *grad, void *stream);

/* Both, one after the other, on arrays in the host's memory: copied to the current device and back.  *ms gets the
 * milliseconds of the kernels alone, best of repeats.  0 or a cudaError_t.  For tests and benchmarks. */
int ms_deform_attn_host_cuda(const struct ms_deform_shape *shape, const struct ms_deform_input *in, float *out,
                             const float *grad_out, const struct ms_deform_grad *grad, int repeats, float ms[2]);

/* Devices that the module's CUDA runtime can use; 0 without a driver. */
int kernels_cuda_device_count(void);
/* What a cudaError_t means, in CUDA's words. */
const char *kernels_cuda_error(int error);

#ifdef __cplusplus
}
#endif
