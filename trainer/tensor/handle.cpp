// trainer/tensor/handle.cpp: handles live in a per-thread arena with marks; closing a scope drops back to its mark.
#include "trainer/tensor/handle.hpp"

#include <ATen/Parallel.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>

using Life = tensor::Life;

namespace
{

struct Arena {
    std::vector<struct tensor *> used, spare;
    std::vector<size_t> marks;

    void drop_to(size_t mark)
    {
        while (used.size() > mark) {
            struct tensor *handle = used.back();
            used.pop_back();
            handle->t = at::Tensor();
            handle->life = Life::dead;
#if defined(__SANITIZE_ADDRESS__) // a fresh allocation a handle, so that every use after the scope's end is seen
            delete handle;
#else
            spare.push_back(handle);
#endif
        }
    }
    ~Arena()
    {
        drop_to(0);
        for (struct tensor *handle : spare)
            delete handle;
    }
};
thread_local Arena arena;

struct Failure {
    enum err_code code;
    char msg[sizeof(err::msg)];
};
thread_local Failure failure;

void stick(enum err_code code, const char *op, const char *what) noexcept
{
    if (failure.code != ERR_NONE)
        return;
    failure.code = code;
    std::snprintf(failure.msg, sizeof failure.msg, "%s: %s", op, what);
    for (char *at = failure.msg; *at; at++) // one sentence, one line
        if (*at == '\n')
            *at = ' ';
}

} // namespace

namespace detrd
{

bool failed()
{
    return failure.code != ERR_NONE;
}

void remember(const char *op) noexcept
{
    try {
        throw;
    } catch (const Bad &e) {
        stick(ERR_INTERNAL, op, e.text);
    } catch (const c10::OutOfMemoryError &e) {
        stick(ERR_GPU_OOM, op, e.what_without_backtrace());
    } catch (const c10::Error &e) {
        const char *what = e.what_without_backtrace();
        bool host = std::strstr(what, "DefaultCPUAllocator") != nullptr;
        bool cuda = std::strstr(what, "CUDA") != nullptr || std::strstr(what, "cu") == what;
        stick(host ? ERR_HOST_OOM : cuda ? ERR_GPU : ERR_INTERNAL, op, what);
    } catch (const std::bad_alloc &) {
        stick(ERR_HOST_OOM, op, "out of memory");
    } catch (const std::exception &e) {
        stick(ERR_INTERNAL, op, e.what());
    } catch (...) {
        stick(ERR_INTERNAL, op, "unknown exception");
    }
}

struct tensor *push(at::Tensor t)
{
    if (arena.marks.empty())
        throw Bad("no scope is open on this thread");
    struct tensor *handle;
    if (arena.spare.empty()) {
        handle = new tensor{};
    } else {
        handle = arena.spare.back();
        arena.spare.pop_back();
    }
    handle->t = std::move(t);
    handle->life = Life::scoped;
    arena.used.push_back(handle);
    return handle;
}

const at::Tensor &need(struct tensor *t)
{
    if (!t)
        throw Bad("a required tensor is NULL");
    if (t->life == Life::dead)
        throw Bad("a tensor is used after its scope closed");
    return t->t;
}

std::optional<at::Tensor> maybe(struct tensor *t)
{
    return t ? std::optional<at::Tensor>(need(t)) : std::nullopt;
}

std::vector<at::Tensor> list(struct tensor *const *t, int n)
{
    std::vector<at::Tensor> all;
    all.reserve(static_cast<size_t>(n));
    for (int i = 0; i < n; i++)
        all.push_back(need(t[i]));
    return all;
}

} // namespace detrd

extern "C" {

bool tensor_ok(void)
{
    return failure.code == ERR_NONE;
}

bool tensor_check(struct err *err)
{
    if (failure.code == ERR_NONE)
        return true;
    err_set(err, failure.code, "%s", failure.msg);
    failure.code = ERR_NONE;
    return false;
}

void tensor_fail(enum err_code code, const char *fmt, ...)
{
    va_list args;

    if (failure.code != ERR_NONE)
        return;
    failure.code = code;
    va_start(args, fmt);
    std::vsnprintf(failure.msg, sizeof failure.msg, fmt, args);
    va_end(args);
}

size_t tensor_scope_open(void)
{
    arena.marks.push_back(arena.used.size());
    return arena.marks.size();
}

void tensor_scope_close(size_t scope)
{
    if (scope == 0 || scope > arena.marks.size())
        return;
    size_t mark = arena.marks[scope - 1];
    arena.marks.resize(scope - 1);
    arena.drop_to(mark);
}

struct tensor *tensor_scope_leave(size_t scope, struct tensor *survivor)
{
    at::Tensor t = survivor && survivor->life != Life::dead ? survivor->t : at::Tensor();
    tensor_scope_close(scope);
    if (!t.defined())
        return nullptr;
    return detrd::guard<struct tensor *>("tensor_scope_leave", [&] { return detrd::push(t); });
}

struct tensor *tensor_keep(struct tensor *t)
{
    return detrd::guard<struct tensor *>("tensor_keep", [&] {
        struct tensor *kept = new tensor{detrd::need(t), Life::kept};
        return kept;
    });
}

void tensor_drop(struct tensor *kept)
{
    if (!kept || kept->life != Life::kept)
        return;
    delete kept;
}
}
