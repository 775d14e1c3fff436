/* tests/unit/test_data_shapes.c: the generated data set as files, and the report on a data set. */
#include "base/arena.h"
#include "base/file.h"
#include "tests/unit/check_main.h"
#include "tests/unit/data_files.h"
#include "trainer/data/check.h"
#include "trainer/data/shapes.h"
#include "trainer/data/transforms.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct data_files files;

static void make(void)
{
    files_make(&files);
}

static void removed(void)
{
    files_remove(&files);
}

static void write_shapes(const char *dir, int train, int valid, int test)
{
    const int counts[SPLIT_COUNT] = {train, valid, test};
    struct err err = {0};

    ck_assert_msg(shapes_write(dir, counts, &err), "%s", err.msg);
}

static void check_image(struct sample *sample, const struct data_split *split, int64_t index)
{
    struct shapes_image *want = xmalloc(sizeof(*want));
    struct err err = {0};

    shapes_make(SPLIT_VALID, index, want);
    ck_assert_msg(sample_read(sample, split, index, true, 0, &err), "%s", err.msg);
    ck_assert_int_eq(sample->image.width, SHAPES_SIDE);
    ck_assert_int_eq(sample->image.height, SHAPES_SIDE);
    ck_assert_mem_eq(sample->image.pixels, want->pixels, SHAPES_BYTES);
    ck_assert_int_eq(sample->count, want->count);
    for (int i = 0; i < want->count; i++) {
        const struct shapes_object *o = &want->objects[i];

        ck_assert_int_eq(sample->objects[i].label, o->kind);
        ck_assert_float_eq(sample->objects[i].box[0], (float)o->x);
        ck_assert_float_eq(sample->objects[i].box[1], (float)o->y);
        ck_assert_float_eq(sample->objects[i].box[2], (float)(o->x + o->width));
        ck_assert_float_eq(sample->objects[i].box[3], (float)(o->y + o->height));
        ck_assert_float_eq(sample->objects[i].area, (float)(o->width * o->height));
    }
    free(want);
}

START_TEST(shapes_are_written_and_read_back)
{
    char *dir = files_path(&files, "set/");
    struct dataset_options options = {.dir = dir, .test = true};
    struct sample sample = {0};
    struct err err = {0};
    struct dataset *data;
    struct stat st;

    (void)umask(022);
    write_shapes(dir, 3, 6, 0);
    ck_assert_int_eq(stat(dir, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0755);
    data = dataset_open(&options, &err);
    ck_assert_msg(data, "%s", err.msg);
    ck_assert_int_eq(data->class_count, 3);
    ck_assert_str_eq(data->classes[0].name, "circle");
    ck_assert_int_eq(data->classes[2].id, 3);
    ck_assert_int_eq(data->splits[SPLIT_TRAIN].image_count, 3);
    ck_assert_int_eq(data->splits[SPLIT_VALID].image_count, 6);
    ck_assert_ptr_null(data->splits[SPLIT_TEST].folder);
    ck_assert_str_eq(data->splits[SPLIT_VALID].images[5].file, "00005.png");
    ck_assert_int_eq(data->splits[SPLIT_VALID].images[5].id, 5);
    for (int64_t i = 0; i < 6; i++)
        check_image(&sample, &data->splits[SPLIT_VALID], i);
    sample_free(&sample);
    dataset_free(data);
    free(dir);
}
END_TEST

START_TEST(the_annotation_file_is_roboflows_form)
{
    char *dir = files_path(&files, "set"), *path = files_path(&files, "set/test/_annotations.coco.json");
    json_t *doc;

    write_shapes(dir, 1, 1, 2);
    doc = json_load_file(path, 0, NULL);
    ck_assert_ptr_nonnull(doc);
    ck_assert_str_eq(json_string_value(json_object_get(json_object_get(doc, "info"), "recipe")), "shapes-1");
    ck_assert_str_eq(json_string_value(json_object_get(json_object_get(doc, "info"), "split")), "test");
    ck_assert_uint_eq(json_array_size(json_object_get(doc, "categories")), 4);
    ck_assert_uint_eq(json_array_size(json_object_get(doc, "images")), 2);
    ck_assert_uint_eq(json_array_size(json_object_get(doc, "annotations")), 5);
    json_decref(doc);
    free(path);
    free(dir);
}
END_TEST

static int entries(const char *dir)
{
    struct dirent **found;
    int count = scandir(dir, &found, NULL, NULL);

    for (int i = 0; i < count; i++)
        free(found[i]);
    free(found);
    return count - 2; /* . and .. */
}

START_TEST(a_folder_with_something_in_it_stays_as_it_is)
{
    const int counts[SPLIT_COUNT] = {1, 1, 1};
    char *dir = files_path(&files, "set"), *file = files_path(&files, "set/mine"), *message;
    struct err err = {0};

    files_write_text(&files, "set/mine", "x");
    ck_assert(!shapes_write(dir, counts, &err));
    message = xasprintf("'%s' exists and is not an empty folder", dir);
    ck_assert_str_eq(err.msg, message);
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    ck_assert(!shapes_write(file, counts, &err));
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    ck_assert_int_eq(entries(dir), 1);
    ck_assert_int_eq(entries(files.dir), 3); /* nothing half made: set, train, valid */
    ck_assert_int_eq(unlink(file), 0);
    write_shapes(dir, 1, 1, 1); /* empty now */
    ck_assert_int_eq(entries(dir), 3);
    ck_assert(!shapes_write("/nonexistent/set", counts, &err));
    ck_assert_str_eq(err.msg, "make a folder beside '/nonexistent/set': No such file or directory");
    free(message);
    free(file);
    free(dir);
}
END_TEST

/* ---- the report ---- */

/* What check_dataset writes; free it. */
static char *report_of(enum check_form form)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct err err = {0};

    ck_assert_ptr_nonnull(out);
    ck_assert_msg(check_dataset(files.dir, NULL, form, out, &err), "%s", err.msg);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

#define BOX "{\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 20, 10]}"

START_TEST(a_report_counts_what_is_there_and_what_was_put_right)
{
    char *text;
    json_t *report, *train, *warning;

    files_write_set(&files, "[" BOX ", " BOX ", {\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 0, 10]}, "
                            "{\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 2, 10], \"iscrowd\": 1}]");
    text = report_of(CHECK_BRIEF);
    report = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(report);
    train = json_object_get(report, "train");
    ck_assert_int_eq(json_integer_value(json_object_get(train, "images")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(train, "boxes")), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(train, "crowds")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(train, "background_images")), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(report, "valid"), "background_images")), 1);
    ck_assert_ptr_null(json_object_get(report, "test"));
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(json_object_get(report, "classes"), 0), "name")),
                     "thing");
    ck_assert_str_eq(json_string_value(json_object_get(report, "pixels")), "not decoded");
    warning = json_array_get(json_object_get(report, "warnings"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(warning, "pointer")), "/annotations/2/bbox");
    ck_assert_int_eq(json_integer_value(json_object_get(warning, "count")), 1);
    json_decref(report);
    free(text);

    text = report_of(CHECK_WHOLE);
    ck_assert_str_eq(text, "train: 1 images, 0 of them without a box; 2 boxes and 1 crowds\n"
                           "valid: 1 images, 1 of them without a box; 0 boxes and 0 crowds\n"
                           "pixels decoded\n"
                           "1 classes:\n"
                           "  0 thing (id 1): 2 boxes in train, 0 in valid\n"
                           "warning: 1 box(es) without width or height, or outside of their image; they are left out "
                           "(train/_annotations.coco.json, first at /annotations/2/bbox)\n");
    free(text);
}
END_TEST

