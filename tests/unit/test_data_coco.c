/* tests/unit/test_data_coco.c: what a data set may look like: what must train is read, with its warning; what must not
 * fails with its words. */
#include "base/arena.h"
#include "tests/unit/check_main.h"
#include "tests/unit/data_files.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))
#define BOX          "{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 20, 10]}"

static struct data_files files;

static void make(void)
{
    files_make(&files);
}

static void removed(void)
{
    files_remove(&files);
}

/* ---- annotations ---- */

static const struct sound {
    const char *annotation; /* of image 1, 64 × 48 px */
    float box[4], area;
    bool crowd;
} sounds[] = {
    {BOX, {4, 5, 24, 15}, 200, false},
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 20, 10], \"area\": 150.5, \"iscrowd\": 1}",
     {4, 5, 24, 15},
     150.5f,
     true},
    /* keys nobody needs, whatever is in them; an id of any type or none */
    {"{\"id\": {\"a\": [null, {\"b\": \"}]\\\"\"}]}, \"segmentation\": {\"counts\": \"a]b\", \"size\": [1, 2]}, "
     "\"score\": NaN, \"x\": 123456789012345678901234567890, \"y\": [[], {}], "
     "\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 20, 10]}",
     {4, 5, 24, 15},
     200,
     false},
    {"{\"id\": \"a\", \"segmentation\": null, \"area\": null, \"iscrowd\": null, "
     "\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 20, 10]}",
     {4, 5, 24, 15},
     200,
     false},
    {"{\"area\": 0, \"iscrowd\": 0, \"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 20, 10]}",
     {4, 5, 24, 15},
     200,
     false},
    /* clamped to the image; area is then that of what is left */
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": [-5, -7.5, 30.25, 40.5]}", {0, 0, 25.25f, 33}, 833.25f, false},
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": [60, 40, 100, 100]}", {60, 40, 64, 48}, 32, false},
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": [0, 0, 1e7, 1e7]}", {0, 0, 64, 48}, 3072, false},
    /* numbers as JSON allows them */
    {"{\"image_id\": 1.0, \"category_id\": 1e0, \"bbox\": [4e0, 0.5E+1, 2.0e1, 1000e-2]}", {4, 5, 24, 15}, 200, false},
    {"{\"image_id\": 10E-1, \"category_id\": 1.00, \"bbox\": [-0, 5, 20, 10]}", {0, 5, 20, 15}, 200, false},
};

START_TEST(what_must_train_is_read)
{
    const struct sound *row = &sounds[_i];
    char *text = xasprintf("[%s]", row->annotation);
    struct dataset *data;
    const struct data_object *object;

    files_write_set(&files, text);
    data = files_open_sound(&files);
    ck_assert_int_eq(data->splits[SPLIT_TRAIN].images[0].object_count, 1);
    object = data->splits[SPLIT_TRAIN].images[0].objects;
    for (int k = 0; k < 4; k++)
        ck_assert_float_eq_tol(object->box[k], row->box[k], 1e-5f);
    ck_assert_float_eq_tol(object->area, row->area, 1e-2f);
    ck_assert(object->crowd == row->crowd);
    ck_assert_int_eq(object->label, 0);
    ck_assert_int_eq(files.warning_count, 0);
    ck_assert_int_eq(data->splits[SPLIT_TRAIN].object_count, !row->crowd);
    ck_assert_int_eq(data->splits[SPLIT_TRAIN].crowd_count, row->crowd);
    dataset_free(data);
    free(text);
}
END_TEST

