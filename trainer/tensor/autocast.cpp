// trainer/tensor/autocast.cpp: the only object file that holds libtorch's autocast symbols.
#include "trainer/tensor/handle.hpp"

#include <ATen/autocast_mode.h>

namespace autocast = at::autocast;

namespace
{

struct Saved {
    at::DeviceType type;
    bool enabled, cached;
    at::ScalarType dtype;
};
thread_local std::vector<Saved> entered;

} // namespace

extern "C" {

BOOL(tensor_autocast_enter, (int device, enum tensor_dtype dtype), {
    at::DeviceType type = device == TENSOR_CPU ? at::kCPU : at::kCUDA;
    entered.push_back({type, autocast::is_autocast_enabled(type), autocast::is_autocast_cache_enabled(),
                       autocast::get_autocast_dtype(type)});
    autocast::set_autocast_enabled(type, true);
    autocast::set_autocast_dtype(type, scalar(dtype));
    autocast::set_autocast_cache_enabled(true);
    autocast::increment_nesting();
})

void tensor_autocast_leave(void)
{
    if (entered.empty())
        return;
    Saved saved = entered.back();
    entered.pop_back();
    autocast::decrement_nesting();
    autocast::clear_cache();
    autocast::set_autocast_enabled(saved.type, saved.enabled);
    autocast::set_autocast_dtype(saved.type, saved.dtype);
    autocast::set_autocast_cache_enabled(saved.cached);
}

int tensor_autocast_depth(void)
{
    return static_cast<int>(entered.size());
}
}
