/* api/h_submit.c: a job is submitted: its spec checked, made effective and queued. */
#include "api/handlers.h"
#include "api/job_view.h"
#include "spec/job_spec.h"
#include "spec/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t count_cores(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static bool gpus_all_below_8_0(const struct gpus *gpus)
{
    for (size_t i = 0; i < gpus_count(gpus); i++)
        if (gpus_at(gpus, i)->compute_major == 0 || gpus_at(gpus, i)->compute_major >= 8)
            return false;
    return gpus_count(gpus) > 0;
}

static bool make_env(const struct app *app, struct spec_env *env, struct err *err)
{
    uint32_t seed;

    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        return err_os(err, "draw a seed");
    *env = (struct spec_env){
        .has_cuda = app->devices->has_cuda,
        .gpus_all_below_8_0 = gpus_all_below_8_0(app->gpus),
        .cpu_native_bf16 = app->devices->cpu_native_bfloat16,
        .gpu_count = (int64_t)gpus_count(app->gpus),
        .cpu_slots = app->cpu_slots,
        .cores = count_cores(),
        .seed = seed,
    };
    return true;
}

/* Whether path, with its links followed, is root or lies in it. */
static bool is_beneath(const char *path, const char *root)
{
    char *real = realpath(root, NULL);
    size_t size = real ? strlen(real) : 0;
    bool beneath = real && strncmp(path, real, size) == 0 &&
                   (path[size] == '\0' || path[size] == '/' || (size > 0 && real[size - 1] == '/'));

    free(real);
    return beneath;
}

static bool is_in_a_root(const struct app *app, const char *path)
{
    char *real = realpath(path, NULL);
    bool found = real && app->dataset_root_count == 0;

    for (size_t i = 0; real && i < app->dataset_root_count && !found; i++)
        found = is_beneath(real, app->dataset_roots[i]);
    free(real);
    return found;
}

/* What is wrong with a folder of a data set, in words, or NULL.  Only looked at: the daemon never opens one. */
static const char *folder_fault(const struct app *app, const struct request *request, const char *path)
{
    struct stat status;

    if (path[0] != '/')
        return "must be an absolute path on the server";
    if (stat(path, &status) != 0)
        return errno == ENOENT ? "there is no such folder" : arena_strdup(request->arena, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return "is not a folder";
    if (access(path, R_OK | X_OK) != 0)
        return arena_printf(request->arena, "may not be read by '%s', the account that detrd runs as",
                            request_account(request->arena, geteuid()));
    if (!is_in_a_root(app, path))
        return "lies in none of the folders that this detrd takes data sets from (dataset_roots)";
    return NULL;
}

/* Whether the faults name pointer already. */
static bool is_faulty(const json_t *faults, const char *pointer)
{
    size_t i;
    json_t *fault;

    json_array_foreach(faults, i, fault) if (strcmp(json_string_value(json_object_get(fault, "pointer")), pointer) ==
                                             0) return true;
    return false;
}

/* Appends what a look at the paths of a spec shows to faults. */
static void check_paths(const struct app *app, const struct request *request, const json_t *json, json_t *faults)
{
    const json_t *folder = json_object_get(json, "dataset_dir"), *weights = json_object_get(json, "pretrain_weights");
    const char *fault = NULL;

    if (json_is_string(folder) && !is_faulty(faults, "/dataset_dir"))
        fault = folder_fault(app, request, json_string_value(folder));
    if (fault)
        field_fault(faults, "/dataset_dir", folder, "%s", fault);
    if (json_is_string(weights) && !is_faulty(faults, "/pretrain_weights") && json_string_value(weights)[0] != '/')
        field_fault(faults, "/pretrain_weights", weights, "must be an absolute path on the server");
}

static bool read_spec(const struct app *app, const struct request *request, struct job_spec *spec, json_t *warnings,
                      struct reply *reply, struct err *err)
{
    json_t *json = parse_json(request->body, request->body_size, err);
    struct spec_env env;

    if (!json)
        return false;
    if (!make_env(app, &env, err)) {
        json_decref(json);
        return false;
    }
    reply->faults = json_array();
    if (job_spec_read(json, &env, spec, reply->faults, warnings, err))
        *err = (struct err){0};
    check_paths(app, request, json, reply->faults);
    json_decref(json);
    return json_array_size(reply->faults) == 0 || job_spec_refuse(reply->faults, err);
}

static bool submit(const struct app *app, const struct request *request, const struct job_spec *spec,
                   const json_t *warnings, int64_t *id, struct err *err)
{
    size_t count = json_array_size(warnings);
    struct job_warning *list = arena_alloc(request->arena, (count + 1) * sizeof *list);
    json_t *json = job_spec_write(spec);
    char *text = parse_text(json);
    bool ok;

    for (size_t i = 0; i < count; i++) {
        const json_t *warning = json_array_get(warnings, i);

        list[i].detail = json_string_value(json_object_get(warning, "detail"));
        list[i].pointer = json_string_value(json_object_get(warning, "pointer"));
    }
    ok = jobs_submit(app->jobs,
                     &(struct job_new){.name = spec->name,
                                       .user = request_user(request),
                                       .spec = text,
                                       .device_type = (enum device_type)spec->device,
                                       .priority = spec->priority,
                                       .warnings = list,
                                       .warning_count = count},
                     id, err);
    free(text);
    json_decref(json);
    return ok;
}

bool jobs_create(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    struct job_spec *spec = arena_alloc(request->arena, sizeof *spec);
    json_t *warnings = json_array();
    int64_t id;
    bool ok;

    ok = read_spec(app, request, spec, warnings, reply, err) && submit(app, request, spec, warnings, &id, err);
    json_decref(warnings);
    if (!ok)
        return false;
    reply->status = 201;
    reply->location = arena_printf(request->arena, "/v1/jobs/%" PRId64, id);
    return job_view_reply(app, request, id, reply, err);
}
