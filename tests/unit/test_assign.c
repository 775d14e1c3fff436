/* tests/unit/test_assign.c: the assignment: against trying them all, and where the answer is known. */
#include "tests/unit/check_main.h"
#include "trainer/model/assign.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };

static uint64_t random_state;

static double random_cost(int kinds)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    if (kinds > 0) /* few different values: many ties */
        return (double)((random_state >> 33) % (uint64_t)kinds);
    return (double)(random_state >> 33) / (double)(1u << 30) - 1; /* both signs */
}

static double total(const struct assign_cost *cost, const int *column_of_row)
{
    bool taken[MOST * MOST] = {false};
    double sum = 0;
    int pairs = 0;

    for (int r = 0; r < cost->rows; r++) {
        int c = column_of_row[r];

        if (c < 0)
            continue;
        ck_assert_int_lt(c, cost->columns);
        ck_assert(!taken[c]);
        taken[c] = true;
        sum += cost->at[r * cost->row_stride + c * cost->column_stride];
        pairs++;
    }
    ck_assert_int_eq(pairs, cost->rows < cost->columns ? cost->rows : cost->columns);
    return sum;
}

/* The least total of rows r and later, of which `skips` more may go without a column. */
static double try_all(const struct assign_cost *cost, int r, unsigned taken, int skips)
{
    double best = INFINITY;

    if (r == cost->rows)
        return 0;
    if (skips > 0)
        best = try_all(cost, r + 1, taken, skips - 1);
    for (int c = 0; c < cost->columns; c++) {
        double rest;

        if (taken >> c & 1)
            continue;
        rest = try_all(cost, r + 1, taken | 1u << c, skips);
        best = fmin(best, cost->at[r * cost->row_stride + c * cost->column_stride] + rest);
    }
    return best;
}

static void check(int rows, int columns, int kinds, bool turned)
{
    double values[MOST];
    int column_of_row[MOST];
    struct assign_cost cost = {values, rows, columns, turned ? 1 : columns, turned ? rows : 1};
    int skips = rows > columns ? rows - columns : 0;

    for (int i = 0; i < rows * columns; i++)
        values[i] = random_cost(kinds);
    assign_solve(&cost, column_of_row);
    ck_assert_double_eq_tol(total(&cost, column_of_row), try_all(&cost, 0, 0, skips), 1e-12);
}

START_TEST(small_problems_of_every_shape_have_the_least_total)
{
    for (int rows = 1; rows <= 6; rows++)
        for (int columns = 1; columns <= 7; columns++)
            for (int i = 0; i < 40; i++) {
                random_state = (uint64_t)(rows * 1000 + columns * 100 + i);
                check(rows, columns, i % 4 == 0 ? 3 : 0, i % 2 == 0);
            }
}
END_TEST

START_TEST(nothing_to_assign_is_nothing)
{
    int column_of_row[2] = {7, 7};

    assign_solve(&(struct assign_cost){NULL, 0, 5, 5, 1}, column_of_row);
    ck_assert_int_eq(column_of_row[0], 7);
    assign_solve(&(struct assign_cost){NULL, 2, 0, 0, 1}, column_of_row);
    ck_assert_int_eq(column_of_row[0], -1);
    ck_assert_int_eq(column_of_row[1], -1);
}
END_TEST

/* With cost (r - shift - c)² the cheapest column of every row is its own: the total is 0. */
START_TEST(a_large_problem_with_a_known_answer_is_solved)
{
    enum { ROWS = 60, COLUMNS = 300, SHIFT = 100 };
    double *values = malloc(sizeof *values * ROWS * COLUMNS);
    int column_of_row[ROWS];

    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++)
            values[r * COLUMNS + c] = (double)(r + SHIFT - c) * (r + SHIFT - c);
    assign_solve(&(struct assign_cost){values, ROWS, COLUMNS, COLUMNS, 1}, column_of_row);
    for (int r = 0; r < ROWS; r++)
        ck_assert_int_eq(column_of_row[r], r + SHIFT);
    free(values);
}
END_TEST

/* Rows that all want the same columns must give way to each other: cost (r + 1)(c + 1) is least when the largest row
 * takes the smallest column. */
START_TEST(rows_give_way_to_each_other)
{
    enum { SIZE = 40 };
    double values[SIZE * SIZE];
    int column_of_row[SIZE];

    for (int r = 0; r < SIZE; r++)
        for (int c = 0; c < SIZE; c++)
            values[r * SIZE + c] = (double)(r + 1) * (c + 1);
    assign_solve(&(struct assign_cost){values, SIZE, SIZE, SIZE, 1}, column_of_row);
    for (int r = 0; r < SIZE; r++)
        ck_assert_int_eq(column_of_row[r], SIZE - 1 - r);
}
END_TEST

TEST_MAIN("assign", TEST(small_problems_of_every_shape_have_the_least_total) TEST(nothing_to_assign_is_nothing)
                        TEST(a_large_problem_with_a_known_answer_is_solved) TEST(rows_give_way_to_each_other))
