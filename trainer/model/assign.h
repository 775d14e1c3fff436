/* trainer/model/assign.h: rectangular assignment of least total cost, exact.
 * Shortest augmenting paths over reduced costs: Jonker and Volgenant, Computing 38 (1987), as Crouse, IEEE TAES 52
 * (2016) extends it to rectangles.  No state, any thread. */
#pragma once
#include <stddef.h>

struct assign_cost { /* the cost of row r and column c is at[r · row_stride + c · column_stride], finite */
    const double *at;
    int rows, columns;
    ptrdiff_t row_stride, column_stride;
};

/* Gives each row a column of its own, or -1 where columns are fewer: min(rows, columns) pairs whose costs add up to the
 * least possible.  column_of_row[rows] is written. */
void assign_solve(const struct assign_cost *cost, int *column_of_row);
