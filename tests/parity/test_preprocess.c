/* tests/parity/test_preprocess.c: annotations, pixels and boxes equal the reference's after each transform. */
#include "base/arena.h"
#include "base/file.h"
#include "spec/variant.h"
#include "tests/parity/compare.h"
#include "tests/parity/fixture.h"
#include "tests/unit/check_main.h"
#include "tests/unit/data_files.h"
#include "trainer/data/multi_scale.h"
#include "trainer/data/transforms.h"

#include <fcntl.h>
#include <string.h>

/* One grey level after normalisation: Pillow's resize rounds to 8 bits between its passes. */
static const double normalised_tolerance = 0.0175;
enum { JPEG_TOLERANCE = 2 /* grey levels between decoders */ };

struct picture {
    struct fixture *fixture;
    const char *name;
    json_t *about;
    struct data_files files;
    struct dataset *data;
    struct sample sample;
    bool ok;
};

static void copy_file(struct picture *picture, const char *ending)
{
    char *from = NULL, *name = xasprintf("preprocess/%s.%s", picture->name, ending);
    char *to = xasprintf("train/%s.%s", picture->name, ending);
    struct err err = {0};
    size_t size;
    char *data;

    from = fixture_path(name);
    data = file_read(AT_FDCWD, from, 1 << 24, &size, &err);
    ck_assert_msg(data, "%s", err.msg);
    files_write(&picture->files, to, data, size);
    free(data);
    free(to);
    free(from);
    free(name);
}

/* A data set of the picture and its annotations: the PNG is image 0, the JPEG image 1. */
static void write_set(struct picture *picture)
{
    json_t *doc =
        json_pack("{s[{sisoso}{sisoso}]s[]sO}", "images", "id", 1, "file_name", json_sprintf("%s.png", picture->name),
                  "width", json_integer(1), "id", 2, "file_name", json_sprintf("%s.jpg", picture->name), "width",
                  json_integer(1), "categories", "annotations", json_object_get(picture->about, "annotations"));
    char *text, *name;

    for (int i = 0; i < 4; i++) {
        name = xasprintf("class %d", i);
        json_array_append_new(json_object_get(doc, "categories"), json_pack("{siss}", "id", i, "name", name));
        free(name);
    }
    text = json_dumps(doc, 0);
    files_write_set(&picture->files, "[]"); /* for its valid split */
    files_write_text(&picture->files, "train/_annotations.coco.json", text);
    free(text);
    json_decref(doc);
    copy_file(picture, "png");
    copy_file(picture, "jpg");
}

/* Starts again from the picture's file. */
static void read_sample(struct picture *picture, int64_t image)
{
    struct err err = {0};

    ck_assert_msg(sample_read(&picture->sample, &picture->data->splits[SPLIT_TRAIN], image, false, 0, &err), "%s",
                  err.msg);
}

static double tolerance(struct picture *picture, const char *key)
{
    return fixture_real(json_object_get(picture->fixture->doc, "tolerance"), key);
}

/* Every step-th row and column against a stored uint8 image. */
static void compare_pixels(struct picture *picture, const char *key, int step, double allowed)
{
    const struct st_tensor *want = fixture_get(picture->fixture, "%s%s", picture->name, key);
    const struct image *image = &picture->sample.image;
    size_t count = fixture_elements(want), n = 0;
    float *ours = xcalloc(count, sizeof(*ours)), *theirs = xcalloc(count, sizeof(*theirs));

    ck_assert_int_eq(want->dtype, TENSOR_U8);
    ck_assert_int_eq(want->dims[0], (image->height + step - 1) / step);
    ck_assert_int_eq(want->dims[1], (image->width + step - 1) / step);
    for (int y = 0; y < image->height; y += step)
        for (int x = 0; x < image->width; x += step)
            for (int c = 0; c < 3; c++, n++) {
                ours[n] = image->pixels[((size_t)y * (size_t)image->width + (size_t)x) * 3 + (size_t)c];
                theirs[n] = ((const uint8_t *)want->data)[n];
            }
    picture->ok &= compare_floats(key, ours, theirs, count, allowed);
    free(ours);
    free(theirs);
}

