/* tests/unit/test_data_layout.c: the layouts in which a data set may lie, and what is told where none, two or half of
 * one does. */
#include "base/arena.h"
#include "tests/unit/check_main.h"
#include "tests/unit/data_files.h"
#include "trainer/data/layout.h"
#include "trainer/data/loader.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))
#define ROBOFLOW                                                                                                       \
    "train/_annotations.coco.json with images in train/, valid/_annotations.coco.json with images in valid/, "         \
    "optional test/_annotations.coco.json with images in test/ (Roboflow's COCO layout)"
#define COCO_2017                                                                                                      \
    "annotations/instances_train2017.json with images in train2017/, annotations/instances_val2017.json with images "  \
    "in val2017/ (COCO 2017's layout)"
#define TRAIN_FILE "annotations/instances_train2017.json"
#define VALID_FILE "annotations/instances_val2017.json"

static struct data_files files;

static void make(void)
{
    files_make(&files);
}

static void removed(void)
{
    files_remove(&files);
}

/* Two images a split, with a box each, of the first and the last category. */
static void write_split(const char *annotations, const char *images, const char *categories, int first, int last)
{
    char *text = xasprintf("{\"images\": [{\"id\": 4, \"file_name\": \"a.png\", \"width\": 64, \"height\": 48}, "
                           "{\"id\": 5, \"file_name\": \"b.png\", \"width\": 64, \"height\": 48}], "
                           "\"categories\": [%s], \"annotations\": ["
                           "{\"id\": 1, \"image_id\": 4, \"category_id\": %d, \"bbox\": [4, 5, 20, 10]}, "
                           "{\"id\": 2, \"image_id\": 5, \"category_id\": %d, \"bbox\": [8, 9, 30, 20]}]}",
                           categories, first, last);
    char *a = xasprintf("%s/a.png", images), *b = xasprintf("%s/b.png", images);

    files_write_png(&files, a, 64, 48, 1);
    files_write_png(&files, b, 64, 48, 2);
    files_write_text(&files, annotations, text);
    free(a);
    free(b);
    free(text);
}

static void write_layout(const struct layout *layout, const char *categories, int first, int last)
{
    for (int split = SPLIT_TRAIN; split <= SPLIT_VALID; split++)
        write_split(layout->splits[split].annotations, layout->splits[split].images, categories, first, last);
}

static void remove_file(const char *name)
{
    char *path = files_path(&files, name);

    ck_assert_int_eq(unlink(path), 0);
    free(path);
}

/* COCO's ids, cut short: they start at 1 and have gaps. */
#define SPARSE                                                                                                         \
    "{\"id\": 1, \"name\": \"person\", \"supercategory\": \"person\"}, {\"id\": 90, \"name\": \"toothbrush\"}, "       \
    "{\"id\": 13, \"name\": \"stop sign\", \"supercategory\": \"outdoor\"}"

START_TEST(in_coco_2017s_layout_an_id_is_its_column_and_in_roboflows_the_position_is)
{
    static const struct {
        int num_classes, columns[3];
    } want[LAYOUT_COUNT] = {{3, {0, 1, 2}}, {90, {1, 13, 90}}}; /* K + 1 = 91 columns, as in rf-detr */
    static const char *const names[] = {"person", "stop sign", "toothbrush"};
    static const int ids[] = {1, 13, 90};
    struct dataset *data;

    write_layout(&layouts[_i], SPARSE, 1, 90);
    data = files_open_sound(&files);
    ck_assert_int_eq(data->class_count, 3);
    ck_assert_int_eq(data->num_classes, want[_i].num_classes);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(data->classes[i].id, ids[i]);
        ck_assert_str_eq(data->classes[i].name, names[i]);
        ck_assert_int_eq(data->classes[i].column, want[_i].columns[i]);
        ck_assert_int_eq(dataset_class_at(data, want[_i].columns[i]), i);
    }
    for (int column = -1; column < 93; column++) {
        int at = dataset_class_at(data, column);

        ck_assert(at == -1 || data->classes[at].column == column);
    }
    ck_assert_int_eq(data->splits[SPLIT_VALID].images[1].objects[0].label, 2);
    ck_assert_ptr_null(data->splits[SPLIT_TEST].folder);
    ck_assert_int_eq(files.warning_count, 0);
    dataset_free(data);
}
END_TEST

START_TEST(targets_hold_the_columns)
{
    struct loader_options options = {
        .split = SPLIT_VALID, .batch_size = 2, .size = 32, .grad_accum_steps = 1, .threads = 1, .prefetch = 1};
    struct batch batch = {0};
    struct err err = {0};
    struct loader *loader;
    struct dataset *data;

    write_layout(&layouts[1], SPARSE, 13, 90);
    data = files_open_sound(&files);
    options.data = data;
    loader = data_open(&options, &err);
    ck_assert_msg(loader, "%s", err.msg);
    data_rewind(loader, 1);
    ck_assert_msg(data_next(loader, &batch, &err), "%s", err.msg);
    ck_assert_int_eq(batch.count, 2);
    ck_assert_int_eq(batch.targets[0].labels[0], 13);
    ck_assert_int_eq(batch.targets[1].labels[0], 90);
    data_close(loader);
    dataset_free(data);
}
END_TEST

