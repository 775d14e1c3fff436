/* tests/parity/rows.c: see rows.h. */
#include "tests/parity/rows.h"

#include "base/arena.h"
#include "tests/parity/compare.h"
#include "tests/parity/fill.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct rows rows_new(struct fixture *fixture, json_t *names, const char *salt)
{
    size_t count = json_array_size(names);
    struct rows rows = {.count = count, .salt = salt};

    ck_assert_uint_gt(count, 0);
    rows.names = arena_alloc(fixture->arena, count * sizeof *rows.names);
    rows.norm = arena_alloc(fixture->arena, count * sizeof(double));
    rows.dot = arena_alloc(fixture->arena, count * sizeof(double));
    rows.head = arena_alloc(fixture->arena, count * ROWS_HEAD * sizeof(double));
    for (size_t i = 0; i < count; i++)
        rows.names[i] = json_string_value(json_array_get(names, i));
    return rows;
}

void rows_put(struct rows *rows, size_t i, const float *values, const float *start, size_t count)
{
    float *probe = xmalloc(count * sizeof *probe);
    char *name = xasprintf("probe.%s", rows->names[i]);
    double squares = 0, dot = 0;

    for (size_t j = 0; j < ROWS_HEAD; j++)
        rows->head[i * ROWS_HEAD + j] = 0;
    fill_unit(rows->salt, name, count, probe);
    for (size_t j = 0; j < count; j++) {
        float change = start ? values[j] - start[j] : values[j];

        squares += (double)change * (double)change;
        dot += (double)change * (double)probe[j];
        if (j < ROWS_HEAD)
            rows->head[i * ROWS_HEAD + j] = (double)change;
    }
    rows->norm[i] = sqrt(squares);
    rows->dot[i] = dot;
    free(name);
    free(probe);
}

static bool compare_part(const struct rows *rows, struct fixture *fixture, const char *stem, const char *part,
                         const double *got, size_t width)
{
    char *what = xasprintf("%s.%s", stem, part);
    const struct st_tensor *want = fixture_get(fixture, "%s", what), *tolerance = fixture_get(fixture, "tol.%s", what);
    bool ok;

    ck_assert_uint_eq(fixture_elements(want), rows->count * width);
    ck_assert_uint_eq(fixture_elements(tolerance), rows->count);
    ok = compare_rows(what, rows->names, got, fixture_doubles(fixture, want), fixture_doubles(fixture, tolerance),
                      rows->count, width);
    free(what);
    return ok;
}

bool rows_compare_head(const struct rows *rows, struct fixture *fixture, const char *stem)
{
    return compare_part(rows, fixture, stem, "head", rows->head, ROWS_HEAD);
}

bool rows_compare(const struct rows *rows, struct fixture *fixture, const char *stem)
{
    bool ok = compare_part(rows, fixture, stem, "norm", rows->norm, 1);

    ok &= compare_part(rows, fixture, stem, "dot", rows->dot, 1);
    return rows_compare_head(rows, fixture, stem) && ok;
}
