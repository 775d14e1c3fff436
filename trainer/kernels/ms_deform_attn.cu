// trainer/kernels/ms_deform_attn.cu: the kernels, their launchers, and a way to run them on the host's arrays.
#include "trainer/kernels/ms_deform_attn_thread.h"

#include <cuda_runtime.h>

namespace
{

__global__ void forward(const __grid_constant__ ms_deform_shape shape, const __grid_constant__ ms_deform_input in,
                        float *out)
{
    msda_forward_thread(&shape, &in, out, blockIdx.x, (int)threadIdx.x);
}

__global__ void backward_value(const __grid_constant__ ms_deform_shape shape,
                               const __grid_constant__ ms_deform_input in, const float *grad_out, float *grad_value)
{
    msda_backward_value_thread(&shape, &in, grad_out, grad_value, blockIdx.x, (int)threadIdx.x);
}

__global__ void backward_sample(const __grid_constant__ ms_deform_shape shape,
                                const __grid_constant__ ms_deform_input in, const float *grad_out,
                                const __grid_constant__ ms_deform_grad grad)
{
    msda_backward_sample_thread(&shape, &in, grad_out, &grad, blockIdx.x, (int)threadIdx.x);
}

struct Sizes { // bytes
    size_t value, location, weight, out;
};

Sizes sizes_of(const ms_deform_shape &shape)
{
    size_t samples = (size_t)msda_samples(&shape);
    size_t value = (size_t)shape.batch * (size_t)shape.tokens * (size_t)shape.heads * (size_t)shape.width;

    return {value * sizeof(float), 2 * samples * sizeof(float), samples * sizeof(float),
            (size_t)msda_channels(&shape) * sizeof(float)};
}

// Device memory and events of one host call; the first error sticks.
struct Device {
    enum { MAX = 8 };
    void *memory[MAX] = {};
    int count = 0;
    cudaEvent_t begin = nullptr, end = nullptr;
    cudaError_t error = cudaSuccess;

    Device()
    {
        note(cudaEventCreate(&begin));
        note(cudaEventCreate(&end));
    }
    ~Device()
    {
        for (int i = 0; i < count; i++)
            (void)cudaFree(memory[i]);
        (void)cudaEventDestroy(begin);
        (void)cudaEventDestroy(end);
    }
    void note(cudaError_t result)
    {
        if (error == cudaSuccess)
            error = result;
    }
    float *room(size_t bytes)
    {
        if (error == cudaSuccess && (error = cudaMalloc(&memory[count], bytes)) == cudaSuccess)
            return (float *)memory[count++];
        return nullptr;
    }
    const float *copy(const float *host, size_t bytes)
    {
        float *there = room(bytes);

        if (error == cudaSuccess)
            error = cudaMemcpy(there, host, bytes, cudaMemcpyHostToDevice);
        return there;
    }
    void fetch(float *host, const float *there, size_t bytes)
    {
        if (error == cudaSuccess)
            error = cudaMemcpy(host, there, bytes, cudaMemcpyDeviceToHost);
    }
    template <class Launch> float best_ms(int repeats, Launch launch)
    {
        float best = 0;

        for (int i = 0; i < repeats && error == cudaSuccess; i++) {
            float ms = 0;

            note(cudaEventRecord(begin, nullptr));
            note((cudaError_t)launch());
            note(cudaEventRecord(end, nullptr));
            note(cudaEventSynchronize(end));
            note(cudaEventElapsedTime(&ms, begin, end));
            best = i == 0 || ms < best ? ms : best;
        }
        return best;
    }
};

} // namespace

extern "C" {

int ms_deform_attn_forward_cuda(const struct ms_deform_shape *shape, const struct ms_deform_input *in, float *out,
                                void *stream)
{
    int64_t threads = msda_channels(shape);

    if (threads > 0) // a grid of no blocks is an error
        forward<<<(unsigned)msda_blocks(threads), MSDA_BLOCK, 0, (cudaStream_t)stream>>>(*shape, *in, out);
    return (int)cudaGetLastError();
}

int ms_deform_attn_backward_cuda(const struct ms_deform_shape *shape, const struct ms_deform_input *in,
                                 const float *grad_out, const struct ms_deform_grad *grad, void *stream)
{
    int64_t channels = msda_channels(shape), samples = msda_samples(shape);
    cudaStream_t queue = (cudaStream_t)stream;
    cudaError_t error = cudaMemsetAsync(grad->value, 0, sizes_of(*shape).value, queue);

    if (error != cudaSuccess)
        return (int)error;
    if (channels > 0)
        backward_value<<<(unsigned)msda_blocks(channels), MSDA_BLOCK, 0, queue>>>(*shape, *in, grad_out, grad->value);
    if (samples > 0)
        backward_sample<<<(unsigned)msda_blocks(samples), MSDA_BLOCK, 0, queue>>>(*shape, *in, grad_out, *grad);
    return (int)cudaGetLastError();
}

int ms_deform_attn_host_cuda(const struct ms_deform_shape *shape, const struct ms_deform_input *in, float *out,
                             const float *grad_out, const struct ms_deform_grad *grad, int repeats, float ms[2])
{
    const Sizes bytes = sizes_of(*shape);
    Device device;
    ms_deform_input there = {device.copy(in->value, bytes.value), device.copy(in->location, bytes.location),
                             device.copy(in->weight, bytes.weight)};
    const float *grad_out_there = device.copy(grad_out, bytes.out);
    float *out_there = device.room(bytes.out);
    ms_deform_grad grad_there = {device.room(bytes.value), device.room(bytes.location), device.room(bytes.weight)};

    ms[0] = device.best_ms(repeats, [&] { return ms_deform_attn_forward_cuda(shape, &there, out_there, nullptr); });
    ms[1] = device.best_ms(repeats, [&] {
        return ms_deform_attn_backward_cuda(shape, &there, grad_out_there, &grad_there, nullptr);
    });
    device.fetch(out, out_there, bytes.out);
    device.fetch(grad->value, grad_there.value, bytes.value);
    device.fetch(grad->location, grad_there.location, bytes.location);
    device.fetch(grad->weight, grad_there.weight, bytes.weight);
    return (int)device.error;
}

int kernels_cuda_device_count(void)
{
    int count = 0;

    return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

const char *kernels_cuda_error(int error)
{
    return cudaGetErrorString((cudaError_t)error);
}

} // extern "C"
