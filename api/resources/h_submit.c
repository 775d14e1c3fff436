/* api/resources/h_submit.c: a job is submitted: its spec checked, made effective and queued. */
#include "api/resources/handlers.h"
#include "api/resources/job_view.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "spec/job_spec.h"
#include "spec/parse.h"
#include "storage/submission_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_MAX = 200 };

static const int64_t key_ms = INT64_C(24) * 3600 * 1000;

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

/* Fills row from a request with an Idempotency-Key; its job is the one that was submitted with it before, else 0. */
static bool find_earlier(const struct app *app, const struct request *request, struct submission_row *row,
                         struct err *err)
{
    const char *key = request->idempotency_key, *user = request_user(request), *body;
    struct sha256 sum;
    char hex[SHA256_HEX_SIZE];
    size_t size = key ? strlen(key) : 0;

    *row = (struct submission_row){.user = user ? user : "", .key = key};
    if (!key)
        return true;
    if (size == 0 || size > KEY_MAX)
        return err_set(err, ERR_BAD_QUERY, "Idempotency-Key must have 1 to %d bytes", KEY_MAX);
    sha256_init(&sum);
    sha256_add(&sum, request->body, request->body_size);
    body = arena_strdup(request->arena, sha256_hex(&sum, hex));
    if (!store_submissions_forget(app->store, clock_wall_ms() - key_ms, err) ||
        !store_submission_find(app->store, request->arena, row, err))
        return false;
    if (row->job && strcmp(row->body, body) != 0)
        return err_set(err, ERR_BAD_SPEC,
                       "the Idempotency-Key '%.200s' came with another body before, for job %" PRId64, key, row->job);
    row->body = body;
    return true;
}

/* Queues the job and keeps its key, both or neither. */
static bool submit_once(const struct app *app, const struct request *request, const struct job_spec *spec,
                        const json_t *warnings, struct submission_row *row, struct err *err)
{
    if (!store_begin(app->store, err))
        return false;
    if (submit(app, request, spec, warnings, &row->job, err) &&
        (!row->key || store_submission_add(app->store, row, err)) && store_commit(app->store, err))
        return true;
    store_rollback(app->store);
    return false;
}

static bool wants_validation(const struct request *request, bool *wants, struct err *err)
{
    const char *text = request_query(request, "validate");

    *wants = text && strcmp(text, "true") == 0;
    return !text || *wants || strcmp(text, "false") == 0 ||
           err_set(err, ERR_BAD_QUERY, "validate is '%.50s'; it must be true or false", text);
}

/* The reply to a spec without fault, but for what its data set says. */
static bool validated(const struct request *request, const struct job_spec *spec, const json_t *warnings,
                      struct reply *reply)
{
    static const char *const members[] = {"pointer", "file", "count"};
    json_t *list = json_deep_copy(warnings), *warning;
    size_t i;

    json_array_foreach(list, i, warning)
    {
        for (size_t m = 0; m < sizeof members / sizeof *members; m++)
            if (!json_object_get(warning, members[m]))
                (void)json_object_set_new(warning, members[m], json_null());
    }
    reply->dataset = arena_strdup(request->arena, spec->dataset_dir);
    return reply_json(reply, json_pack("{sbsoso}", "valid", true, "spec", job_spec_write(spec), "warnings", list));
}

/* The job of a new request, or of the same one sent before. */
static bool take(const struct app *app, const struct request *request, json_t *warnings, struct reply *reply,
                 struct err *err)
{
    struct job_spec *spec = arena_alloc(request->arena, sizeof *spec);
    struct submission_row row;
    bool only_validates;

    if (!wants_validation(request, &only_validates, err))
        return false;
    if (only_validates)
        return read_spec(app, request, spec, warnings, reply, err) && validated(request, spec, warnings, reply);
    if (!find_earlier(app, request, &row, err))
        return false;
    if (row.job == 0 &&
        (!read_spec(app, request, spec, warnings, reply, err) || !submit_once(app, request, spec, warnings, &row, err)))
        return false;
    reply->status = 201;
    reply->location = arena_printf(request->arena, "/v1/jobs/%" PRId64, row.job);
    return job_view_reply(app, request, row.job, reply, err);
}

bool jobs_create(const struct app *app, const struct request *request, struct reply *reply, struct err *err)
{
    json_t *warnings;
    bool ok;

    if (!app->devices->is_known) {
        reply->awaits_devices = true;
        return true;
    }
    warnings = json_array();
    ok = take(app, request, warnings, reply, err);
    json_decref(warnings);
    return ok;
}