#define FILE_NAME "train/_annotations.coco.json"
static const struct fault {
    const char *annotation, *pointer, *message; /* the message behind file and pointer */
} faults[] = {
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 20]}", "/annotations/1/bbox",
     "[4, 5, 20] is not four finite numbers: x, y, width, height"},
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 20, 10, 3]}", "/annotations/1/bbox",
     "[4, 5, 20, 10, 3] is not four finite numbers: x, y, width, height"},
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, NaN, 20, 10]}", "/annotations/1/bbox",
     "[4, NaN, 20, 10] is not four finite numbers: x, y, width, height"},
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 1e999, 20, -Infinity]}", "/annotations/1/bbox",
     "[4, 1e999, 20, -Infinity] is not four finite numbers: x, y, width, height"},
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, \"5\", 20, 10]}", "/annotations/1/bbox",
     "[4, \"5\", 20, 10] is not four finite numbers: x, y, width, height"},
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": null}", "/annotations/1/bbox",
     "null is not four finite numbers: x, y, width, height"},
    {"{\"image_id\": 1, \"category_id\": 1}", "/annotations/1/bbox", "is missing"},
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 10000001, 10]}", "/annotations/1/bbox",
     "[4, 5, 10000001, 10] reaches beyond 10,000,000 pixels"},
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": [-2e7, 5, 10, 10]}", "/annotations/1/bbox",
     "[-2e7, 5, 10, 10] reaches beyond 10,000,000 pixels"},
    {"{\"image_id\": 99, \"category_id\": 1, \"bbox\": [4, 5, 20, 10]}", "/annotations/1/image_id",
     "99 is the id of no image"},
    {"{\"image_id\": 1, \"category_id\": 7, \"bbox\": [4, 5, 20, 10]}", "/annotations/1/category_id",
     "7 is no class of the train split's categories"},
    {"{\"image_id\": 1, \"category_id\": \"3\", \"bbox\": [4, 5, 20, 10]}", "/annotations/1/category_id",
     "\"3\" is text; write 3"},
    {"{\"image_id\": \"-12\", \"category_id\": 1, \"bbox\": [4, 5, 20, 10]}", "/annotations/1/image_id",
     "\"-12\" is text; write -12"},
    {"{\"image_id\": \"a\", \"category_id\": 1, \"bbox\": [4, 5, 20, 10]}", "/annotations/1/image_id",
     "\"a\" is text, not an integer"},
    {"{\"image_id\": 1.5, \"category_id\": 1, \"bbox\": [4, 5, 20, 10]}", "/annotations/1/image_id",
     "1.5 is not an integer"},
    {"{\"image_id\": null, \"category_id\": 1, \"bbox\": [4, 5, 20, 10]}", "/annotations/1/image_id",
     "null is not an integer"},
    {"{\"image_id\": [1], \"category_id\": 1, \"bbox\": [4, 5, 20, 10]}", "/annotations/1/image_id",
     "[1] is not an integer"},
    {"{\"image_id\": 123456789012345678901, \"category_id\": 1, \"bbox\": [4, 5, 20, 10]}", "/annotations/1/image_id",
     "123456789012345678901 is not an integer"},
    {"{\"category_id\": 1, \"bbox\": [4, 5, 20, 10]}", "/annotations/1/image_id", "is missing"},
    {"{\"image_id\": 1, \"bbox\": [4, 5, 20, 10]}", "/annotations/1/category_id", "is missing"},
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 20, 10], \"iscrowd\": \"no\"}", "/annotations/1/iscrowd",
     "\"no\" is neither 0 nor 1"},
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 20, 10], \"iscrowd\": NaN}", "/annotations/1/iscrowd",
     "NaN is neither 0 nor 1"},
    /* told in one line, however it is written */
    {"{\"image_id\": 1, \"category_id\": 1, \"bbox\": [\n  4,\r\n\t 5,\n  null,\n  10\n ]}", "/annotations/1/bbox",
     "[ 4, 5, null, 10 ] is not four finite numbers: x, y, width, height"},
    {"[1, 2]", "/annotations/1", "[1, 2] is not an object"},
};

START_TEST(what_must_fail_names_file_pointer_and_value)
{
    const struct fault *row = &faults[_i];
    char *text = xasprintf("[" BOX ", %s]", row->annotation);
    char *message = xasprintf(FILE_NAME " %s: %s", row->pointer, row->message);

    files_write_set(&files, text);
    files_check_fails(&files, message, row->pointer);
    free(message);
    free(text);
}
END_TEST

START_TEST(boxes_without_size_are_left_out_with_one_warning)
{
    struct dataset *data;

    files_write_set(&files, "[" BOX ", {\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 0, 10]}, "
                            "{\"image_id\": 1, \"category_id\": 1, \"bbox\": [4, 5, 10, -3]}, " BOX ", "
                            "{\"image_id\": 1, \"category_id\": 1, \"bbox\": [64, 5, 10, 10]}]");
    data = files_open_sound(&files);
    ck_assert_int_eq(data->splits[SPLIT_TRAIN].object_count, 2);
    ck_assert_int_eq(data->splits[SPLIT_TRAIN].images[0].object_count, 2);
    ck_assert_int_eq(files.warning_count, 1);
    ck_assert_str_eq(files.warnings[0].detail,
                     "3 box(es) without width or height, or outside of their image; they are left out");
    ck_assert_str_eq(files.warnings[0].file, FILE_NAME);
    ck_assert_str_eq(files.warnings[0].pointer, "/annotations/1/bbox");
    ck_assert_int_eq(files.warnings[0].count, 3);
    dataset_free(data);
}
END_TEST