/* The grouping node has the greatest id, so that ids are positions too. */
START_TEST(the_same_images_in_both_layouts_are_the_same_data)
{
    static const char categories[] = "{\"id\": 0, \"name\": \"a\", \"supercategory\": \"all\"}, "
                                     "{\"id\": 1, \"name\": \"b\", \"supercategory\": \"all\"}, "
                                     "{\"id\": 2, \"name\": \"all\", \"supercategory\": \"none\"}";
    struct dataset *data[LAYOUT_COUNT];

    for (int i = 0; i < LAYOUT_COUNT; i++) {
        write_layout(&layouts[i], categories, 0, 1);
        data[i] = files_open_sound(&files);
        remove_file(layouts[i].splits[SPLIT_TRAIN].annotations);
        remove_file(layouts[i].splits[SPLIT_VALID].annotations);
    }
    ck_assert_int_eq(data[0]->class_count, 2);
    ck_assert_int_eq(data[1]->class_count, 2);
    ck_assert_int_eq(data[0]->num_classes, data[1]->num_classes);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(data[0]->classes[i].id, data[1]->classes[i].id);
        ck_assert_int_eq(data[0]->classes[i].column, data[1]->classes[i].column);
        ck_assert_str_eq(data[0]->classes[i].name, data[1]->classes[i].name);
    }
    for (int split = SPLIT_TRAIN; split <= SPLIT_VALID; split++)
        for (int i = 0; i < 2; i++) {
            const struct data_image *a = &data[0]->splits[split].images[i], *b = &data[1]->splits[split].images[i];

            ck_assert_str_eq(a->file, b->file);
            ck_assert_int_eq(a->id, b->id);
            ck_assert_int_eq(a->object_count, 1);
            ck_assert_mem_eq(a->objects->box, b->objects->box, sizeof(a->objects->box));
            ck_assert_int_eq(a->objects->label, b->objects->label);
        }
    dataset_free(data[0]);
    dataset_free(data[1]);
}
END_TEST

static const struct unfit {
    const char *id, *shown;
} unfits[] = {{"-1", "-1"}, {"10000", "10000"}, {"1e9", "1000000000"}};

START_TEST(an_id_that_cannot_be_a_column_is_told_with_the_way_out)
{
    char *categories = xasprintf("{\"id\": 3, \"name\": \"a\"}, {\"id\": %s, \"name\": \"b\"}", unfits[_i].id);
    char *message = xasprintf(TRAIN_FILE " /categories/1/id: %s is not from 0 to 9999, as it must be in COCO 2017's "
                                         "layout, where a category's id is its label; Roboflow's COCO layout takes any "
                                         "ids",
                              unfits[_i].shown);
    struct dataset *data;

    write_layout(&layouts[1], categories, 3, 3);
    files_check_fails(&files, message, "/categories/1/id");
    remove_file(TRAIN_FILE);
    remove_file(VALID_FILE);
    write_layout(&layouts[0], categories, 3, 3);
    data = files_open_sound(&files);
    ck_assert_int_eq(data->num_classes, 2);
    dataset_free(data);
    free(message);
    free(categories);
}
END_TEST

START_TEST(one_category_with_id_0_has_a_column)
{
    struct dataset *data;

    write_layout(&layouts[1], "{\"id\": 0, \"name\": \"a\"}", 0, 0);
    data = files_open_sound(&files);
    ck_assert_int_eq(data->num_classes, 1);
    ck_assert_int_eq(data->classes[0].column, 0);
    dataset_free(data);
}
END_TEST

START_TEST(messages_name_coco_2017s_files)
{
    write_layout(&layouts[1], SPARSE, 1, 7);
    files_check_fails(&files, TRAIN_FILE " /annotations/1/category_id: 7 is no class of the train split's categories",
                      "/annotations/1/category_id");
    write_layout(&layouts[1], SPARSE, 1, 90);
    remove_file("val2017/b.png");
    files_check_fails(&files, "image 'val2017/b.png': No such file or directory", "");
}
END_TEST

/* ---- none, two, or half of one ---- */

START_TEST(two_layouts_in_one_folder_are_refused)
{
    char *message = xasprintf("data set '%s' has two layouts: train/_annotations.coco.json (Roboflow's COCO layout) "
                              "and " VALID_FILE " (COCO 2017's layout); leave one of them",
                              files.dir);

    write_layout(&layouts[0], SPARSE, 1, 1);
    write_layout(&layouts[1], SPARSE, 1, 1);
    remove_file(TRAIN_FILE);
    files_check_fails(&files, message, "");
    free(message);
}
END_TEST

