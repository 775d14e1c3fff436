/* trainer/data/id_map.h: from the ids of a file to positions. */
#pragma once
#include <stdint.h>

struct id_entry {
    int64_t id, value;
};

/* Fill entries and count, then call id_map_sort once.  entries is the caller's. */
struct id_map {
    struct id_entry *entries;
    int64_t count;
};

/* Sorts by id, equal ones by value.  Returns the value of the first entry whose id an earlier one has, or -1. */
int64_t id_map_sort(struct id_map *map);

/* The value of id, or -1. */
int64_t id_map_find(const struct id_map *map, int64_t id);
