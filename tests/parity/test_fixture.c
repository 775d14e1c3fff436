/* tests/parity/test_fixture.c: the fill formula gives the reference's test vectors, and comparing finds what differs.
 */
#include "tests/parity/compare.h"
#include "tests/parity/fill.h"
#include "tests/parity/fixture.h"
#include "tests/unit/check_main.h"

#include <math.h>
#include <stdlib.h>

/* clang-format off */
static const struct {
    const char *name;
    int n;
    int64_t dims[3];
    size_t index;
    uint64_t seed;
    double value;
} vectors[] = {
    {"class_embed.bias", 1, {91}, 0, 0x56c5aa4d118883a9, -0x1.3ccea0p+2},
    {"backbone.0.encoder.encoder.encoder.layer.0.attention.attention.query.weight", 2, {384, 384}, 12345,
     0x9791f316f0bf12e4, 0x1.5d8908p-6},
    {"query_feat.weight", 2, {3900, 256}, 998399, 0x8b9d56f8c602cb31, -0x1.3816e8p-1},
    {"transformer.decoder.layers.0.cross_attn.sampling_offsets.bias", 1, {64}, 7, 0xac410dba2d97a388, 0x1.d6d468p-1},
    {"input.image.19", 3, {3, 384, 384}, 442367, 0x6bea78e55568f50d, -0x1.f248b0p+0},
    {"backbone.0.encoder.encoder.encoder.layer.11.layer_scale2.lambda1", 1, {384}, 383, 0x7b108c161eed4466,
     0x1.6708e2p-1},
};
/* clang-format on */

START_TEST(the_fill_formula_gives_the_published_values)
{
    static const char salt[] = "rfdetr-parity-1";
    float *values = malloc(fill_count(vectors[_i].dims, vectors[_i].n) * sizeof *values);

    ck_assert_uint_eq(fill_seed(salt, vectors[_i].name), vectors[_i].seed);
    fill_values(salt, vectors[_i].name, vectors[_i].dims, vectors[_i].n, values);
    ck_assert_double_eq((double)values[vectors[_i].index], vectors[_i].value);
    free(values);
}
END_TEST

START_TEST(comparing_finds_what_lies_outside_and_what_is_no_number)
{
    const char *const names[] = {"first", "second"};
    const double want[] = {1, 2, 3, 4}, near[] = {1, 2.01, 3, 4}, far[] = {1, 2, 3, 4.1}, none[] = {1, NAN, 3, 4};
    const double tolerances[] = {0.02, 0.001};
    const int64_t ints[] = {1, 2}, others[] = {1, 3};

    ck_assert(compare_doubles("near", near, want, 4, 0.02));
    ck_assert(!compare_doubles("far", far, want, 4, 0.02));
    ck_assert(!compare_doubles("none", none, want, 4, 0.02));
    ck_assert(compare_rows("near", names, near, want, tolerances, 2, 2));
    ck_assert(!compare_rows("far", names, far, want, tolerances, 2, 2));
    ck_assert(compare_number("same", 5, 5, 0));
    ck_assert(compare_ints("same", ints, ints, 2));
    ck_assert(!compare_ints("others", ints, others, 2));
}
END_TEST

START_TEST(a_fixture_is_opened_by_its_name)
{
    struct fixture *fixture = fixture_open("train_pico", FIXTURE_TENSORS | FIXTURE_JSON);

    if (!fixture)
        return;
    ck_assert_str_eq(fixture_text(fixture->meta, "variant"), "pico");
    ck_assert_uint_eq(fixture_elements(fixture_get(fixture, "grad.norm")),
                      json_array_size(json_object_get(fixture->doc, "names")));
    ck_assert_ptr_null(fixture_get_or_null(fixture, "no.%d", 7));
    fixture_close(fixture);
}
END_TEST

START_TEST(a_file_missing_from_a_given_directory_is_a_skip)
{
    ck_assert_int_eq(setenv("DETRD_FIXTURES", "/nonexistent", 1), 0);
    ck_assert_ptr_null(fixture_open("train_pico", FIXTURE_TENSORS));
}
END_TEST

#define TESTS                                                                                                          \
    TEST_LOOP(the_fill_formula_gives_the_published_values, sizeof vectors / sizeof *vectors)                           \
    TEST(comparing_finds_what_lies_outside_and_what_is_no_number)                                                      \
    TEST(a_fixture_is_opened_by_its_name) TEST(a_file_missing_from_a_given_directory_is_a_skip)

TEST_MAIN("fixture", TESTS)
