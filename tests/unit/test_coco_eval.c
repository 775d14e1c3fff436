/* tests/unit/test_coco_eval.c: figures small enough to be worked out by hand; parity/ has pycocotools'. */
#include "trainer/metrics/coco_eval.h"

#include "tests/unit/check_main.h"

#include <math.h>

#define BOX(...) ((const double[4]){__VA_ARGS__})

static const int coco_limits[3] = {1, 10, 100};

/* A square object of side px at (at, at), and its area. */
static void add_square(struct coco_eval *eval, int64_t image, int class_index, double at, double side, bool crowd)
{
    coco_eval_add_truth(eval, image, class_index, BOX(at, at, side, side), side * side, crowd);
}

static struct coco_figures figures(struct coco_eval *eval, const int limits[3])
{
    struct coco_figures all;

    coco_eval_run(eval, limits, &all, NULL);
    return all;
}

START_TEST(nothing_to_find_is_minus_one)
{
    struct coco_eval *eval = coco_eval_new(2);
    struct coco_figures all;

    coco_eval_add_detection(eval, 0, 1, 0.9, BOX(0, 0, 10, 10));
    all = figures(eval, coco_limits);
    for (int i = 0; i < COCO_FIGURE_COUNT; i++)
        ck_assert_double_eq(all.value[i], -1);
    ck_assert_int_eq(all.boxes, 0);
    coco_eval_free(eval);
}
END_TEST

START_TEST(a_perfect_detection_is_one_and_a_class_never_found_halves_the_mean)
{
    struct coco_eval *eval = coco_eval_new(3);
    struct coco_figures all, classes[3];

    add_square(eval, 0, 0, 10, 50, false);
    add_square(eval, 1, 2, 10, 50, false);
    coco_eval_add_detection(eval, 0, 0, 0.5, BOX(10, 10, 50, 50));
    coco_eval_run(eval, coco_limits, &all, classes);
    ck_assert_double_eq_tol(classes[0].value[COCO_AP], 1, 1e-12);
    ck_assert_double_eq(classes[1].value[COCO_AP], -1);
    ck_assert_double_eq(classes[2].value[COCO_AP], 0);
    ck_assert_double_eq_tol(all.value[COCO_AP], 0.5, 1e-12);
    ck_assert_double_eq_tol(all.value[COCO_AP_MEDIUM], 0.5, 1e-12);
    ck_assert_double_eq(all.value[COCO_AP_LARGE], -1);
    ck_assert_int_eq(all.boxes, 2);
    coco_eval_free(eval);
}
END_TEST

START_TEST(an_overlap_counts_up_to_its_threshold)
{
    struct coco_eval *eval = coco_eval_new(1);
    struct coco_figures all;

    add_square(eval, 0, 0, 0, 100, false);
    coco_eval_add_detection(eval, 0, 0, 0.5, BOX(0, 0, 100, 72)); /* IoU 0.72: 0.50 … 0.70 */
    all = figures(eval, coco_limits);
    ck_assert_double_eq_tol(all.value[COCO_AP], 0.5, 1e-12);
    ck_assert_double_eq_tol(all.value[COCO_AP50], 1, 1e-12);
    ck_assert_double_eq(all.value[COCO_AP75], 0);
    ck_assert_double_eq_tol(all.value[COCO_AR], 0.5, 1e-12);
    coco_eval_free(eval);
}
END_TEST

START_TEST(a_second_detection_of_one_object_is_wrong_but_not_inside_a_crowd)
{
    for (int crowd = 0; crowd < 2; crowd++) {
        struct coco_eval *eval = coco_eval_new(1);

        add_square(eval, 0, 0, 0, 100, false);
        add_square(eval, 0, 0, 300, 100, false);
        if (crowd)
            add_square(eval, 0, 0, 0, 100, true);
        coco_eval_add_detection(eval, 0, 0, 0.9, BOX(0, 0, 100, 100));
        coco_eval_add_detection(eval, 0, 0, 0.8, BOX(0, 0, 100, 100));
        coco_eval_add_detection(eval, 0, 0, 0.7, BOX(300, 300, 100, 100));
        /* recall points 0 … 0.50 at precision 1, the other 50 at 2/3 or 1 */
        ck_assert_double_eq_tol(figures(eval, coco_limits).value[COCO_AP], crowd ? 1 : (51 + 50 * 2 / 3.0) / 101,
                                1e-12);
        coco_eval_free(eval);
    }
}
END_TEST