/* ---- whole files ---- */

static const struct broken {
    const char *text, *pointer, *message; /* behind the file's name */
} broken[] = {
    {"", "", ": broken JSON at line 1, column 1: '{' expected"},
    {"[]", "", ": broken JSON at line 1, column 1: '{' expected"},
    {"{\"images\": [\n  {\"id\": 1,}\n]}", "", ": broken JSON at line 2, column 12: a key in quotes expected"},
    {"{\"images\": [\n\n  {\"id\" 1}\n]}", "", ": broken JSON at line 3, column 9: ':' expected"},
    {"{\"info\": {\"a\": tru}}", "", ": broken JSON at line 1, column 16: a value expected"},
    {"{\"info\": {\"a\": \"x\n\"}}", "", ": broken JSON at line 1, column 18: control character in a text"},
    {"{\"info\": {\"a\": \"x", "", ": broken JSON at line 1, column 18: the text does not end"},
    {"{\"info\": [1, 2", "", ": broken JSON at line 1, column 15: ',' or ']' expected"},
    {"{\"info\": {\"a\": 1", "", ": broken JSON at line 1, column 17: ',' or '}' expected"},
    {"{\"info\": 01}", "", ": broken JSON at line 1, column 11: ',' or '}' expected"},
    {"{\"info\": 1.}", "", ": broken JSON at line 1, column 10: a value expected"},
    {"{\"images\": [], \"categories\": [], \"annotations\": []} x", "",
     ": broken JSON at line 1, column 53: text behind the end"},
    {"{\"categories\": [], \"annotations\": []}", "", ": there is no 'images'"},
    {"{\"images\": [], \"annotations\": []}", "", ": there is no 'categories'"},
    {"{\"images\": [], \"categories\": []}", "", ": there is no 'annotations'"},
    {"{\"images\": [], \"images\": [], \"categories\": [], \"annotations\": []}", "", ": 'images' stands there twice"},
    {"{\"images\": {}, \"categories\": [], \"annotations\": []}", "",
     ": broken JSON at line 1, column 12: '[' expected"},
    {"{\"images\": [], \"categories\": [], \"annotations\": []}", "/categories", " /categories: there are none"},
    {"{\"images\": [], \"categories\": [{\"id\": 1, \"name\": \"a\"}], \"annotations\": []}", "/images",
     " /images: the split is empty"},
    {"{\"images\": [], \"categories\": [{\"id\": 1}], \"annotations\": []}", "/categories/0/name",
     " /categories/0/name: is missing"},
    {"{\"images\": [], \"categories\": [{\"id\": 1, \"name\": 7}], \"annotations\": []}", "/categories/0/name",
     " /categories/0/name: 7 is not a text"},
    {"{\"images\": [], \"categories\": [{\"id\": \"1\", \"name\": \"a\"}], \"annotations\": []}", "/categories/0/id",
     " /categories/0/id: \"1\" is text; write 1"},
    {"{\"images\": [], \"categories\": [{\"id\": 1, \"name\": \"a\"}, {\"id\": 1, \"name\": \"b\"}], "
     "\"annotations\": []}",
     "/categories/1/id", " /categories/1/id: 1 is the id of an earlier category"},
    {"{\"images\": [], \"categories\": [{\"id\": 1, \"name\": \"\xff\"}], \"annotations\": []}", "",
     ": broken JSON at line 1, column 50: text is not UTF-8"},
    {"{\"images\": [], \"categories\": [{\"id\": 1, \"name\": \"\\q\"}], \"annotations\": []}", "",
     ": broken JSON at line 1, column 51: an escape that stands for no character"},
    {"{\"images\": [], \"categories\": [{\"id\": 1, \"name\": \"\\ud800\"}], \"annotations\": []}", "",
     ": broken JSON at line 1, column 56: an escape that stands for no character"},
    {"{\"images\": [], \"categories\": [{\"id\": 1, \"name\": \"\\u0000\"}], \"annotations\": []}", "",
     ": broken JSON at line 1, column 51: an escape that stands for no character"},
    {"{\"info\": 1", "", ": broken JSON at line 1, column 11: ',' or '}' expected"},
    {"\xff\xfe{", "", ": broken JSON at line 1, column 1: '{' expected"},
    {"{\"images\": [], \"categories\": [], \"annotations\": null}", "",
     ": broken JSON at line 1, column 49: '[' expected"},
    {"{\"images\": [{\"id\": 1, \"file_name\": \"a.png\"}, {\"id\": 2, \"file_name\": \"a.png\"}, "
     "{\"id\": 1, \"file_name\": \"a.png\"}], \"categories\": [{\"id\": 1, \"name\": \"a\"}], \"annotations\": []}",
     "/images/2/id", " /images/2/id: 1 is the id of an earlier image"},
    {"{\"images\": [{\"file_name\": \"a.png\"}], \"categories\": [{\"id\": 1, \"name\": \"a\"}], \"annotations\": []}",
     "/images/0/id", " /images/0/id: is missing"},
    {"{\"images\": [{\"id\": 1}], \"categories\": [{\"id\": 1, \"name\": \"a\"}], \"annotations\": []}",
     "/images/0/file_name", " /images/0/file_name: is missing"},
};

