/* tests/parity/losses.c: see losses.h. */
#include "tests/parity/losses.h"

#include "base/arena.h"
#include "tests/parity/compare.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

char *losses_suffix(int i, int n, char text[LOSSES_SUFFIX_SIZE])
{
    if (i == 0)
        text[0] = '\0';
    else if (i == n - 1)
        (void)snprintf(text, LOSSES_SUFFIX_SIZE, "_enc");
    else
        (void)snprintf(text, LOSSES_SUFFIX_SIZE, "_%d", i - 1);
    return text;
}

/* The first target that is the same as t. */
static int64_t first_same(const struct image_targets *targets, int64_t t)
{
    int64_t first = 0;

    while (memcmp(targets->boxes[first], targets->boxes[t], sizeof *targets->boxes) != 0 ||
           targets->labels[first] != targets->labels[t])
        first++;
    return first;
}

static bool compare_image(struct fixture *fixture, const char *what, const struct st_tensor *want,
                          const struct matches *matches, const struct image_targets *targets, int64_t image)
{
    size_t wanted = (size_t)want->dims[1], got = 0;
    const int64_t *values = fixture_ints(fixture, want);
    int64_t *ours = arena_alloc(fixture->arena, 2 * (size_t)matches->count * sizeof *ours + 1);
    int64_t *theirs = arena_alloc(fixture->arena, 2 * wanted * sizeof *theirs + 1);

    for (int64_t i = 0; i < matches->count; i++) {
        if (matches->images[i] != image)
            continue;
        ours[2 * got] = matches->queries[i];
        ours[2 * got++ + 1] = first_same(targets, matches->targets[i]);
    }
    for (size_t i = 0; i < wanted; i++) {
        theirs[2 * i] = values[i];
        theirs[2 * i + 1] = first_same(targets, values[wanted + i]);
    }
    return compare_number(what, (double)got, (double)wanted, 0) && compare_ints(what, ours, theirs, 2 * wanted);
}

bool losses_compare_matches(struct fixture *fixture, const char *prefix, const struct output_set *sets, int n,
                            const struct image_targets *targets, int images, int groups)
{
    bool ok = true;

    for (int i = 0; i < n; i++) {
        char suffix[LOSSES_SUFFIX_SIZE];
        struct matches matches;

        losses_suffix(i, n, suffix);
        ck_assert(matcher_match(&sets[i], targets, groups, &matches));
        for (int image = 0; image < images; image++) {
            const char *what = arena_printf(fixture->arena, "%smatch%s.%d", prefix, suffix, image);

            ok &= compare_image(fixture, what, fixture_get(fixture, "%s", what), &matches, &targets[image], image);
        }
        matches_clear(&matches);
    }
    return ok;
}

static bool find_value(const struct loss_values *values, int n, const char *name, double *value)
{
    *value = values->class_error;
    if (strcmp(name, "class_error") == 0)
        return true;
    for (int i = 0; i < n; i++)
        for (int term = 0; term < LOSS_TERMS; term++) {
            char ours[64], suffix[LOSSES_SUFFIX_SIZE];

            (void)snprintf(ours, sizeof ours, "%s%s", loss_term_names[term], losses_suffix(i, n, suffix));
            *value = values->terms[i][term];
            if (strcmp(ours, name) == 0)
                return true;
        }
    return false;
}

bool losses_compare_terms(const char *what, const struct loss_values *values, int n, json_t *terms, json_t *tolerances,
                          double all)
{
    bool ok = true;
    const char *name;
    json_t *want;

    ck_assert_uint_eq(json_object_size(terms), (size_t)(n * LOSS_TERMS + 1));
    json_object_foreach(terms, name, want)
    {
        char text[128];
        double got;

        (void)snprintf(text, sizeof text, "%s%s", what, name);
        ck_assert_msg(find_value(values, n, name, &got), "there is no term '%s'", name);
        ok &= compare_number(text, got, json_number_value(want), tolerances ? fixture_real(tolerances, name) : all);
    }
    return ok;
}