START_TEST(among_equal_scores_the_earlier_image_counts_first_whatever_the_order_of_adding)
{
    for (int wrong_image = 0; wrong_image < 2; wrong_image++) {
        struct coco_eval *eval = coco_eval_new(1);

        add_square(eval, 1 - wrong_image, 0, 0, 100, false);
        coco_eval_add_detection(eval, 1, 0, 0.5, BOX(0, 0, 100, 100));
        coco_eval_add_detection(eval, 0, 0, 0.5, BOX(0, 0, 100, 100));
        ck_assert_double_eq_tol(figures(eval, coco_limits).value[COCO_AP], wrong_image == 0 ? 0.5 : 1, 1e-12);
        coco_eval_free(eval);
    }
}
END_TEST

START_TEST(one_accumulator_answers_for_several_limits)
{
    struct coco_eval *eval = coco_eval_new(1);
    struct coco_figures at_100, at_500;

    for (int i = 0; i < 150; i++) { /* the best score misses, the rest find one object each */
        add_square(eval, 7, 0, 100 * i, 50, false);
        coco_eval_add_detection(eval, 7, 0, 1 - i / 1000.0, BOX(i ? 100.0 * i : 1e6, i ? 100.0 * i : 1e6, 50, 50));
    }
    at_500 = figures(eval, (const int[3]){1, 10, 500});
    at_100 = figures(eval, coco_limits);
    ck_assert_double_eq(at_500.value[COCO_AR_LOW], 0);
    ck_assert_double_eq_tol(at_500.value[COCO_AR_MIDDLE], 9 / 150.0, 1e-12);
    ck_assert_double_eq_tol(at_500.value[COCO_AR], 149 / 150.0, 1e-12);
    ck_assert_double_eq_tol(at_100.value[COCO_AR], 99 / 150.0, 1e-12);
    coco_eval_add_detection(eval, 7, 0, 0.1, BOX(0, 0, 50, 50)); /* and can be added to after a run */
    ck_assert_double_eq_tol(figures(eval, (const int[3]){1, 10, 500}).value[COCO_AR], 1, 1e-12);
    coco_eval_free(eval);
}
END_TEST

START_TEST(scores_and_boxes_that_are_not_numbers_find_nothing_and_break_nothing)
{
    struct coco_eval *eval = coco_eval_new(1);

    add_square(eval, 0, 0, 0, 100, false);
    coco_eval_add_detection(eval, 0, 0, NAN, BOX(NAN, 0, 100, 100));
    coco_eval_add_detection(eval, 0, 0, NAN, BOX(0, 0, NAN, NAN));
    coco_eval_add_detection(eval, 0, 0, 0.9, BOX(0, 0, 100, 100));
    ck_assert_double_eq_tol(figures(eval, coco_limits).value[COCO_AP], 1, 1e-12);
    coco_eval_free(eval);
}
END_TEST

TEST_MAIN("coco_eval",
          TEST(nothing_to_find_is_minus_one) TEST(a_perfect_detection_is_one_and_a_class_never_found_halves_the_mean)
              TEST(an_overlap_counts_up_to_its_threshold)
                  TEST(a_second_detection_of_one_object_is_wrong_but_not_inside_a_crowd)
                      TEST(among_equal_scores_the_earlier_image_counts_first_whatever_the_order_of_adding)
                          TEST(one_accumulator_answers_for_several_limits)
                              TEST(scores_and_boxes_that_are_not_numbers_find_nothing_and_break_nothing))
