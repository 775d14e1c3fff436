/* trainer/devices.c: see devices.h.
 * Names, UUIDs and capabilities of GPUs come from the CUDA driver, which libtorch has loaded by then; the few
 * declarations are ours, so that nothing of CUDA is needed to build. */
#include "trainer/devices.h"

#include "base/arena.h"
#include "trainer/tensor/tensor.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* ---- CPU ---- */

/* Whether the flags line of /proc/cpuinfo holds word. */
static bool has_flag(const char *flags, const char *word)
{
    size_t size = strlen(word);

    for (const char *at = strstr(flags, word); at; at = strstr(at + 1, word))
        if (at > flags && at[-1] == ' ' && (at[size] == ' ' || at[size] == '\n' || at[size] == '\0'))
            return true;
    return false;
}

struct device_info device_cpu(void)
{
    struct device_info info = {.type = DEVICE_CPU, .name = "CPU"};
    FILE *file = fopen("/proc/cpuinfo", "re");
    char *line = NULL, *value;
    size_t room = 0;

    info.memory_bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    while (file && getline(&line, &room, file) > 0) {
        value = strchr(line, ':');
        if (value && strncmp(line, "model name", 10) == 0)
            (void)snprintf(info.name, sizeof info.name, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
        if (value && strncmp(line, "flags", 5) == 0) {
            info.bfloat16 = has_flag(value, "amx_bf16") || has_flag(value, "avx512_bf16");
            break; /* the other processors are the same */
        }
    }
    free(line);
    if (file)
        (void)fclose(file);
    return info;
}

/* ---- GPU ---- */

struct driver { /* of libcuda.so.1; 0 is success */
    int (*init)(unsigned);
    int (*device_get)(int *device, int index);
    int (*name)(char *name, int size, int device);
    int (*uuid)(unsigned char uuid[16], int device);
    int (*attribute)(int *value, int attribute, int device);
    int (*total_memory)(size_t *bytes, int device);
};
enum { ATTRIBUTE_MAJOR = 75, ATTRIBUTE_MINOR = 76 };

static bool driver_load(struct driver *driver, struct err *err)
{
    static const char *const names[] = {"cuInit",          "cuDeviceGet",          "cuDeviceGetName",
                                        "cuDeviceGetUuid", "cuDeviceGetAttribute", "cuDeviceTotalMem_v2"};
    void *functions[6], *library = dlopen("libcuda.so.1", RTLD_NOW);

    for (size_t i = 0; i < 6; i++) {
        functions[i] = library ? dlsym(library, names[i]) : NULL;
        if (!functions[i])
            return err_set(err, ERR_GPU, "the NVIDIA driver has no %s: %s", names[i], dlerror());
    }
    memcpy(driver, functions, sizeof functions);
    if (driver->init(0) != 0)
        return err_set(err, ERR_GPU, "the NVIDIA driver does not start");
    return true;
}

static void uuid_text(const unsigned char uuid[16], char text[DEVICE_UUID_SIZE])
{
    size_t used = (size_t)snprintf(text, DEVICE_UUID_SIZE, "GPU");

    for (size_t i = 0; i < 16; i++) {
        bool dash = i == 0 || i == 4 || i == 6 || i == 8 || i == 10;

        used += (size_t)snprintf(text + used, DEVICE_UUID_SIZE - used, "%s%02x", dash ? "-" : "", uuid[i]);
    }
}

bool device_gpu(int index, struct device_info *info, struct err *err)
{
    struct device_info found = {.type = DEVICE_CUDA};
    int device = 0, major = 0, minor = 0;
    unsigned char uuid[16] = {0};
    struct driver driver = {0};
    size_t bytes = 0;

    if (!driver_load(&driver, err))
        return false;
    if (driver.device_get(&device, index) != 0 || driver.name(found.name, sizeof found.name, device) != 0 ||
        driver.uuid(uuid, device) != 0 || driver.attribute(&major, ATTRIBUTE_MAJOR, device) != 0 ||
        driver.attribute(&minor, ATTRIBUTE_MINOR, device) != 0 || driver.total_memory(&bytes, device) != 0)
        return err_set(err, ERR_GPU, "the NVIDIA driver does not tell about GPU %d", index);
    uuid_text(uuid, found.uuid);
    found.memory_bytes = (int64_t)bytes;
    found.compute_capability = 10 * major + minor;
    found.bfloat16 = major >= 8;
    *info = found;
    return true;
}

/* ---- both ---- */

static json_t *device_json(const struct device_info *info)
{
    json_t *native = json_pack("[s]", "float32");

    if (info->bfloat16)
        json_array_append_new(native, json_string("bfloat16"));
    if (info->type == DEVICE_CUDA)
        json_array_append_new(native, json_string("float16"));
    return json_pack("{ss ss sI so}", "type", device_type_name(info->type), "name", info->name, "memory_bytes",
                     (json_int_t)info->memory_bytes, "native", native);
}

json_t *devices_json(struct err *err)
{
    int gpus = tensor_load_cuda() ? tensor_device_count() : 0;
    struct device_info info = device_cpu();
    json_t *devices = json_array();

    for (int i = 0; i < gpus; i++) {
        struct device_info gpu;

        if (!device_gpu(i, &gpu, err)) {
            json_decref(devices);
            return NULL;
        }
        json_array_append_new(devices, device_json(&gpu));
    }
    json_array_append_new(devices, device_json(&info));
    return json_pack("{ss so}", "libtorch", tensor_libtorch_built(), "devices", devices);
}

bool devices_env(struct spec_env *env, struct err *err)
{
    struct spec_env found = {.cpu_slots = 1, .cores = sysconf(_SC_NPROCESSORS_ONLN)};
    uint32_t seed = 0;

    found.gpu_count = tensor_load_cuda() ? tensor_device_count() : 0;
    found.has_cuda = found.gpu_count > 0;
    found.gpus_all_below_8_0 = found.has_cuda;
    found.cpu_native_bf16 = device_cpu().bfloat16;
    for (int i = 0; i < found.gpu_count; i++) {
        struct device_info gpu;

        if (!device_gpu(i, &gpu, err))
            return false;
        found.gpus_all_below_8_0 = found.gpus_all_below_8_0 && !gpu.bfloat16;
    }
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        return err_os(err, "draw a seed");
    found.seed = seed;
    *env = found;
    return true;
}

bool devices_check_assigned(struct err *err)
{
    const char *assigned = getenv("CUDA_VISIBLE_DEVICES");
    struct device_info gpu;

    if (!assigned || strncmp(assigned, "GPU-", 4) != 0)
        return true;
    if (tensor_device_count() != 1)
        return err_set(err, ERR_GPU, "GPU %s was assigned, and this process sees %d GPUs", assigned,
                       tensor_device_count());
    if (!device_gpu(0, &gpu, err))
        return false;
    if (strcmp(gpu.uuid, assigned) != 0)
        return err_set(err, ERR_GPU, "GPU %s was assigned, and this process sees %s", assigned, gpu.uuid);
    return true;
}