START_TEST(no_layout_says_what_either_expects)
{
    char *message =
        xasprintf("data set '%s' has no annotation file; expected is " ROBOFLOW "; or " COCO_2017, files.dir);

    files_check_fails(&files, message, "");
    free(message);
}
END_TEST

START_TEST(a_missing_split_says_what_its_layout_expects)
{
    static const char *const expected[LAYOUT_COUNT] = {ROBOFLOW, COCO_2017};

    for (int split = SPLIT_TRAIN; split <= SPLIT_VALID; split++) {
        const char *file = layouts[_i].splits[split].annotations;
        char *message = xasprintf("there is no %s split: '%s/%s': No such file or directory; expected is %s",
                                  split_name((enum split)split), files.dir, file, expected[_i]);

        write_layout(&layouts[_i], SPARSE, 1, 1);
        remove_file(file);
        files_check_fails(&files, message, "");
        free(message);
    }
}
END_TEST

START_TEST(what_is_no_folder_is_told)
{
    struct dataset_options options = {.dir = "/nonexistent/x"};
    struct err err = {0};

    ck_assert_ptr_null(dataset_open(&options, &err));
    ck_assert_int_eq(err.code, ERR_DATASET);
    ck_assert_str_eq(err.msg, "data set folder '/nonexistent/x': No such file or directory");
    options.dir = "/dev/null";
    ck_assert_ptr_null(dataset_open(&options, &err));
    ck_assert_str_eq(err.msg, "data set '/dev/null' is not a folder");
}
END_TEST

/* ---- annotation files that are none ---- */

START_TEST(an_annotation_file_that_is_a_pipe_or_a_folder_is_told_and_not_waited_for)
{
    const char *file = layouts[_i].splits[SPLIT_TRAIN].annotations;
    char *path = files_path(&files, file), *message = xasprintf("%s: is not a file", file);

    write_layout(&layouts[_i], SPARSE, 1, 1);
    remove_file(file);
    ck_assert_int_eq(mkfifo(path, 0644), 0);
    files_check_fails(&files, message, "");
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    files_check_fails(&files, message, "");
    free(message);
    free(path);
}
END_TEST

START_TEST(links_of_files_and_folders_may_lead_to_a_root_but_nowhere_else)
{
    static const char *const links[] = {TRAIN_FILE, "annotations", "train2017", "train2017/a.png"};
    static const char *const told[] = {TRAIN_FILE, TRAIN_FILE, "train2017/a.png", "train2017/a.png"};
    struct dataset_options options = {.dir = files.dir};
    struct data_files elsewhere;
    struct dataset *data;
    struct err err = {0};
    char *from = files_path(&files, links[_i]), *to, *refused, *message;

    files_make(&elsewhere);
    to = files_path(&elsewhere, "moved");
    refused = xasprintf("%s%s", to, _i == 1 ? strchr(TRAIN_FILE, '/') : _i == 2 ? "/a.png" : "");
    message = xasprintf("'%s' is refused: it is a link to '%s', outside of the data set", told[_i], refused);
    write_layout(&layouts[1], SPARSE, 1, 90);
    ck_assert_int_eq(rename(from, to), 0);
    ck_assert_int_eq(symlink(to, from), 0);
    files_check_fails(&files, message, "");
    options.roots = elsewhere.dir;
    data = dataset_open(&options, &err);
    ck_assert_msg(data, "%s", err.msg);
    dataset_free(data);
    ck_assert_int_eq(unlink(from), 0);
    ck_assert_int_eq(rename(to, from), 0);
    files_remove(&elsewhere);
    free(message);
    free(refused);
    free(to);
    free(from);
}
END_TEST

// clang-format off
TEST_MAIN("data_layout", tcase_add_checked_fixture(tcase, make, removed);
          TEST_LOOP(in_coco_2017s_layout_an_id_is_its_column_and_in_roboflows_the_position_is, LAYOUT_COUNT)
          TEST(targets_hold_the_columns)
          TEST(the_same_images_in_both_layouts_are_the_same_data)
          TEST_LOOP(an_id_that_cannot_be_a_column_is_told_with_the_way_out, COUNT(unfits))
          TEST(one_category_with_id_0_has_a_column)
          TEST(messages_name_coco_2017s_files)
          TEST(two_layouts_in_one_folder_are_refused)
          TEST(no_layout_says_what_either_expects)
          TEST_LOOP(a_missing_split_says_what_its_layout_expects, LAYOUT_COUNT)
          TEST(what_is_no_folder_is_told)
          TEST_LOOP(an_annotation_file_that_is_a_pipe_or_a_folder_is_told_and_not_waited_for, LAYOUT_COUNT)
          TEST_LOOP(links_of_files_and_folders_may_lead_to_a_root_but_nowhere_else, 4))
// clang-format on
