// trainer/tensor/device.cpp: releases, CUDA at run time, threads, memory.
#include "trainer/tensor/handle.hpp"

#include <ATen/DeviceAccelerator.h>
#include <ATen/Parallel.h>
#include <torch/version.h>

#include <dlfcn.h>
#include <string>

namespace detrd
{

at::Device device_of(int device)
{
    if (device == TENSOR_CPU)
        return at::Device(at::kCPU);
    auto accelerator = at::accelerator::getAccelerator(false);
    if (!accelerator)
        throw Bad("there is no CUDA device; tensor_load_cuda comes before any other call");
    return at::Device(*accelerator, static_cast<at::DeviceIndex>(device));
}

} // namespace detrd

extern "C" {

const char *tensor_libtorch_built(void)
{
    return TORCH_VERSION;
}

bool tensor_check_release(struct err *err)
{
    // of libtorch's stable C interface: the release as major, minor, patch in its upper bytes
    auto version = reinterpret_cast<uint64_t (*)()>(dlsym(RTLD_DEFAULT, "aoti_torch_abi_version"));
    uint64_t built = (uint64_t{TORCH_VERSION_MAJOR} << 8) | TORCH_VERSION_MINOR;

    if (!version)
        return err_set(err, ERR_LIBTORCH,
                       "detrd-trainer was built for libtorch " TORCH_VERSION
                       ", and the library it found is another; build it again");
    if (version() >> 48 != built)
        return err_set(err, ERR_LIBTORCH,
                       "detrd-trainer was built for libtorch " TORCH_VERSION
                       ", and found libtorch %d.%d; build it again",
                       static_cast<int>(version() >> 56), static_cast<int>(version() >> 48 & 0xff));
    return true;
}

bool tensor_load_cuda(void)
{
    Dl_info self;
    std::string path = "libtorch_cuda.so";

    if (dladdr(reinterpret_cast<void *>(&at::set_num_threads), &self) && self.dli_fname) {
        std::string lib = self.dli_fname;
        path = lib.substr(0, lib.rfind('/') + 1) + path;
    }
    if (!dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) // a CPU build has none
        return false;
    return tensor_device_count() > 0;
}

int tensor_device_count(void)
{
    return detrd::guard<int>("tensor_device_count", [] { return static_cast<int>(at::accelerator::deviceCount()); });
}

BOOL(tensor_set_threads, (int intra_op), at::set_num_threads(intra_op))
BOOL(tensor_set_matmul_tf32, (bool on), at::globalContext().setFloat32MatmulPrecision(on ? "high" : "highest"))
BOOL(tensor_memory_stats, (int device, struct tensor_memory *out), {
    auto index = device_of(device).index();
    auto stats = at::accelerator::getDeviceStats(index);
    auto memory = at::accelerator::getMemoryInfo(index);
    *out = {stats.allocated_bytes[0].current, stats.allocated_bytes[0].peak, static_cast<int64_t>(memory.first),
            static_cast<int64_t>(memory.second)};
})
}
