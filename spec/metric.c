/* spec/metric.c: see metric.h. */
#include "spec/metric.h"

#include <string.h>

// clang-format off
const struct metric_info metric_infos[] = {
    {METRIC_TRAIN_LOSS,        "Weighted sum of all loss terms, mean over the step's micro-batches."},
    {METRIC_TRAIN_LOSS_CE,     "Classification loss (IoU-aware BCE) of the last decoder layer, unweighted."},
    {METRIC_TRAIN_LOSS_BBOX,   "L1 loss of the last decoder layer's boxes, unweighted."},
    {METRIC_TRAIN_LOSS_GIOU,   "Generalised IoU loss of the last decoder layer's boxes, unweighted."},
    {METRIC_TRAIN_LR,          "Learning rate of the first parameter group at this step."},
    {METRIC_TRAIN_GRAD_NORM,   "Norm of all gradients before clipping."},
    {METRIC_TRAIN_IMAGES_RATE, "Training images per second, without evaluations and checkpoints."},
    {METRIC_TRAIN_DATA_WAIT,   "Share of the step spent waiting for decoded images, 0 to 1."},
    {METRIC_AMP_SCALE,         "Loss scale of the gradient scaler."},
    {METRIC_SYS_RSS,           "Resident memory of the trainer, in bytes."},
    {METRIC_SYS_GPU_MEMORY,    "Memory in use on the job's GPU, in bytes."},
    {METRIC_SYS_GPU_USE,       "Utilization of the job's GPU, 0 to 1."},
    {METRIC_VAL_MAP,           "COCO mAP, mean over IoU 0.50 to 0.95."},
    {METRIC_VAL_MAP_50,        "COCO mAP at IoU 0.50."},
    {METRIC_VAL_MAP_75,        "COCO mAP at IoU 0.75."},
    {METRIC_VAL_MAR,           "COCO mean average recall over IoU 0.50 to 0.95."},
    {METRIC_VAL_AP_CLASS,      "COCO AP of one class, mean over IoU 0.50 to 0.95."},
    {NULL, NULL},
};
// clang-format on

/* Whether name is info's series, by itself, with a class name behind it, or "@" and maxDets. */
static bool is_named(const char *name, const char *info)
{
    size_t size = strlen(info);

    if (strncmp(name, info, size) != 0)
        return false;
    return name[size] == '\0' || name[size] == '@' || info[size - 1] == '/';
}

const char *metric_definition(const char *name)
{
    for (const struct metric_info *info = metric_infos; info->name; info++)
        if (is_named(name, info->name))
            return info->definition;
    return "";
}

bool metric_name_is_valid(const char *name)
{
    size_t size = strlen(name);

    if (size == 0 || size > METRIC_NAME_MAX)
        return false;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return false;
    return true;
}
