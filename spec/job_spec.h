/* spec/job_spec.h: the job spec, as users write it and as it is stored.
 * One field table (job_fields in job_spec.c) holds each key's pointer, type, default, range and help text; reading,
 * writing back, the JSON Schema and the documents are printed from it.  An effective spec has every key. */
#pragma once
#include "spec/amp_policy.h"
#include "spec/fields.h"
#include "spec/variant.h"

#include <limits.h>
#include <stdint.h>

enum { SPEC_TEXT_SIZE = FIELD_TEXT_SIZE, SPEC_LABELS = 16 };

enum lr_scheduler { LR_STEP, LR_COSINE };
enum multi_scale { MULTI_SCALE_OFF, MULTI_SCALE_PER_BATCH };
enum aug_config { AUG_FLIP, AUG_NONE }; /* JSON null: the default flip; {}: none */

struct job_spec {
    int64_t model; /* index into variants */
    char dataset_dir[PATH_MAX];
    char pretrain_weights[PATH_MAX]; /* "": start from random weights */
    char name[SPEC_TEXT_SIZE];
    struct field_pair labels[SPEC_LABELS];
    int64_t label_count;
    int64_t device; /* enum device_type; resolved in an effective spec */
    int64_t devices, threads, priority, max_steps, time_limit_s, seed;
    struct amp_policy amp;

    int64_t epochs, batch_size, grad_accum_steps, eval_batch_size;
    double lr, lr_encoder, weight_decay, lr_vit_layer_decay, lr_component_decay, warmup_epochs;
    int64_t lr_scheduler; /* enum lr_scheduler */
    struct {
        double lr_drop;    /* epochs, for LR_STEP */
        double min_factor; /* for LR_COSINE */
    } lr_scheduler_kwargs;
    double clip_max_norm, cls_loss_coef;
    int64_t multi_scale; /* enum multi_scale */
    bool expanded_scales, scale_jitter;
    int64_t aug_config; /* enum aug_config */
    int64_t resolution; /* px */
    int64_t num_queries, num_select, group_detr;
    bool use_ema;
    double ema_decay, ema_tau;
    int64_t ema_update_interval, eval_interval, eval_max_dets;
};

/* What a spec's defaults and limits depend on beside the spec.  Daemon and trainer fill it from what they see. */
struct spec_env {
    bool has_cuda;           /* the worker's libtorch can use a GPU */
    bool gpus_all_below_8_0; /* no GPU here computes bfloat16 */
    bool cpu_native_bf16;    /* the CPU has AMX or AVX512_BF16 */
    int64_t gpu_count, cpu_slots, cores;
    int64_t seed; /* for a spec that names none: 0 … SPEC_SEED_MAX */
};

#define SPEC_SEED_MAX 4294967295

extern const struct field job_fields[];
extern const struct field_hint job_hints[];

/* Reads a job spec that a user wrote and makes it effective: every default filled in.  Appends all faults, not only the
 * first, to the array faults ({"pointer", "detail", "value"}) and what is legal but unwise to the array warnings
 * ({"detail", "pointer"}).  ERR_BAD_SPEC when there is a fault: err says how many and the first; spec is untouched.
 * Paths are not looked at. */
MUST_CHECK bool job_spec_read(const json_t *json, const struct spec_env *env, struct job_spec *spec, json_t *faults,
                              json_t *warnings, struct err *err);

/* Fills err from the array faults, which is not empty, and returns false. */
bool job_spec_refuse(const json_t *faults, struct err *err);

/* Returns the effective spec as JSON, every key in the table's order.  Read again with the same env it is the same. */
json_t *job_spec_write(const struct job_spec *spec);