START_TEST(a_broken_file_is_told_with_its_place)
{
    char *message = xasprintf(FILE_NAME "%s", broken[_i].message);

    files_write_set(&files, "[]");
    files_write_text(&files, FILE_NAME, broken[_i].text);
    files_check_fails(&files, message, broken[_i].pointer);
    free(message);
}
END_TEST

START_TEST(json_that_nests_without_end_is_refused)
{
    char *text = xmalloc(200000);

    memset(text, '[', 199999);
    memcpy(text, "{\"info\":", 8);
    text[199999] = '\0';
    files_write_set(&files, "[]");
    files_write_text(&files, FILE_NAME, text);
    files_check_fails(&files, FILE_NAME ": broken JSON at line 1, column 137: nested too deeply", "");
    free(text);
}
END_TEST

START_TEST(byte_order_mark_crlf_and_escapes_are_read)
{
    struct dataset *data;

    files_write_set(&files, "[]");
    files_write_png(&files, "train/ä b%20c/ü.png", 8, 8, 1);
    files_write_text(
        &files, FILE_NAME,
        "\xef\xbb\xbf{\r\n\"images\": [{\"id\": 1, \"file_name\": \"\\u00e4 b%20c\\/ü.png\", "
        "\"width\": 8, \"height\": 8}],\r\n"
        "\"categories\": [{\"id\": 1, \"name\": \"\\ud83d\\ude00 \\\"\\t\"}],\r\n\"annotations\": []}\r\n");
    data = files_open_sound(&files);
    ck_assert_str_eq(data->splits[SPLIT_TRAIN].images[0].file, "ä b%20c/ü.png");
    ck_assert_str_eq(data->classes[0].name, "😀 \"\t");
    ck_assert_int_eq(files.warning_count, 0);
    dataset_free(data);
}
END_TEST

/* ---- classes ---- */

static const struct mapping {
    const char *categories, *annotations;
    const char *classes; /* "id name," for each, in order */
} mappings[] = {
    /* Roboflow's root goes, ids from 0 */
    {"{\"id\": 0, \"name\": \"cells\", \"supercategory\": \"none\"}, "
     "{\"id\": 1, \"name\": \"b\", \"supercategory\": \"cells\"}, "
     "{\"id\": 2, \"name\": \"a\", \"supercategory\": \"cells\"}",
     "", "1 b,2 a,"},
    /* but not with an annotation */
    {"{\"id\": 0, \"name\": \"cells\"}, {\"id\": 1, \"name\": \"b\", \"supercategory\": \"cells\"}",
     "{\"image_id\": 1, \"category_id\": 0, \"bbox\": [1, 1, 2, 2]}", "0 cells,1 b,"},
    /* sparse, in any order */
    {"{\"id\": 90, \"name\": \"z\"}, {\"id\": -3, \"name\": \"x\"}, {\"id\": 13, \"name\": \"y\"}", "",
     "-3 x,13 y,90 z,"},
    /* COCO's own: a name as its own supercategory is no group */
    {"{\"id\": 1, \"name\": \"person\", \"supercategory\": \"person\"}, "
     "{\"id\": 2, \"name\": \"vehicle\", \"supercategory\": \"none\"}, "
     "{\"id\": 3, \"name\": \"car\", \"supercategory\": \"vehicle\"}",
     "", "1 person,3 car,"},
    /* placeholders are no names */
    {"{\"id\": 1, \"name\": \"none\", \"supercategory\": null}, "
     "{\"id\": 2, \"name\": \"a\", \"supercategory\": \"none\"}, {\"id\": 3, \"name\": \"b\", \"supercategory\": \"\"}",
     "", "1 none,2 a,3 b,"},
    /* if all would go, all stay */
    {"{\"id\": 1, \"name\": \"a\", \"supercategory\": \"b\"}, {\"id\": 2, \"name\": \"b\", \"supercategory\": \"a\"}",
     "", "1 a,2 b,"},
};

