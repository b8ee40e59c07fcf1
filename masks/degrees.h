/* Sums of degrees over ranges of rows. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_DEGREES_H
#define GATTN_MASKS_DEGREES_H

#include "masks/parameters.h"

/* Counts of no rows: add some, at least one row, before they are used. */
static inline gattn_counts gattn_counts_none(void) {
  return (gattn_counts){.min_degree = INT64_MAX};
}

/* `rows` rows (none when <= 0) of one degree. */
void gattn_counts_add(gattn_counts *counts, int64_t rows, int64_t degree);

/* The degree of row x, an affine function between neighbouring breaks. */
typedef int64_t (*gattn_degree_at)(const void *state, int64_t x);

/* `weight` times the rows [begin, end): degree_at is affine on each of the
 * pieces into which breaks[n], in any order, cut them. Closed form: linear in
 * n squared, whatever the number of rows. */
void gattn_counts_add_pieces(gattn_counts *counts, int64_t begin, int64_t end,
                             int64_t weight, gattn_degree_at degree_at,
                             const void *state, const int64_t *breaks, int n);

/* Rows [begin, end) of a graph whose vertex x stands at line x / width, column
 * x mod width. */
typedef struct gattn_rectangle {
  int64_t line_begin, line_end, column_begin, column_end;
} gattn_rectangle;

/* Cuts [begin, end) into at most three rectangles; returns how many. */
int gattn_rectangles(int64_t begin, int64_t end, int64_t width,
                     gattn_rectangle rectangles[3]);

#endif
