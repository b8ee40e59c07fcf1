/* Sums of degrees over ranges of rows. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/degrees.h"

void gattn_counts_add(gattn_counts *counts, int64_t rows, int64_t degree) {
  if (rows <= 0) return;
  counts->edges += (gattn_wide)rows * (gattn_wide)degree;
  counts->min_degree = gattn_min(counts->min_degree, degree);
  counts->max_degree = gattn_max(counts->max_degree, degree);
  if (degree == 0) counts->empty_rows += rows;
}

/* Degrees first, …, last in arithmetic progression over rows >= 1 rows. A
 * progression that is not constant meets 0 at its ends alone. */
static void add_progression(gattn_counts *counts, int64_t rows, int64_t weight,
                            int64_t first, int64_t last) {
  gattn_wide twice = ((gattn_wide)first + (gattn_wide)last) * (gattn_wide)rows;
  counts->edges += twice / 2 * (gattn_wide)weight;
  counts->min_degree = gattn_min(counts->min_degree, gattn_min(first, last));
  counts->max_degree = gattn_max(counts->max_degree, gattn_max(first, last));
  if (first == 0 && last == 0)
    counts->empty_rows += rows * weight;
  else if (first == 0 || last == 0)
    counts->empty_rows += weight;
}

void gattn_counts_add_pieces(gattn_counts *counts, int64_t begin, int64_t end,
                             int64_t weight, gattn_degree_at degree_at,
                             const void *state, const int64_t *breaks, int n) {
  if (weight <= 0) return;
  while (begin < end) {
    int64_t stop = end;
    for (int b = 0; b < n; b++)
      if (breaks[b] > begin) stop = gattn_min(stop, breaks[b]);
    add_progression(counts, stop - begin, weight, degree_at(state, begin),
                    degree_at(state, stop - 1));
    begin = stop;
  }
}

int gattn_rectangles(int64_t begin, int64_t end, int64_t width,
                     gattn_rectangle rectangles[3]) {
  int64_t line = begin / width, column = begin % width;
  int64_t last = end / width, rest = end % width;
  int n = 0;
  if (line == last) {
    rectangles[n++] = (gattn_rectangle){line, line + 1, column, rest};
    return n;
  }
  if (column) {
    rectangles[n++] = (gattn_rectangle){line, line + 1, column, width};
    line++;
  }
  if (line < last) rectangles[n++] = (gattn_rectangle){line, last, 0, width};
  if (rest) rectangles[n++] = (gattn_rectangle){last, last + 1, 0, rest};
  return n;
}
