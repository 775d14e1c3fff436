/* trainer/model/params.c: see params.h. */
#include "trainer/model/params.h"

#include "base/arena.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct params {
    struct param *items;
    int count, room, device;
};

struct params *params_new(int device)
{
    struct params *params = xcalloc(1, sizeof *params);

    params->device = device;
    return params;
}

void params_free(struct params *params)
{
    if (!params)
        return;
    for (int i = 0; i < params->count; i++) {
        tensor_drop(params->items[i].value);
        free(params->items[i].name);
    }
    free(params->items);
    free(params);
}

int params_count(const struct params *params)
{
    return params->count;
}

const struct param *params_at(const struct params *params, int index)
{
    return &params->items[index];
}

const struct param *params_find(const struct params *params, const char *name)
{
    for (int i = 0; i < params->count; i++)
        if (strcmp(params->items[i].name, name) == 0)
            return &params->items[i];
    return NULL;
}

int64_t params_elements(const struct params *params)
{
    int64_t sum = 0;

    for (int i = 0; i < params->count; i++)
        sum += tensor_numel(params->items[i].value);
    return sum;
}

static struct param *append(struct params *params, enum init init, const int64_t *dims, int n, char *name)
{
    size_t scope = tensor_scope_open();
    struct param *param;

    if (params->count == params->room) {
        params->room = params->room ? 2 * params->room : 64;
        params->items = xrealloc(params->items, (size_t)params->room * sizeof *params->items);
    }
    param = &params->items[params->count++];
    *param = (struct param){
        .name = name, .value = tensor_keep(tensor_zeros(dims, n, TENSOR_F32, params->device)), .init = init};
    (void)tensor_requires_grad_(param->value, true);
    tensor_scope_close(scope);
    return param;
}

static char *format(const char *fmt, va_list args)
{
    char name[160];

    (void)vsnprintf(name, sizeof name, fmt, args);
    return xstrdup(name);
}

struct tensor *params_add(struct params *params, enum init init, const int64_t *dims, int n, const char *name_fmt, ...)
{
    va_list args;
    char *name;

    va_start(args, name_fmt);
    name = format(name_fmt, args);
    va_end(args);
    return append(params, init, dims, n, name)->value;
}

struct tensor *params_add_offsets(struct params *params, int heads, int points, const char *name_fmt, ...)
{
    struct param *param;
    va_list args;
    char *name;

    va_start(args, name_fmt);
    name = format(name_fmt, args);
    va_end(args);
    param = append(params, INIT_OFFSETS, DIMS((int64_t)heads * points * 2), name);
    param->heads = heads;
    param->points = points;
    return param->value;
}

static int64_t fan_in(struct tensor *weight)
{
    return tensor_numel(weight) / tensor_size(weight, 0);
}

/* Head a of n looks into the direction θ = 2πa/n, scaled so that the larger part is 1, point p going p + 1 far. */
static void init_offsets(const struct param *param)
{
    size_t count = (size_t)param->heads * (size_t)param->points * 2;
    float *values = xmalloc(count * sizeof *values);

    for (int head = 0; head < param->heads; head++) {
        double theta = 2 * M_PI * head / param->heads;
        double scale = fmax(fabs(cos(theta)), fabs(sin(theta)));

        for (int point = 0; point < param->points; point++) {
            float *at = values + 2 * (head * param->points + point);

            at[0] = (float)(cos(theta) / scale * (point + 1));
            at[1] = (float)(sin(theta) / scale * (point + 1));
        }
    }
    (void)tensor_write(param->value, values, count * sizeof *values);
    free(values);
}

static void init_trunc_normal(struct tensor *value)
{
    size_t scope = tensor_scope_open();

    (void)tensor_normal_(value, 0, 0.02);
    (void)tensor_copy_(value, tensor_clamp(tensor_detach(value), -2, 2));
    tensor_scope_close(scope);
}

static void init_one(const struct params *params, int index)
{
    const struct param *param = &params->items[index];
    struct tensor *value = param->value;
    double bound;

    switch (param->init) {
    case INIT_ZERO:
        (void)tensor_fill_(value, 0);
        break;
    case INIT_ONE:
        (void)tensor_fill_(value, 1);
        break;
    case INIT_TRUNC_NORMAL:
        init_trunc_normal(value);
        break;
    case INIT_NORMAL:
        (void)tensor_normal_(value, 0, 1);
        break;
    case INIT_XAVIER:
        bound = sqrt(6.0 / (double)(tensor_size(value, 0) + fan_in(value)));
        (void)tensor_uniform_(value, -bound, bound);
        break;
    case INIT_FAN_IN:
        bound = 1 / sqrt((double)fan_in(value));
        (void)tensor_uniform_(value, -bound, bound);
        break;
    case INIT_FAN_IN_BIAS:
        bound = 1 / sqrt((double)fan_in(params->items[index - 1].value));
        (void)tensor_uniform_(value, -bound, bound);
        break;
    case INIT_PRIOR:
        (void)tensor_fill_(value, -log((1 - 0.01) / 0.01));
        break;
    case INIT_OFFSETS:
        init_offsets(param);
        break;
    }
}

bool params_init(struct params *params, struct err *err)
{
    for (int i = 0; i < params->count; i++)
        init_one(params, i);
    return tensor_check(err);
}

void params_copy_start(struct params *params, const char *to, const char *from)
{
    (void)tensor_copy_(params_find(params, to)->value, params_find(params, from)->value);
}

bool params_copy(struct params *to, const struct params *from, struct err *err)
{
    for (int i = 0; i < to->count; i++)
        (void)tensor_copy_(to->items[i].value, from->items[i].value);
    return tensor_check(err);
}
