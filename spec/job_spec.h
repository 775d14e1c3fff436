/* spec/job_spec.h: the job spec, as users write it and as it is stored.
 * One field table (job_fields in job_spec.c) holds each key's pointer, type, default, range and help text; reading,
 * writing back, the JSON Schema and the documents are printed from it.  An effective spec has every key. */
#pragma once
#include "spec/amp_policy.h"
#include "spec/variant.h"

#include <limits.h>
#include <stdint.h>

enum { SPEC_TEXT_SIZE = 401, SPEC_LABELS = 16 }; /* 100 characters of UTF-8 and a NUL */

enum lr_scheduler { LR_STEP, LR_COSINE };
enum multi_scale { MULTI_SCALE_OFF, MULTI_SCALE_PER_BATCH };
enum aug_config { AUG_FLIP, AUG_NONE }; /* JSON null: the default flip; {}: none */

struct job_label {
    char key[SPEC_TEXT_SIZE], value[SPEC_TEXT_SIZE];
};

struct job_spec {
    int64_t model; /* index into variants */
    char dataset_dir[PATH_MAX];
    char pretrain_weights[PATH_MAX]; /* "": start from random weights */
    char name[SPEC_TEXT_SIZE];
    struct job_label labels[SPEC_LABELS];
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