START_TEST(categories_become_classes)
{
    char *text = xasprintf("{\"images\": [{\"id\": 1, \"file_name\": \"a.png\", \"width\": 64, \"height\": 48}], "
                           "\"categories\": [%s], \"annotations\": [%s]}",
                           mappings[_i].categories, mappings[_i].annotations);
    char *got = xstrdup(""), *longer;
    struct dataset *data;

    files_write_set(&files, "[]");
    files_write_text(&files, FILE_NAME, text);
    data = files_open_sound(&files);
    for (int i = 0; i < data->class_count; i++, free(got), got = longer)
        longer = xasprintf("%s%d %s,", got, (int)data->classes[i].id, data->classes[i].name);
    ck_assert_str_eq(got, mappings[_i].classes);
    dataset_free(data);
    free(got);
    free(text);
}
END_TEST

START_TEST(classes_of_one_name_are_warned_of)
{
    struct dataset *data;

    files_write_set(&files, "[]");
    files_write_text(
        &files, FILE_NAME,
        "{\"images\": [{\"id\": 1, \"file_name\": \"a.png\", \"width\": 64, \"height\": 48}], "
        "\"categories\": [{\"id\": 3, \"name\": \"b\"}, {\"id\": 1, \"name\": \"a\"}, {\"id\": 2, \"name\": "
        "\"b\"}, {\"id\": 4, \"name\": \"b\"}], \"annotations\": []}");
    data = files_open_sound(&files);
    ck_assert_int_eq(data->class_count, 4);
    ck_assert_int_eq(files.warning_count, 1);
    ck_assert_str_eq(files.warnings[0].detail,
                     "2 category(s) with the name of another one: their figures stand under one name");
    ck_assert(strncmp(files.warnings[0].pointer, "/categories/", 12) == 0);
    ck_assert(strstr(files.warnings[0].pointer, "/name") && !strstr(files.warnings[0].pointer, "/1/"));
    dataset_free(data);
}
END_TEST

START_TEST(the_valid_split_uses_the_train_splits_classes)
{
    static const char valid[] = "{\"images\": [{\"id\": 1, \"file_name\": \"a.png\", \"width\": 64, \"height\": 48}],"
                                "\"categories\": [{\"id\": 2, \"name\": \"other\"}], \"annotations\": ["
                                "{\"image_id\": 1, \"category_id\": %d, \"bbox\": [1, 1, 2, 2]}]}";
    char *known = xasprintf(valid, 1), *unknown = xasprintf(valid, 2);
    struct dataset *data;

    files_write_set(&files, "[]");
    files_write_text(&files, "valid/_annotations.coco.json", known);
    data = files_open_sound(&files);
    ck_assert_int_eq(data->splits[SPLIT_VALID].images[0].objects[0].label, 0);
    dataset_free(data);
    files_write_text(&files, "valid/_annotations.coco.json", unknown);
    files_check_fails(
        &files,
        "valid/_annotations.coco.json /annotations/0/category_id: 2 is no class of the train split's categories",
        "/annotations/0/category_id");
    free(known);
    free(unknown);
}
END_TEST

/* ---- images and splits ---- */

