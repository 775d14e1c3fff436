/* tests/parity/test_cocoeval.c: average precision and recall equal pycocotools' on every case of cocoeval/. */
#include "tests/parity/compare.h"
#include "tests/parity/fixture.h"
#include "tests/unit/check_main.h"
#include "trainer/metrics/coco_eval.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

/* The cases of the README; a directory may hold more. */
static const char *const expected_files[] = {"random",          "crowd_ignore", "empty_images",  "ties",
                                             "many_detections", "area_limits",  "no_detections", "class_without_truth"};

// clang-format off
/* How the files name the twelve figures; "ar_" is followed by a limit. */
static const char *const figure_names[COCO_FIGURE_COUNT] = {
    "ap",       "ap50",      "ap75",
    "ap_small", "ap_medium", "ap_large",
    "ar_",      "ar_",       "ar_",
    "ar_small", "ar_medium", "ar_large",
};
// clang-format on
static const struct {
    const char *name;
    enum coco_figure figure;
} class_names[] = {{"ap", COCO_AP}, {"ap50", COCO_AP50}, {"ap75", COCO_AP75}, {"ar", COCO_AR}};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void read_box(json_t *row, double box[4])
{
    for (size_t i = 0; i < 4; i++)
        box[i] = json_number_value(json_array_get(fixture_json(row, "bbox"), i));
}

static int class_of(json_t *categories, json_t *row)
{
    int64_t id = fixture_int(row, "category_id");

    for (size_t i = 0; i < json_array_size(categories); i++)
        if (fixture_int(json_array_get(categories, i), "id") == id)
            return (int)i;
    ck_abort_msg("category %lld is not in the file", (long long)id);
}

static struct coco_eval *fill_eval(json_t *doc, json_t *categories)
{
    struct coco_eval *eval = coco_eval_new((int)json_array_size(categories));
    double box[4];
    json_t *row;
    size_t i;

    json_array_foreach(fixture_json(doc, "ground_truth.annotations"), i, row)
    {
        read_box(row, box);
        coco_eval_add_truth(eval, fixture_int(row, "image_id"), class_of(categories, row), box,
                            fixture_real(row, "area"), fixture_int(row, "iscrowd") != 0);
    }
    json_array_foreach(fixture_json(doc, "detections"), i, row)
    {
        read_box(row, box);
        coco_eval_add_detection(eval, fixture_int(row, "image_id"), class_of(categories, row),
                                fixture_real(row, "score"), box);
    }
    return eval;
}

/* The twelve figures in pycocotools' order, from its list or, without one, from their names. */
static void read_figures(json_t *want, const int limits[3], double to[COCO_FIGURE_COUNT])
{
    json_t *stats = json_object_get(want, "stats");

    ck_assert(!stats || json_array_size(stats) == COCO_FIGURE_COUNT);
    for (size_t i = 0; i < COCO_FIGURE_COUNT; i++) {
        char name[32];

        if (i >= COCO_AR_LOW && i <= COCO_AR)
            (void)snprintf(name, sizeof name, "%s%d", figure_names[i], limits[i - COCO_AR_LOW]);
        else
            (void)snprintf(name, sizeof name, "%s", figure_names[i]);
        to[i] = stats ? json_number_value(json_array_get(stats, i)) : fixture_real(want, name);
    }
}

static bool compare_classes(const char *what, const struct coco_figures *classes, json_t *categories, json_t *want,
                            double tolerance)
{
    size_t count = json_array_size(categories);
    double(*pairs)[COUNT(class_names)] = calloc(2 * count + 1, sizeof *pairs);
    bool ok;

    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < COUNT(class_names); i++) {
            char path[64];

            (void)snprintf(path, sizeof path, "per_class.%lld.%s",
                           (long long)fixture_int(json_array_get(categories, k), "id"), class_names[i].name);
            pairs[k][i] = classes[k].value[class_names[i].figure];
            pairs[count + k][i] = fixture_real(want, path);
        }
    ok = compare_doubles(what, pairs[0], pairs[count], count * COUNT(class_names), tolerance);
    free(pairs);
    return ok;
}

static bool compare_case(const char *name, json_t *doc)
{
    json_t *categories = fixture_json(doc, "ground_truth.categories"), *want;
    struct coco_eval *eval = fill_eval(doc, categories);
    struct coco_figures all, *classes = calloc(json_array_size(categories) + 1, sizeof *classes);
    double figures[COCO_FIGURE_COUNT], tolerance = fixture_real(doc, "tolerance_abs");
    int limits[3], runs = 0;
    const char *key;
    bool ok = true;

    json_object_foreach(fixture_json(doc, "expected"), key, want)
    {
        char what[128];

        (void)snprintf(what, sizeof what, "%s %s", name, key);
        if (sscanf(key, "max_dets_%d_%d_%d", &limits[0], &limits[1], &limits[2]) != 3) {
            fixture_skip(what, "not built yet");
            continue;
        }
        coco_eval_run(eval, limits, &all, classes);
        read_figures(want, limits, figures);
        ok &= compare_doubles(what, all.value, figures, COCO_FIGURE_COUNT, tolerance);
        ok &= compare_classes(what, classes, categories, want, tolerance);
        runs++;
    }
    ck_assert_int_ge(runs, 1);
    free(classes);
    coco_eval_free(eval);
    return ok;
}

START_TEST(figures_equal_pycocotools)
{
    char *directory = fixture_path("cocoeval"), pattern[4096];
    bool ok = true;
    glob_t files;

    if (!directory)
        return;
    (void)snprintf(pattern, sizeof pattern, "%s/*.json", directory);
    ck_assert_int_eq(glob(pattern, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        json_error_t fault;
        json_t *doc = json_load_file(files.gl_pathv[i], 0, &fault);

        ck_assert_msg(doc, "%s:%d: %s", files.gl_pathv[i], fault.line, fault.text);
        ok &= compare_case(strrchr(files.gl_pathv[i], '/') + 1, doc);
        json_decref(doc);
    }
    globfree(&files);
    free(directory);
    ck_assert(ok);
}
END_TEST

START_TEST(every_case_of_the_readme_is_there)
{
    for (size_t i = 0; i < COUNT(expected_files); i++) {
        char name[64];

        (void)snprintf(name, sizeof name, "cocoeval/%s.json", expected_files[i]);
        free(fixture_path(name));
    }
}
END_TEST

TEST_MAIN("cocoeval", TEST(figures_equal_pycocotools) TEST(every_case_of_the_readme_is_there))