START_TEST(a_whole_report_finds_images_whose_end_is_missing_and_a_brief_one_says_it_did_not_look)
{
    char *path = files_path(&files, "valid/a.png"), *text;
    struct err err = {0};

    files_write_set(&files, "[]");
    ck_assert_int_eq(truncate(path, 100), 0); /* the header is whole */
    ck_assert(!check_dataset(files.dir, NULL, CHECK_WHOLE, stdout, &err));
    ck_assert_int_eq(err.code, ERR_DATASET);
    ck_assert_str_eq(err.msg, "image 'valid/a.png': the file is truncated");
    text = report_of(CHECK_BRIEF);
    ck_assert_ptr_nonnull(strstr(text, "\"pixels\":\"not decoded\""));
    free(text);
    ck_assert_int_eq(truncate(path, 20), 0);
    ck_assert(!check_dataset(files.dir, NULL, CHECK_BRIEF, stdout, &err));
    ck_assert_str_eq(err.msg, "image 'valid/a.png': the file is truncated");
    free(path);
}
END_TEST

/* Real photographs, where they lie beside the source. */
START_TEST(the_blood_cells_are_sound)
{
    const char *source = getenv("SOURCE_DIR");
    char *dir = xasprintf("%s/../shared/data/bccd", source ? source : ".");
    struct err err = {0};
    FILE *out;

    if (access(dir, F_OK) == 0) {
        out = fopen("/dev/null", "w");
        ck_assert_msg(check_dataset(dir, NULL, CHECK_WHOLE, out, &err), "%s", err.msg);
        ck_assert_int_eq(fclose(out), 0);
    } else {
        (void)printf("skip: no data set in %s\n", dir);
        (void)fflush(stdout);
    }
    free(dir);
}
END_TEST

TEST_MAIN("data_shapes", tcase_add_checked_fixture(tcase, make, removed); TEST(shapes_are_written_and_read_back)
              TEST(the_annotation_file_is_roboflows_form) TEST(a_folder_with_something_in_it_stays_as_it_is)
                  TEST(a_report_counts_what_is_there_and_what_was_put_right)
                      TEST(a_whole_report_finds_images_whose_end_is_missing_and_a_brief_one_says_it_did_not_look)
                          TEST(the_blood_cells_are_sound))
