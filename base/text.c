/* base/text.c: the table of well-formed byte sequences is Unicode's 3-7. */
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct range {
    unsigned char first_min, first_max; /* of the first byte */
    unsigned char next_min, next_max;   /* of the second */
    int size;
};

// clang-format off
static const struct range ranges[] = {
    {0x01, 0x7f, 0,    0,    1},
    {0xc2, 0xdf, 0x80, 0xbf, 2},
    {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4},
    {0xf4, 0xf4, 0x80, 0x8f, 4},
};
// clang-format on

static bool is_range(const unsigned char *at, const struct range *range)
{
    if (at[0] < range->first_min || at[0] > range->first_max)
        return false;
    if (range->size > 1 && (at[1] < range->next_min || at[1] > range->next_max))
        return false;
    for (int i = 2; i < range->size; i++)
        if (at[i] < 0x80 || at[i] > 0xbf) /* a NUL ends it here */
            return false;
    return true;
}

/* Bytes of the character at at, or 0. */
static int character_size(const unsigned char *at)
{
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (is_range(at, &ranges[i]))
            return ranges[i].size;
    return 0;
}

void text_make_utf8(char *text)
{
    while (*text) {
        int size = character_size((const unsigned char *)text);

        if (size == 0)
            *text = '?';
        text += size ? size : 1;
    }
}