static void write_image_name(const char *name)
{
    char *text = xasprintf("{\"images\": [{\"id\": 1, \"file_name\": \"%s\", \"width\": 64, \"height\": 48}], "
                           "\"categories\": [{\"id\": 1, \"name\": \"thing\"}], \"annotations\": []}",
                           name);

    files_write_set(&files, "[]");
    files_write_text(&files, FILE_NAME, text);
    free(text);
}

static const struct refused {
    const char *name, *message;
} refused[] = {
    {"/etc/passwd", "'train//etc/passwd' is refused: a file_name must lead to below its split's folder"},
    {"../valid/a.png", "'train/../valid/a.png' is refused: a file_name must lead to below its split's folder"},
    {"b/../a.png", "'train/b/../a.png' is refused: a file_name must lead to below its split's folder"},
    {"b/..", "'train/b/..' is refused: a file_name must lead to below its split's folder"},
    {"", "'train/' is refused: a file_name must lead to below its split's folder"},
    {"none.png", "image 'train/none.png': No such file or directory"},
    {"folder", "image 'train/folder': is not a file"},
    {"pipe", "image 'train/pipe': is not a file"},
    {"empty.jpg", "image 'train/empty.jpg': the file is empty"},
    {"text.png", "image 'train/text.png': neither JPEG nor PNG"},
    {"one\\ntwo.png", "image 'train/one two.png': No such file or directory"},
    {"loop.png", "image 'train/loop.png': Too many levels of symbolic links"},
};

START_TEST(an_image_that_may_not_or_cannot_be_read_is_named)
{
    char *folder = files_path(&files, "train/folder"), *pipe = files_path(&files, "train/pipe");
    char *loop = files_path(&files, "train/loop.png");

    ck_assert_int_eq(mkdir(folder, 0755), 0);
    ck_assert_int_eq(mkfifo(pipe, 0644), 0);
    ck_assert_int_eq(symlink("loop.png", loop), 0);
    files_write_text(&files, "train/empty.jpg", "");
    files_write_text(&files, "train/text.png", "hello");
    write_image_name(refused[_i].name);
    files_check_fails(&files, refused[_i].message, "");
    free(folder);
    free(pipe);
    free(loop);
}
END_TEST

/* Headers are read by several threads at once. */
START_TEST(of_many_images_that_cannot_be_read_the_first_is_named)
{
    enum { IMAGES = 700, FIRST = 333, STEP = 61 };
    char *text = xstrdup("{\"images\": [");

    for (int i = 0; i < IMAGES; i++) {
        bool missing = i >= FIRST && (i - FIRST) % STEP == 0;
        char *more = xasprintf("%s%s{\"id\": %d, \"file_name\": \"%s%.*d.png\"}", text, i ? ", " : "", i,
                               missing ? "none" : "a", missing ? 3 : 0, missing ? i : 0);

        free(text);
        text = more;
    }
    files_write_set(&files, "[]");
    text = xrealloc(text, strlen(text) + 100);
    strcat(text, "], \"categories\": [{\"id\": 1, \"name\": \"a\"}], \"annotations\": []}");
    files_write_text(&files, FILE_NAME, text);
    for (int i = 0; i < 20; i++)
        files_check_fails(&files, "image 'train/none333.png': No such file or directory", "");
    free(text);
}
END_TEST

START_TEST(a_name_too_long_is_cut_between_characters)
{
    char *name = xmalloc(6002), message[256] = "image 'a";

    *name = 'a';
    for (int i = 0; i < 3000; i++)
        memcpy(name + 1 + 2 * i, "ü", 3);
    write_image_name(name);
    for (int i = 0; i < 99; i++)
        strcat(message, "ü");
    strcat(message, "?…': the path is too long");
    files_check_fails(&files, message, "");
    free(name);
}
END_TEST

START_TEST(names_with_dots_in_them_are_names)
{
    files_write_png(&files, "train/..a/b...png", 64, 48, 0);
    write_image_name("..a/b...png");
    dataset_free(files_open_sound(&files));
}
END_TEST

