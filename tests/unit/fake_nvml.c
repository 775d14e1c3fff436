/* tests/unit/fake_nvml.c: stands in for libnvidia-ml.so.1.  FAKE_GPUS lists compute capabilities, "8.6 7.5", a GPU
 * each; "broken" has nvmlInit fail; a GPU of 0.0 tells its UUID and nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FINE = 0, NOT_SUPPORTED = 3, UNKNOWN = 999, GPUS = 8 };

static struct fake {
    int major, minor;
} gpus[GPUS];
static unsigned gpu_count;

int nvmlInit_v2(void);
int nvmlShutdown(void);
const char *nvmlErrorString(int result);
int nvmlDeviceGetCount_v2(unsigned *count);
int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct fake **device);
int nvmlDeviceGetUUID(struct fake *device, char *uuid, unsigned size);
int nvmlDeviceGetName(struct fake *device, char *name, unsigned size);
int nvmlDeviceGetCudaComputeCapability(struct fake *device, int *major, int *minor);
int nvmlDeviceGetMemoryInfo(struct fake *device, unsigned long long memory[3]);
int nvmlDeviceGetUtilizationRates(struct fake *device, unsigned rates[2]);

int nvmlInit_v2(void)
{
    const char *text = getenv("FAKE_GPUS");
    int used;

    if (!text)
        text = "";
    if (strcmp(text, "broken") == 0)
        return UNKNOWN;
    gpu_count = 0;
    while (gpu_count < GPUS && sscanf(text, "%d.%d%n", &gpus[gpu_count].major, &gpus[gpu_count].minor, &used) == 2) {
        text += used;
        gpu_count++;
    }
    return FINE;
}

int nvmlShutdown(void)
{
    return FINE;
}

const char *nvmlErrorString(int result)
{
    return result == NOT_SUPPORTED ? "Not Supported" : "Unknown Error";
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
    *count = gpu_count;
    return FINE;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct fake **device)
{
    *device = &gpus[index];
    return FINE;
}

int nvmlDeviceGetUUID(struct fake *device, char *uuid, unsigned size)
{
    (void)snprintf(uuid, size, "GPU-fake-%d", (int)(device - gpus));
    return FINE;
}

int nvmlDeviceGetName(struct fake *device, char *name, unsigned size)
{
    if (device->major == 0)
        return NOT_SUPPORTED;
    (void)snprintf(name, size, "Fake %d", (int)(device - gpus));
    return FINE;
}

int nvmlDeviceGetCudaComputeCapability(struct fake *device, int *major, int *minor)
{
    *major = device->major;
    *minor = device->minor;
    return device->major ? FINE : NOT_SUPPORTED;
}

int nvmlDeviceGetMemoryInfo(struct fake *device, unsigned long long memory[3])
{
    memory[0] = 24ull << 30;
    memory[1] = 20ull << 30;
    memory[2] = 4ull << 30;
    return device->major ? FINE : NOT_SUPPORTED;
}

int nvmlDeviceGetUtilizationRates(struct fake *device, unsigned rates[2])
{
    rates[0] = 25;
    rates[1] = 10;
    return device->major ? FINE : NOT_SUPPORTED;
}
