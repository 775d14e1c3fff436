// trainer/tensor/ops.cpp: the operations of tensor.h, each a line around ATen's.
#include "trainer/tensor/handle.hpp"

#include <cmath>
#include <cstring>

using at::Tensor;

namespace
{

at::IntArrayRef dims_of(const int64_t *dims, int n)
{
    return at::IntArrayRef(dims, static_cast<size_t>(n));
}

at::TensorOptions options(enum tensor_dtype dtype, int device)
{
    return at::TensorOptions().dtype(detrd::scalar(dtype)).device(detrd::device_of(device));
}

Tensor norm_all(const std::vector<Tensor> &all)
{
    at::NoGradGuard no_grad;
    return at::linalg_vector_norm(at::stack(at::_foreach_norm(all, 2)));
}

} // namespace

extern "C" {

// ---- creation ----
TENSOR(tensor_zeros, (const int64_t *dims, int n, enum tensor_dtype dtype, int device),
       at::zeros(dims_of(dims, n), options(dtype, device)))
TENSOR(tensor_full, (const int64_t *dims, int n, double value, enum tensor_dtype dtype, int device),
       at::full(dims_of(dims, n), value, options(dtype, device)))
TENSOR(tensor_arange, (double from, double to, double step, enum tensor_dtype dtype, int device),
       at::arange(from, to, step, options(dtype, device)))
TENSOR(tensor_from_data, (const void *data, const int64_t *dims, int n, enum tensor_dtype dtype, int device),
       at::from_blob(const_cast<void *>(data), dims_of(dims, n), scalar(dtype)).to(device_of(device), false, true))
TENSOR(tensor_zeros_like, (struct tensor * t), at::zeros_like(need(t)))
TENSOR(tensor_clone, (struct tensor * t), need(t).clone())
TENSOR(tensor_cast, (struct tensor * t, enum tensor_dtype dtype), need(t).to(scalar(dtype)))

// ---- fills ----
BOOL(tensor_seed, (uint64_t seed), at::manual_seed(seed))
BOOL(tensor_fill_, (struct tensor * t, double value), at::NoGradGuard no_grad; need(t).fill_(value))
BOOL(tensor_uniform_, (struct tensor * t, double from, double to), at::NoGradGuard no_grad; need(t).uniform_(from, to))
BOOL(tensor_normal_, (struct tensor * t, double mean, double std), at::NoGradGuard no_grad; need(t).normal_(mean, std))

// ---- inspection ----
enum tensor_dtype tensor_dtype_of(struct tensor *t)
{
    return detrd::guard<enum tensor_dtype>(
        "tensor_dtype_of", [&] { return static_cast<enum tensor_dtype>(detrd::need(t).scalar_type()); });
}
int tensor_device_of(struct tensor *t)
{
    return detrd::guard<int>("tensor_device_of", [&] {
        const Tensor &x = detrd::need(t);
        return x.is_cpu() ? static_cast<int>(TENSOR_CPU) : static_cast<int>(x.get_device());
    });
}
int tensor_ndim(struct tensor *t)
{
    return detrd::guard<int>("tensor_ndim", [&] { return static_cast<int>(detrd::need(t).dim()); });
}
int64_t tensor_size(struct tensor *t, int dim)
{
    return detrd::guard<int64_t>("tensor_size", [&] { return detrd::need(t).size(dim); });
}
int64_t tensor_numel(struct tensor *t)
{
    return detrd::guard<int64_t>("tensor_numel", [&] { return detrd::need(t).numel(); });
}
double tensor_item(struct tensor *t)
{
    return detrd::guard<double>("tensor_item", [&] { return detrd::need(t).item().toDouble(); });
}
BOOL(tensor_read, (struct tensor * t, void *to, size_t bytes), {
    Tensor host = need(t).detach().to(at::kCPU).contiguous();
    if (host.nbytes() != bytes)
        throw Bad("the size differs");
    std::memcpy(to, host.data_ptr(), bytes);
})
BOOL(tensor_write, (struct tensor * t, const void *from, size_t bytes), {
    at::NoGradGuard no_grad;
    const Tensor &x = need(t);
    if (x.nbytes() != bytes)
        throw Bad("the size differs");
    x.copy_(at::from_blob(const_cast<void *>(from), x.sizes(), x.scalar_type()));
})
BOOL(tensor_copy_, (struct tensor * to, struct tensor *from), at::NoGradGuard no_grad; need(to).copy_(need(from)))

// ---- shape ----
TENSOR(tensor_reshape, (struct tensor * t, const int64_t *dims, int n), need(t).reshape(dims_of(dims, n)))
TENSOR(tensor_permute, (struct tensor * t, const int64_t *dims, int n), need(t).permute(dims_of(dims, n)))
TENSOR(tensor_expand, (struct tensor * t, const int64_t *dims, int n), need(t).expand(dims_of(dims, n)))
TENSOR(tensor_transpose, (struct tensor * t, int a, int b), need(t).transpose(a, b))
TENSOR(tensor_flatten, (struct tensor * t, int from, int to), need(t).flatten(from, to))
TENSOR(tensor_unsqueeze, (struct tensor * t, int dim), need(t).unsqueeze(dim))
TENSOR(tensor_narrow, (struct tensor * t, int dim, int64_t start, int64_t length), need(t).narrow(dim, start, length))
TENSOR(tensor_select, (struct tensor * t, int dim, int64_t index), need(t).select(dim, index))
TENSOR(tensor_slice, (struct tensor * t, int dim, int64_t start, int64_t end, int64_t step),
       need(t).slice(dim, start, end, step))
TENSOR(tensor_cat, (struct tensor *const *t, int n, int dim), at::cat(list(t, n), dim))
TENSOR(tensor_stack, (struct tensor *const *t, int n, int dim), at::stack(list(t, n), dim))

// ---- elementwise ----
#define UNARY(name, op)  TENSOR(name, (struct tensor * a), op(need(a)))
#define BINARY(name, op) TENSOR(name, (struct tensor * a, struct tensor * b), op(need(a), need(b)))
#define WITH_K(name, op) TENSOR(name, (struct tensor * a, double k), op(need(a), k))
BINARY(tensor_add, at::add)
BINARY(tensor_sub, at::sub)
BINARY(tensor_mul, at::mul)
BINARY(tensor_div, at::div)
BINARY(tensor_maximum, at::maximum)
BINARY(tensor_minimum, at::minimum)
WITH_K(tensor_add_k, at::add)
WITH_K(tensor_mul_k, at::mul)
WITH_K(tensor_div_k, at::div)
WITH_K(tensor_pow_k, at::pow)
WITH_K(tensor_gt_k, at::gt)
WITH_K(tensor_lt_k, at::lt)
UNARY(tensor_neg, at::neg)
UNARY(tensor_abs, at::abs)
UNARY(tensor_exp, at::exp)
UNARY(tensor_sqrt, at::sqrt)
UNARY(tensor_sin, at::sin)
UNARY(tensor_cos, at::cos)
UNARY(tensor_sigmoid, at::sigmoid)
UNARY(tensor_log_sigmoid, at::log_sigmoid)
UNARY(tensor_relu, at::relu)
UNARY(tensor_gelu, at::gelu)
UNARY(tensor_silu, at::silu)
UNARY(tensor_logical_not, at::logical_not)
TENSOR(tensor_clamp_min, (struct tensor * a, double low), at::clamp_min(need(a), low))
TENSOR(tensor_clamp, (struct tensor * a, double low, double high), at::clamp(need(a), low, high))
TENSOR(tensor_masked_fill, (struct tensor * t, struct tensor *mask, double value),
       need(t).masked_fill(need(mask), value))

// ---- reductions and order ----
UNARY(tensor_sum_all, at::sum)
TENSOR(tensor_sum, (struct tensor * t, int dim, bool keepdim), at::sum(need(t), dim, keepdim))
TENSOR(tensor_amax, (struct tensor * t, int dim, bool keepdim), at::amax(need(t), dim, keepdim))
struct tensor *tensor_topk(struct tensor *t, int64_t k, int dim, struct tensor **index)
{
    return detrd::guard<struct tensor *>("tensor_topk", [&] {
        auto [values, places] = at::topk(detrd::need(t), k, dim);
        if (index)
            *index = detrd::push(places);
        return detrd::push(values);
    });
}
struct tensor *tensor_sort_stable(struct tensor *t, int dim, struct tensor **index)
{
    return detrd::guard<struct tensor *>("tensor_sort_stable", [&] {
        auto [values, places] = at::sort(detrd::need(t), /*stable=*/true, dim, /*descending=*/true);
        if (index)
            *index = detrd::push(places);
        return detrd::push(values);
    });
}

// ---- indexing ----
TENSOR(tensor_gather, (struct tensor * t, int dim, struct tensor *index), at::gather(need(t), dim, need(index)))
TENSOR(tensor_index_select, (struct tensor * t, int dim, struct tensor *index),
       at::index_select(need(t), dim, need(index)))
TENSOR(tensor_index2, (struct tensor * t, struct tensor *i, struct tensor *j), need(t).index({need(i), need(j)}))
TENSOR(tensor_index3, (struct tensor * t, struct tensor *i, struct tensor *j, struct tensor *k),
       need(t).index({need(i), need(j), need(k)}))
TENSOR(tensor_index3_put,
       (struct tensor * t, struct tensor *i, struct tensor *j, struct tensor *k, struct tensor *values),
       at::index_put(need(t), {need(i), need(j), need(k)}, need(values)))

// ---- neural network ----
TENSOR(tensor_baddbmm, (struct tensor * bias, struct tensor *a, struct tensor *b),
       at::baddbmm(need(bias), need(a), need(b)))
TENSOR(tensor_linear, (struct tensor * x, struct tensor *weight, struct tensor *bias_opt),
       at::linear(need(x), need(weight), maybe(bias_opt)))
TENSOR(tensor_conv2d, (struct tensor * x, struct tensor *weight, struct tensor *bias_opt, int stride, int padding),
       at::conv2d(need(x), need(weight), maybe(bias_opt), stride, padding))
TENSOR(tensor_layer_norm, (struct tensor * x, struct tensor *weight_opt, struct tensor *bias_opt, double eps),
       at::layer_norm(need(x), {need(x).size(-1)}, maybe(weight_opt), maybe(bias_opt), eps))
TENSOR(tensor_softmax, (struct tensor * x, int dim), at::softmax(need(x), dim))
TENSOR(tensor_sdpa, (struct tensor * q, struct tensor *k, struct tensor *v),
       at::scaled_dot_product_attention(need(q), need(k), need(v)))
TENSOR(tensor_grid_sample, (struct tensor * x, struct tensor *grid), at::grid_sampler(need(x), need(grid), 0, 0, false))
TENSOR(tensor_resize_bilinear, (struct tensor * x, int64_t h, int64_t w),
       at::upsample_bilinear2d(need(x), {h, w}, false))
TENSOR(tensor_resize_bicubic_antialias, (struct tensor * x, int64_t h, int64_t w),
       at::_upsample_bicubic2d_aa(need(x), {h, w}, false))

// ---- autograd ----
BOOL(tensor_requires_grad_, (struct tensor * t, bool on), need(t).requires_grad_(on))
TENSOR(tensor_detach, (struct tensor * t), need(t).detach())
BOOL(tensor_backward, (struct tensor * loss), need(loss).backward())
struct tensor *tensor_grad(struct tensor *leaf)
{
    return detrd::guard<struct tensor *>(
        "tensor_grad", [&]() -> struct tensor * {
            const Tensor &grad = detrd::need(leaf).grad();
            return grad.defined() ? detrd::push(grad) : nullptr;
        });
}
BOOL(tensor_zero_grad, (struct tensor * leaf), need(leaf).mutable_grad() = Tensor())
bool tensor_grad_mode(bool on)
{
    bool was = at::GradMode::is_enabled();
    at::GradMode::set_enabled(on);
    return was;
}

// ---- many tensors at once ----
TENSOR(tensor_norm_all, (struct tensor *const *t, int n), norm_all(list(t, n)))
BOOL(tensor_foreach_mul_, (struct tensor *const *t, int n, struct tensor *by), at::NoGradGuard no_grad;
     at::_foreach_mul_(list(t, n), need(by)))
BOOL(tensor_foreach_lerp_, (struct tensor *const *to, struct tensor *const *from, int n, double k), {
    at::NoGradGuard no_grad;
    auto a = list(to, n);
    auto b = list(from, n);
    at::_foreach_mul_(a, 1 - k);
    at::_foreach_add_(a, b, k);
})
BOOL(tensor_adamw_,
     (struct tensor * param, struct tensor *grad, struct tensor *m, struct tensor *v, const struct adamw_step *step), {
         at::NoGradGuard no_grad;
         const Tensor &p = need(param), &g = need(grad), &avg = need(m), &sq = need(v);
         double correction1 = 1 - std::pow(step->beta1, static_cast<double>(step->step));
         double correction2 = 1 - std::pow(step->beta2, static_cast<double>(step->step));
         p.mul_(1 - step->lr * step->weight_decay);
         avg.lerp_(g, 1 - step->beta1);
         sq.mul_(step->beta2).addcmul_(g, g, 1 - step->beta2);
         Tensor denom = (sq.sqrt() / std::sqrt(correction2)).add_(step->eps);
         p.addcdiv_(avg, denom, -step->lr / correction1);
     })
}