START_TEST(a_link_may_lead_to_a_root_but_nowhere_else)
{
    struct data_files elsewhere;
    struct dataset_options options = {.dir = files.dir};
    struct dataset *data;
    struct err err = {0};
    char *target, *link = files_path(&files, "train/l.png"), *message;

    files_make(&elsewhere);
    files_write_png(&elsewhere, "x.png", 64, 48, 0);
    target = files_path(&elsewhere, "x.png");
    ck_assert_int_eq(symlink(target, link), 0);
    write_image_name("l.png");
    message = xasprintf("'train/l.png' is refused: it is a link to '%s', outside of the data set", target);
    files_check_fails(&files, message, "");

    options.roots = elsewhere.dir;
    data = dataset_open(&options, &err);
    ck_assert_msg(data, "%s", err.msg);
    dataset_free(data);

    ck_assert_int_eq(unlink(link), 0);
    ck_assert_int_eq(symlink("../valid/a.png", link), 0); /* stays in the data set */
    dataset_free(files_open_sound(&files));
    files_remove(&elsewhere);
    free(message);
    free(target);
    free(link);
}
END_TEST

START_TEST(the_files_own_size_counts)
{
    struct dataset *data;

    files_write_set(&files, "[]");
    files_write_text(&files, FILE_NAME,
                     "{\"images\": [{\"id\": 5, \"file_name\": \"a.png\", \"width\": 64, \"height\": 48}, "
                     "{\"id\": 6, \"file_name\": \"a.png\", \"width\": 48, \"height\": 64}, "
                     "{\"id\": 7, \"file_name\": \"a.png\"}, "
                     "{\"id\": 8, \"file_name\": \"a.png\", \"width\": \"64\", \"height\": 48.0}], "
                     "\"categories\": [{\"id\": 1, \"name\": \"a\"}], \"annotations\": ["
                     "{\"image_id\": 6, \"category_id\": 1, \"bbox\": [50, 10, 100, 100]}]}");
    data = files_open_sound(&files);
    ck_assert_int_eq(data->splits[SPLIT_TRAIN].images[1].width, 64);
    ck_assert_int_eq(data->splits[SPLIT_TRAIN].images[1].height, 48);
    ck_assert_float_eq(data->splits[SPLIT_TRAIN].images[1].objects[0].box[2], 64);
    ck_assert_float_eq(data->splits[SPLIT_TRAIN].images[1].objects[0].box[3], 48);
    ck_assert_int_eq(data->splits[SPLIT_TRAIN].images[0].object_count, 0); /* a background image */
    ck_assert_int_eq(files.warning_count, 1);
    ck_assert_str_eq(files.warnings[0].detail,
                     "3 image(s) without width and height, or with others than the file has; the file counts");
    ck_assert_str_eq(files.warnings[0].pointer, "/images/1");
    ck_assert_int_eq(files.warnings[0].count, 3);
    dataset_free(data);
}
END_TEST

START_TEST(two_thousand_boxes_in_one_image_are_read)
{
    char *text = xstrdup("[" BOX);
    struct dataset *data;

    text = xrealloc(text, 2000 * (sizeof(BOX) + 2) + 8);
    for (int i = 1; i < 2000; i++)
        strcat(text, "," BOX);
    strcat(text, "]");
    files_write_set(&files, text);
    data = files_open_sound(&files);
    ck_assert_int_eq(data->splits[SPLIT_TRAIN].images[0].object_count, 2000);
    dataset_free(data);
    free(text);
}
END_TEST

// clang-format off
TEST_MAIN("data_coco",
    tcase_add_checked_fixture(tcase, make, removed);
    TEST_LOOP(what_must_train_is_read, COUNT(sounds))
    TEST_LOOP(what_must_fail_names_file_pointer_and_value, COUNT(faults))
    TEST(boxes_without_size_are_left_out_with_one_warning)
    TEST_LOOP(a_broken_file_is_told_with_its_place, COUNT(broken))
    TEST(json_that_nests_without_end_is_refused)
    TEST(byte_order_mark_crlf_and_escapes_are_read)
    TEST_LOOP(categories_become_classes, COUNT(mappings))
    TEST(the_valid_split_uses_the_train_splits_classes)
    TEST_LOOP(an_image_that_may_not_or_cannot_be_read_is_named, COUNT(refused))
    TEST(of_many_images_that_cannot_be_read_the_first_is_named)
    TEST(a_name_too_long_is_cut_between_characters)
    TEST(names_with_dots_in_them_are_names)
    TEST(a_link_may_lead_to_a_root_but_nowhere_else)
    TEST(the_files_own_size_counts)
    TEST(classes_of_one_name_are_warned_of)
    TEST(two_thousand_boxes_in_one_image_are_read))
// clang-format on