/* Every third row and column of the normalised image, and, where stored, sums over all of it. */
static void compare_normalised(struct picture *picture, const char *key, const char *stats_key)
{
    const struct st_tensor *want = fixture_get(picture->fixture, "%s%s", picture->name, key);
    size_t width = (size_t)picture->sample.image.width, height = (size_t)picture->sample.image.height, n = 0;
    float *all = xcalloc(3 * width * height, sizeof(*all)), *some = xcalloc(fixture_elements(want), sizeof(*some));

    sample_write_image(&picture->sample, all);
    for (size_t c = 0; c < 3; c++)
        for (size_t y = 0; y < height; y += 3)
            for (size_t x = 0; x < width; x += 3)
                some[n++] = all[(c * height + y) * width + x];
    ck_assert_uint_eq(n, fixture_elements(want));
    picture->ok &= compare_floats(key, some, fixture_floats(picture->fixture, want), n, normalised_tolerance);
    for (size_t c = 0; stats_key && c < 3; c++) {
        const struct st_tensor *stats = fixture_get(picture->fixture, "%s%s", picture->name, stats_key);
        double sum = 0;

        for (size_t i = 0; i < width * height; i++)
            sum += (double)all[c * width * height + i];
        picture->ok &= compare_number(stats_key, sum / (double)(width * height),
                                      fixture_doubles(picture->fixture, stats)[c], normalised_tolerance);
    }
    free(all);
    free(some);
}

static void compare_objects(struct picture *picture, const char *step, bool normalised)
{
    struct fixture *fixture = picture->fixture;
    const struct st_tensor *boxes = fixture_get(fixture, "%s/%s.boxes", picture->name, step);
    const struct st_tensor *labels = fixture_get(fixture, "%s/%s.labels", picture->name, step);
    const struct st_tensor *areas = fixture_get(fixture, "%s/%s.area", picture->name, step);
    const struct st_tensor *size = fixture_get(fixture, "%s/%s.size", picture->name, step);
    const int64_t ours[2] = {picture->sample.image.height, picture->sample.image.width};
    int count = picture->sample.count;

    picture->ok &= compare_ints("size", ours, fixture_ints(fixture, size), 2);
    ck_assert_int_eq(count, (int)fixture_elements(labels));
    for (int i = 0; i < count; i++) {
        const struct data_object *object = &picture->sample.objects[i];
        const float *want = fixture_floats(fixture, boxes) + 4 * i;
        float box[4];
        int64_t label = object->label;

        sample_write_box(&picture->sample, i, box);
        picture->ok &= compare_floats(step, normalised ? box : object->box, want, 4,
                                      tolerance(picture, normalised ? "boxes_normalised" : "boxes"));
        picture->ok &= compare_ints("label", &label, fixture_ints(fixture, labels) + i, 1);
        picture->ok &= compare_number("area", (double)object->area, (double)fixture_floats(fixture, areas)[i],
                                      1e-6 * (double)object->area + 1e-3);
    }
}

static void check_eval(struct picture *picture, int side)
{
    read_sample(picture, 0);
    compare_objects(picture, "convert", false);
    sample_resize(&picture->sample, side, side);
    compare_objects(picture, "eval", true);
    compare_pixels(picture, ".png/resized_uint8.step3", 3, tolerance(picture, "uint8"));
    compare_normalised(picture, ".png/eval.image.step3", ".png/eval.image.stats");
    read_sample(picture, 1);
    compare_pixels(picture, ".jpg/decoded", 1, JPEG_TOLERANCE);
    memcpy(picture->sample.image.pixels, fixture_get(picture->fixture, "%s.jpg/decoded", picture->name)->data,
           (size_t)picture->sample.image.width * (size_t)picture->sample.image.height * 3);
    sample_resize(&picture->sample, side, side);
    compare_normalised(picture, ".jpg/eval.image.step3", ".jpg/eval.image.stats");
}

