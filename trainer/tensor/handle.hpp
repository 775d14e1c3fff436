// trainer/tensor/handle.hpp: what the .cpp files behind tensor.h share: handles, scopes, and the one place where C++
// exceptions end.
#pragma once
#include "trainer/tensor/tensor.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <exception>
#include <optional>
#include <vector>

struct tensor {
    at::Tensor t;
    enum class Life { dead, scoped, kept } life;
};

namespace detrd
{

struct Bad : std::exception { // a mistake of the caller
    const char *text;
    explicit Bad(const char *why) : text(why)
    {
    }
    const char *what() const noexcept override
    {
        return text;
    }
};

bool failed();
void remember(const char *op) noexcept; // call inside a catch block: the current exception sticks

template <class R, class F>
R guard(const char *op, F &&body) noexcept
{
    if (failed())
        return R{};
    try {
        return body();
    } catch (...) {
        remember(op);
    }
    return R{};
}

struct tensor *push(at::Tensor t);
const at::Tensor &need(struct tensor *t);
std::optional<at::Tensor> maybe(struct tensor *t);
std::vector<at::Tensor> list(struct tensor *const *t, int n);
at::Device device_of(int device);
inline at::ScalarType scalar(enum tensor_dtype dtype)
{
    return static_cast<at::ScalarType>(dtype);
}

} // namespace detrd

// TENSOR(name, (arguments), expression): a function that returns a new handle.  BOOL: one that only succeeds or not.
#define TENSOR(name, args, ...)                                                                                        \
    struct tensor *name args                                                                                           \
    {                                                                                                                  \
        using namespace detrd;                                                                                         \
        return guard<struct tensor *>(#name, [&] { return push(__VA_ARGS__); });                                       \
    }
#define BOOL(name, args, ...)                                                                                          \
    bool name args                                                                                                     \
    {                                                                                                                  \
        using namespace detrd;                                                                                         \
        return guard<bool>(#name, [&] {                                                                                \
            __VA_ARGS__;                                                                                               \
            return true;                                                                                               \
        });                                                                                                            \
    }
