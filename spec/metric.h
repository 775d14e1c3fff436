/* spec/metric.h: the series a job may report, by name, and what each means.
 * Names are the reference's (rfdetr 1.11.2); units end a name. */
#pragma once
#include <stdbool.h>

enum { METRIC_NAME_MAX = 200 }; /* bytes; class names stand in val/AP/<class name> */

#define METRIC_TRAIN_LOSS        "train/loss"
#define METRIC_TRAIN_LOSS_CE     "train/loss_ce"
#define METRIC_TRAIN_LOSS_BBOX   "train/loss_bbox"
#define METRIC_TRAIN_LOSS_GIOU   "train/loss_giou"
#define METRIC_TRAIN_LR          "train/lr"
#define METRIC_TRAIN_GRAD_NORM   "train/grad_norm"
#define METRIC_TRAIN_IMAGES_RATE "train/images_per_s"
#define METRIC_TRAIN_DATA_WAIT   "train/data_wait_ratio"
#define METRIC_AMP_SCALE         "amp/scale"
#define METRIC_SYS_RSS           "sys/rss_bytes"
#define METRIC_SYS_GPU_MEMORY    "sys/gpu_memory_bytes"
#define METRIC_SYS_GPU_USE       "sys/gpu_utilization_ratio"
#define METRIC_VAL_MAP           "val/mAP_50_95" /* what best.safetensors goes by */
#define METRIC_VAL_MAP_50        "val/mAP_50"
#define METRIC_VAL_MAP_75        "val/mAP_75"
#define METRIC_VAL_MAR           "val/mAR"
#define METRIC_VAL_AP_CLASS      "val/AP/" /* + class name */

struct metric_info {
    const char *name; /* ends with '/': the name of whatever starts so; "@" and maxDets may follow any val/ series */
    const char *definition;
};

/* Ends with an entry whose name is NULL. */
extern const struct metric_info metric_infos[];

/* What a series means, in a sentence; "" for one that is not in the table. */
const char *metric_definition(const char *name);

/* Not empty, at most METRIC_NAME_MAX bytes, no control characters. */
bool metric_name_is_valid(const char *name);