static void check_training_pieces(struct picture *picture)
{
    enum { CROPPED = 320, SHORT = 400 };
    json_t *crop = json_object_get(picture->about, "crop320");
    double grey = tolerance(picture, "uint8");

    read_sample(picture, 0);
    sample_flip(&picture->sample);
    compare_pixels(picture, "/flip.image.step3", 3, 1e-6); /* exactly */
    compare_objects(picture, "flip", false);

    read_sample(picture, 0);
    sample_resize_short(&picture->sample, SHORT);
    compare_pixels(picture, "/short400.image.step7", 7, grey);
    compare_objects(picture, "short400", false);

    read_sample(picture, 0);
    sample_crop(&picture->sample, (int)fixture_int(crop, "left"), (int)fixture_int(crop, "top"),
                (int)fixture_int(crop, "width"), (int)fixture_int(crop, "height"));
    sample_resize(&picture->sample, CROPPED, CROPPED);
    compare_pixels(picture, "/crop320.image.step3", 3, grey);
    compare_objects(picture, "crop320", false);
    sample_flip(&picture->sample);
    compare_normalised(picture, "/crop320_flip_normalised.image.step3", NULL);
    compare_objects(picture, "crop320_flip_normalised", true);
}

static bool check_picture(struct fixture *fixture, const char *name, json_t *about)
{
    struct picture picture = {.fixture = fixture, .name = name, .about = about, .ok = true};

    (void)printf("%s\n", name);
    files_make(&picture.files);
    write_set(&picture);
    picture.data = files_open_sound(&picture.files);
    check_eval(&picture, (int)fixture_int(fixture->meta, "size"));
    check_training_pieces(&picture);
    sample_free(&picture.sample);
    dataset_free(picture.data);
    files_remove(&picture.files);
    return picture.ok;
}

START_TEST(pixels_and_boxes_equal_the_references)
{
    struct fixture *fixture = fixture_open("preprocess", FIXTURE_TENSORS | FIXTURE_JSON);
    const char *name;
    json_t *about;
    bool ok = true;

    if (!fixture)
        return;
    json_object_foreach(json_object_get(fixture->doc, "pictures"), name, about)
    {
        if (strcmp(name, "multi_scale") != 0) /* not a picture */
            ok &= check_picture(fixture, name, about);
    }
    ck_assert(ok);
    fixture_close(fixture);
}
END_TEST

static void compare_sizes(const char *variant, json_t *want, bool expanded)
{
    const struct variant *v = variant_find(variant);
    struct multi_scale_sizes sizes = multi_scale_sizes(v->resolution, variant_block(v), expanded);

    ck_assert_uint_eq((size_t)sizes.count, json_array_size(want));
    for (int i = 0; i < sizes.count; i++)
        ck_assert_int_eq(sizes.size[i], json_integer_value(json_array_get(want, (size_t)i)));
}

START_TEST(multi_scale_draws_the_references_sizes)
{
    struct fixture *fixture = fixture_open("preprocess", FIXTURE_JSON);
    const struct variant *nano = variant_find("nano");
    json_t *about, *scales, *size;
    const char *variant;
    size_t step;

    if (!fixture)
        return;
    about = fixture_json(fixture->doc, "pictures.multi_scale");
    json_object_foreach(json_object_get(about, "scales"), variant, scales)
    {
        if (!variant_find(variant)) {
            fixture_skip(variant, "no such variant here");
            continue;
        }
        compare_sizes(variant, json_object_get(scales, "expanded"), true);
        compare_sizes(variant, json_object_get(scales, "plain"), false);
    }
    json_array_foreach(json_object_get(about, "nano_choice_by_step"), step, size)
    {
        struct multi_scale_sizes sizes = multi_scale_sizes(nano->resolution, variant_block(nano), true);

        ck_assert_int_eq(multi_scale_choose(&sizes, (int64_t)step), json_integer_value(size));
    }
    fixture_close(fixture);
}
END_TEST

TEST_MAIN("preprocess", TEST(pixels_and_boxes_equal_the_references) TEST(multi_scale_draws_the_references_sizes))
