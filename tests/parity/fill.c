/* tests/parity/fill.c: see fill.h. */
#include "tests/parity/fill.h"

#include <stdbool.h>
#include <string.h>

enum place { ANY, IS, STARTS, ENDS, HOLDS, LAST /* the part behind the last dot */ };

static bool name_fits(const char *name, enum place place, const char *text)
{
    size_t length = strlen(name), size = place == ANY ? 0 : strlen(text);
    const char *dot = strrchr(name, '.');

    switch (place) {
    case ANY:
        return true;
    case IS:
        return strcmp(name, text) == 0;
    case STARTS:
        return strncmp(name, text, size) == 0;
    case ENDS:
        return length >= size && strcmp(name + length - size, text) == 0;
    case HOLDS:
        return strstr(name, text) != NULL;
    case LAST:
        return strcmp(dot ? dot + 1 : name, text) == 0;
    }
    return false;
}

enum shape { ALL, VECTOR, MATRIX /* scale is a multiple of 2^-k, see matrix_scale */ };

/* The first rule counts of which both texts and the shape fit. */
static const struct rule {
    enum place place;
    const char *text;
    enum place place2;
    const char *text2;
    enum shape shape;
    float base, scale;
} rules[] = {
    {STARTS, "input.", ANY, NULL, ALL, 0, 2},
    {LAST, "lambda1", ANY, NULL, ALL, 0.5F, 0.25F},
    {LAST, "bias", HOLDS, "class_embed", ALL, -4.5F, 0.5F},
    {LAST, "in_proj_bias", HOLDS, "class_embed", ALL, -4.5F, 0.5F},
    {ENDS, "sampling_offsets.bias", ANY, NULL, ALL, 0, 2},
    {ENDS, "layers.2.bias", HOLDS, "bbox_embed", ALL, 0.25F, 0.5F},
    {LAST, "bias", ANY, NULL, ALL, 0, 0.03125F},
    {LAST, "in_proj_bias", ANY, NULL, ALL, 0, 0.03125F},
    {ANY, NULL, ANY, NULL, VECTOR, 1, 0.125F},
    {IS, "refpoint_embed.weight", ANY, NULL, ALL, 0, 0.25F},
    {IS, "query_feat.weight", ANY, NULL, ALL, 0, 1},
    {LAST, "cls_token", ANY, NULL, ALL, 0, 0.5F},
    {LAST, "mask_token", ANY, NULL, ALL, 0, 0.5F},
    {LAST, "position_embeddings", ANY, NULL, ALL, 0, 0.5F},
    {HOLDS, "class_embed", ANY, NULL, MATRIX, 0, 2},
    {ENDS, "layers.2.weight", HOLDS, "bbox_embed", MATRIX, 0, 4},
    {ANY, NULL, ANY, NULL, MATRIX, 0, 1},
};

static const struct rule *rule_of(const char *name, int n)
{
    const struct rule *rule = rules;

    while (!name_fits(name, rule->place, rule->text) || !name_fits(name, rule->place2, rule->text2) ||
           (rule->shape == VECTOR && n != 1))
        rule++; /* the last one fits */
    return rule;
}

/* 2^-k, k the smallest with 3 · 4^k >= fan_in. */
static float matrix_scale(size_t fan_in)
{
    float scale = 1;

    for (size_t reach = 3; reach < fan_in; reach *= 4)
        scale /= 2;
    return scale;
}

size_t fill_count(const int64_t *dims, int n)
{
    size_t count = 1;

    for (int i = 0; i < n; i++)
        count *= (size_t)dims[i];
    return count;
}

static uint64_t hash(uint64_t state, const char *text)
{
    for (; *text; text++)
        state = (state ^ (unsigned char)*text) * 0x100000001b3;
    return state;
}

uint64_t fill_seed(const char *salt, const char *name)
{
    return hash(hash(hash(0xcbf29ce484222325, salt), "|"), name);
}

static float unit(uint64_t seed, size_t i)
{
    uint64_t z = seed + (i + 1) * 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    z = z ^ z >> 31;
    return (float)((int64_t)(z >> 40) - (1 << 23)) / (1 << 23);
}

void fill_unit(const char *salt, const char *name, size_t count, float *to)
{
    uint64_t seed = fill_seed(salt, name);

    for (size_t i = 0; i < count; i++)
        to[i] = unit(seed, i);
}

void fill_values(const char *salt, const char *name, const int64_t *dims, int n, float *to)
{
    const struct rule *rule = rule_of(name, n);
    float scale = rule->shape == MATRIX ? rule->scale * matrix_scale(fill_count(dims + 1, n - 1)) : rule->scale;
    size_t count = fill_count(dims, n);

    fill_unit(salt, name, count, to);
    for (size_t i = 0; i < count; i++)
        to[i] = rule->base + scale * to[i];
}
