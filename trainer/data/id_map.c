/* trainer/data/id_map.c: see id_map.h. */
#include "trainer/data/id_map.h"

#include <stdlib.h>

static int by_id(const void *a, const void *b)
{
    const struct id_entry *x = a, *y = b;

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

int64_t id_map_sort(struct id_map *map)
{
    int64_t first = -1;

    if (map->count > 0)
        qsort(map->entries, (size_t)map->count, sizeof(*map->entries), by_id);
    for (int64_t i = 1; i < map->count; i++)
        if (map->entries[i].id == map->entries[i - 1].id && (first < 0 || map->entries[i].value < first))
            first = map->entries[i].value;
    return first;
}

int64_t id_map_find(const struct id_map *map, int64_t id)
{
    int64_t low = 0, high = map->count;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (map->entries[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < map->count && map->entries[low].id == id ? map->entries[low].value : -1;
}
