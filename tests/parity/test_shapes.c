/* tests/parity/test_shapes.c: the generated data set has the reference's pixels and objects, byte for byte. */
#include "base/arena.h"
#include "base/sha256.h"
#include "tests/parity/fixture.h"
#include "tests/unit/check_main.h"
#include "trainer/data/shapes.h"

#include <stdio.h>
#include <string.h>

static void check_first(json_t *want, const struct shapes_image *image)
{
    static const char *const keys[] = {"0", "1", "2", "3", "4"};
    json_t *objects = fixture_json(want, "objects"), *object;
    struct sha256 sum;
    char hex[SHA256_HEX_SIZE];
    size_t i;

    sha256_init(&sum);
    sha256_add(&sum, image->pixels, SHAPES_BYTES);
    ck_assert_str_eq(sha256_hex(&sum, hex), fixture_text(want, "rgb_sha256"));
    ck_assert_uint_eq((size_t)image->count, json_array_size(objects));
    json_array_foreach(objects, i, object)
    {
        const struct shapes_object *o = &image->objects[i];
        const int ours[] = {o->kind, o->x, o->y, o->width, o->height};

        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
            ck_assert_int_eq(ours[k], fixture_int(object, keys[k]));
    }
}

static void add_text(struct sha256 *sum, int64_t index, const struct shapes_image *image)
{
    char line[96];

    (void)snprintf(line, sizeof(line), "%d\n", (int)index);
    sha256_add(sum, line, strlen(line));
    for (int i = 0; i < image->count; i++) {
        const struct shapes_object *o = &image->objects[i];

        (void)snprintf(line, sizeof(line), "%d %d %d %d %d\n", o->kind, o->x, o->y, o->width, o->height);
        sha256_add(sum, line, strlen(line));
    }
}

START_TEST(every_split_has_the_references_bytes)
{
    struct fixture *fixture = fixture_open("shapes", FIXTURE_JSON);
    struct sha256 pixels, objects;
    char hex[SHA256_HEX_SIZE];
    json_t *want, *first;
    int64_t count, total = 0;

    if (!fixture)
        return;
    want = fixture_json(fixture_json(fixture->doc, "splits"), split_name((enum split)_i));
    first = fixture_json(want, "first_images");
    count = fixture_int(fixture_json(fixture->doc, "counts"), split_name((enum split)_i));
    ck_assert_int_eq(count, shapes_counts[_i]);
    sha256_init(&pixels);
    sha256_init(&objects);
    for (int64_t i = 0; i < count; i++) {
        struct shapes_image image;

        shapes_make((enum split)_i, i, &image);
        if ((size_t)i < json_array_size(first))
            check_first(json_array_get(first, (size_t)i), &image);
        sha256_add(&pixels, image.pixels, SHAPES_BYTES);
        add_text(&objects, i, &image);
        total += image.count;
    }
    ck_assert_int_eq(total, fixture_int(want, "objects"));
    ck_assert_str_eq(sha256_hex(&pixels, hex), fixture_text(want, "all_rgb_sha256"));
    ck_assert_str_eq(sha256_hex(&objects, hex), fixture_text(want, "all_objects_sha256"));
    fixture_close(fixture);
}
END_TEST

TEST_MAIN("shapes", TEST_LOOP(every_split_has_the_references_bytes, SPLIT_COUNT))
