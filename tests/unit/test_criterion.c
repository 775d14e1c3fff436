/* tests/unit/test_criterion.c: what the fixtures do not reach: costs that are not finite, unequal groups, other types.
 */
#include "tests/unit/check_main.h"
#include "trainer/model/boxes.h"
#include "trainer/model/criterion.h"

#include <math.h>
#include <string.h>

enum { QUERIES = 4, CLASSES = 3 };

static const float wanted[][4] = {{0.3F, 0.3F, 0.2F, 0.2F}, {0.7F, 0.7F, 0.2F, 0.2F}};
static const int64_t labels[] = {0, 2};
static const struct image_targets target = {2, wanted, labels};

/* Query q lies on target q % 2. */
static struct output_set make_set(enum tensor_dtype dtype)
{
    float boxes[QUERIES][4], logits[QUERIES][CLASSES] = {{0}};

    for (int q = 0; q < QUERIES; q++)
        memcpy(boxes[q], wanted[q % 2], sizeof *boxes);
    return (struct output_set){
        tensor_cast(tensor_from_data(logits, DIMS(1, QUERIES, CLASSES), TENSOR_F32, TENSOR_CPU), dtype),
        tensor_cast(tensor_from_data(boxes, DIMS(1, QUERIES, 4), TENSOR_F32, TENSOR_CPU), dtype)};
}

static void spoil(struct output_set *set, int64_t query, float value)
{
    (void)tensor_copy_(tensor_narrow(set->boxes, 1, query, 1),
                       tensor_full(DIMS(1, 1, 4), (double)value, TENSOR_F32, TENSOR_CPU));
}

START_TEST(each_group_matches_every_target_by_itself)
{
    size_t scope = tensor_scope_open();
    struct output_set set = make_set(TENSOR_F32);
    struct matches matches;

    ck_assert(matcher_match(&set, &target, 2, &matches));
    ck_assert_int_eq(matches.count, 4);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(matches.images[i], 0);
        ck_assert_int_eq(matches.queries[i], i);
        ck_assert_int_eq(matches.targets[i], i % 2);
    }
    matches_clear(&matches);
    tensor_scope_close(scope);
}
END_TEST

START_TEST(a_query_without_a_finite_cost_is_matched_last)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, 3e38F};
    size_t scope = tensor_scope_open();
    struct output_set set = make_set(TENSOR_F32);
    struct matches matches;

    for (int q = 0; q < QUERIES; q++)
        spoil(&set, q, 0.05F); /* far from both: costs above 0 */
    spoil(&set, 0, bad[_i]);
    ck_assert(matcher_match(&set, &target, 1, &matches));
    ck_assert_int_eq(matches.count, 2);
    ck_assert_int_ne(matches.queries[0], 0);
    matches_clear(&matches);

    ck_assert(matcher_match(&set, &target, 2, &matches)); /* a group of two needs it nevertheless */
    ck_assert_int_eq(matches.count, 4);
    ck_assert_int_eq(matches.queries[0], 0);
    matches_clear(&matches);
    tensor_scope_close(scope);
}
END_TEST

START_TEST(without_any_finite_cost_every_target_is_still_matched)
{
    size_t scope = tensor_scope_open();
    struct output_set set = make_set(TENSOR_F32);
    struct matches matches;

    for (int q = 0; q < QUERIES; q++)
        spoil(&set, q, NAN);
    ck_assert(matcher_match(&set, &target, 1, &matches));
    ck_assert_int_eq(matches.count, 2);
    matches_clear(&matches);
    tensor_scope_close(scope);
}
END_TEST

START_TEST(queries_that_make_no_equal_groups_are_an_error)
{
    size_t scope = tensor_scope_open();
    struct output_set set = make_set(TENSOR_F32);
    struct matches matches;
    struct err err = {0};

    ck_assert(!matcher_match(&set, &target, 3, &matches));
    ck_assert(!tensor_check(&err));
    ck_assert_str_eq(err.msg, "4 queries do not make 3 equal groups");
    tensor_scope_close(scope);
}
END_TEST

START_TEST(predictions_that_are_not_float32_are_refused)
{
    static const enum tensor_dtype dtypes[] = {TENSOR_BF16, TENSOR_F16, TENSOR_F64};
    const struct criterion criterion = {1, 1};
    size_t scope = tensor_scope_open();
    struct output_set set = make_set(dtypes[_i]);
    struct losses losses;
    struct err err = {0};

    ck_assert(!criterion_loss(&criterion, &set, 1, &target, &losses));
    ck_assert(!tensor_check(&err));
    ck_assert_str_eq(err.msg, "the criterion takes float32 only");
    tensor_scope_close(scope);
}
END_TEST

START_TEST(a_loss_that_is_no_number_is_told_as_such)
{
    const struct criterion criterion = {1, 1};
    size_t scope = tensor_scope_open();
    struct output_set set = make_set(TENSOR_F32);
    struct loss_values values;
    struct losses losses;

    for (int q = 0; q < QUERIES; q++)
        spoil(&set, q, NAN);
    ck_assert(criterion_loss(&criterion, &set, 1, &target, &losses) && losses_read(&losses, &values));
    ck_assert(isnan(values.total));
    ck_assert(isnan(values.terms[0][LOSS_BBOX]));
    tensor_scope_close(scope);
}
END_TEST

static double giou_of(const float *a, const float *b)
{
    struct tensor *left = tensor_from_data(a, DIMS(4), TENSOR_F32, TENSOR_CPU);
    struct tensor *right = tensor_from_data(b, DIMS(4), TENSOR_F32, TENSOR_CPU);

    return tensor_item(boxes_giou(boxes_to_corners(left), boxes_to_corners(right)));
}

START_TEST(overlap_of_known_boxes_is_right)
{
    static const float unit[] = {0.5F, 0.5F, 1, 1}, half[] = {0.25F, 0.5F, 0.5F, 1}, apart[] = {2.5F, 0.5F, 1, 1};
    static const float point[] = {0.5F, 0.5F, 0, 0}, negative[] = {0.5F, 0.5F, -1, -1};
    size_t scope = tensor_scope_open();

    ck_assert_double_eq(giou_of(unit, unit), 1);
    ck_assert_double_eq(giou_of(unit, half), 0.5);
    ck_assert_double_eq_tol(giou_of(unit, apart), -1.0 / 3, 1e-6); /* 3 wide around 2: a third is empty */
    ck_assert_double_eq(giou_of(point, point), 0);                 /* and not a division by zero */
    ck_assert_double_eq(giou_of(negative, unit), giou_of(point, unit));
    tensor_scope_close(scope);
}
END_TEST

TEST_MAIN("criterion",
          TEST(each_group_matches_every_target_by_itself) TEST_LOOP(a_query_without_a_finite_cost_is_matched_last, 4)
              TEST(without_any_finite_cost_every_target_is_still_matched)
                  TEST(queries_that_make_no_equal_groups_are_an_error)
                      TEST_LOOP(predictions_that_are_not_float32_are_refused, 3)
                          TEST(a_loss_that_is_no_number_is_told_as_such) TEST(overlap_of_known_boxes_is_right))
