/* trainer/model/assign.c: see assign.h.  Rows join the assignment one after the other, each along the cheapest chain of
 * swaps that ends at a free column; prices on rows and columns keep all reduced costs at zero or above, so that the
 * chain is a shortest path. */
#include "trainer/model/assign.h"

#include "base/arena.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

struct search {
    struct assign_cost cost; /* rows <= columns */
    double *row_price, *column_price;
    int *row_of, *column_of; /* -1: none yet */
    /* of the current search */
    double *distance;
    int *came_from; /* the row a column was reached from */
    bool *settled;
};

static void *row(const struct search *search, size_t size)
{
    return xcalloc((size_t)search->cost.rows, size);
}

static void *column(const struct search *search, size_t size)
{
    return xcalloc((size_t)search->cost.columns, size);
}

static struct search search_new(const struct assign_cost *cost)
{
    struct search search = {.cost = *cost};

    search.row_price = row(&search, sizeof(double));
    search.column_of = row(&search, sizeof(int));
    search.column_price = column(&search, sizeof(double));
    search.row_of = column(&search, sizeof(int));
    search.distance = column(&search, sizeof(double));
    search.came_from = column(&search, sizeof(int));
    search.settled = column(&search, sizeof(bool));
    for (int r = 0; r < cost->rows; r++)
        search.column_of[r] = -1;
    for (int c = 0; c < cost->columns; c++)
        search.row_of[c] = -1;
    return search;
}

static void search_free(struct search *search)
{
    free(search->row_price);
    free(search->column_price);
    free(search->row_of);
    free(search->column_of);
    free(search->distance);
    free(search->came_from);
    free(search->settled);
}

/* Looks at all columns from row r, itself at distance so_far, and settles the nearest; a free one wins a tie. */
static int settle_next(struct search *search, int r, double so_far)
{
    const double *cost = search->cost.at + r * search->cost.row_stride;
    double base = so_far - search->row_price[r];
    int nearest = -1;

    for (int c = 0; c < search->cost.columns; c++) {
        double distance;

        if (search->settled[c])
            continue;
        distance = base + cost[c * search->cost.column_stride] - search->column_price[c];
        if (distance < search->distance[c]) {
            search->distance[c] = distance;
            search->came_from[c] = r;
        }
        if (nearest < 0 || search->distance[c] < search->distance[nearest] ||
            (search->distance[c] == search->distance[nearest] && search->row_of[nearest] >= 0 && search->row_of[c] < 0))
            nearest = c;
    }
    search->settled[nearest] = true;
    return nearest;
}

/* Returns the free column nearest to a row that has none. */
static int find_free(struct search *search, int start)
{
    double so_far = 0;
    int r = start, c;

    for (c = 0; c < search->cost.columns; c++) {
        search->distance[c] = INFINITY;
        search->settled[c] = false;
    }
    for (;;) {
        c = settle_next(search, r, so_far);
        so_far = search->distance[c];
        if (search->row_of[c] < 0)
            return c;
        r = search->row_of[c];
    }
}

/* Raises the prices of what the search has settled, so that the chain's reduced costs become zero. */
static void reprice(struct search *search, int start, double length)
{
    search->row_price[start] += length;
    for (int c = 0; c < search->cost.columns; c++) {
        double gain = length - search->distance[c];

        if (!search->settled[c])
            continue;
        search->column_price[c] -= gain;
        if (search->row_of[c] >= 0)
            search->row_price[search->row_of[c]] += gain;
    }
}

/* Gives each row on the chain the column it reached, from its free end to start. */
static void swap_along(struct search *search, int start, int c)
{
    int r, next;

    do {
        r = search->came_from[c];
        next = search->column_of[r];
        search->row_of[c] = r;
        search->column_of[r] = c;
        c = next;
    } while (r != start);
}

/* column_of_row for rows <= columns, row_of_column for the transposed problem. */
static void solve(const struct assign_cost *cost, int *column_of_row, int *row_of_column)
{
    struct search search = search_new(cost);

    for (int r = 0; r < cost->rows; r++) {
        int c = find_free(&search, r);

        reprice(&search, r, search.distance[c]);
        swap_along(&search, r, c);
    }
    for (int r = 0; column_of_row && r < cost->rows; r++)
        column_of_row[r] = search.column_of[r];
    for (int c = 0; row_of_column && c < cost->columns; c++)
        row_of_column[c] = search.row_of[c];
    search_free(&search);
}

void assign_solve(const struct assign_cost *cost, int *column_of_row)
{
    const struct assign_cost turned = {cost->at, cost->columns, cost->rows, cost->column_stride, cost->row_stride};

    if (cost->rows <= cost->columns)
        solve(cost, column_of_row, NULL);
    else
        solve(&turned, NULL, column_of_row);
}
