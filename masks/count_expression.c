/* Closed-form counts of whole mask expressions.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The degree of row i is a sum over the intervals between the ends of a
 * formula's atoms, and is linear in i for as long as nothing happens: see
 * masks/count_row.c, which evaluates one row and says for how long. Counting
 * n rows that way takes as many evaluations as things happen, and blocks or
 * strides make them happen again and again. But they happen periodically:
 *
 *     Let P be a multiple of every block, stride and tail. From row i to row
 *     i + P each end either stands (a constant) or moves by exactly P, and no
 *     residue changes. As long as no moving end meets a standing one, the
 *     intervals in row i + P are therefore those of row i, shifted, longer by
 *     P, or shorter by P; P more keys hold the same number of each residue
 *     class wherever they begin; and so degree(i + P) - degree(i) is the same
 *     number in every period.
 *
 * (Of the strides only those matter that have edges next to a standing end:
 * between two moving ends their keys stand at distances from the row that
 * repeat with the ends.)
 *
 * A run of rows in which no moving end can meet a standing one, in whatever
 * order the residues come, is a "zone". Zones are cut where that may change,
 * and only one period of a zone is looked at.
 *
 * P may be large, so the same is done again within one period: the largest
 * blocks, strides and tails are declared to stand ("frozen", level by level),
 * zones are cut where they step, and P is a multiple of the rest only. What is
 * left after all levels is a box of rows begin + x + Σ step·t over which the
 * degree is linear in x and in every t, and is summed in closed form. */
#include "config.h"

#include "masks/count.h"

#include "masks/zones.h"

enum { SMALL_PERIOD = 16 }; /* rows that are looked at one by one */

/* Steps of formulas, 2^29 a second or more. Where rows could be walked instead
 * it pays to count for longer, as with very many documents. */
#define WORK_MOST ((int64_t)1 << 28)
#define WORK_INSTEAD_MOST ((int64_t)1 << 31)
#define WORK_INSTEAD_A_ROW 16

/* The rows counted with one: row + step·t for t in [0, count). */
typedef struct dimension {
  int64_t step, count;
} dimension;

typedef struct expression {
  gattn_atoms atoms;
  gattn_row row;
  gattn_zones zones;
  gattn_counts counts;
  int64_t work_most;
  bool any;
  int n_dimensions;
  dimension dimensions[GATTN_LEVELS + 1];
} expression;

/* ------------------------------------------------------------ summation */

/* Rows over which the degree is first + Σ slope[k]·t_k, 0 <= t_k < count[k].
 * Its least and greatest values are at corners; a degree that is linear and
 * nowhere negative is zero on a face, or nowhere. */
static void add_box(expression *e, int64_t first, int n, const int64_t *slope,
                    const int64_t *count) {
  int64_t least = first, greatest = first, rows = 1, zeros = 1;
  __int128 twice = 0;
  for (int k = 0; k < n; ++k) {
    int64_t span = slope[k] * (count[k] - 1);
    if (span < 0)
      least += span;
    else
      greatest += span;
    rows *= count[k];
    if (span == 0) zeros *= count[k];
    twice += span;
  }
  gattn_counts *counts = &e->counts;
  counts->edges += (gattn_wide)rows * (gattn_wide)first +
                   (gattn_wide)(twice * rows / 2);
  if (!e->any || least < counts->min_degree) counts->min_degree = least;
  if (!e->any || greatest > counts->max_degree) counts->max_degree = greatest;
  if (least == 0) counts->empty_rows += zeros;
  e->any = true;
}

/* Rows [begin, end), each for all of the dimensions. */
static void walk(expression *e, int64_t begin, int64_t end) {
  while (begin < end && e->row.work <= e->work_most) {
    int64_t slope[GATTN_LEVELS + 2], count[GATTN_LEVELS + 2], horizon, unused;
    int64_t first = gattn_row_degree(&e->row, begin, &horizon);
    int n = e->n_dimensions;
    if (horizon > end) horizon = end;
    for (int k = 0; k < n; ++k) {
      int64_t row = begin + e->dimensions[k].step;
      count[k] = e->dimensions[k].count;
      slope[k] = gattn_row_degree(&e->row, row, &unused) - first;
    }
    count[n] = horizon - begin;
    slope[n] = 0;
    if (count[n] > 1)
      slope[n] = gattn_row_degree(&e->row, begin + 1, &unused) - first;
    add_box(e, first, n + 1, slope, count);
    begin = horizon;
  }
}

static void count_level(expression *e, int at, int64_t begin, int64_t end);

static void descend(expression *e, int at, int64_t period, int64_t begin,
                    int64_t end) {
  bool short_ = 0 < period && period <= SMALL_PERIOD;
  if (at + 1 < e->zones.n_levels && !short_)
    count_level(e, at + 1, begin, end);
  else
    walk(e, begin, end);
}

static void count_level(expression *e, int at, int64_t begin, int64_t end) {
  while (begin < end && e->row.work <= e->work_most) {
    int64_t period;
    int64_t zone =
        gattn_zone_end(&e->zones, &e->zones.levels[at], begin, end, &period);
    int64_t periods = period > 0 ? (zone - begin) / period : 0;
    if (periods >= 2) {
      e->dimensions[e->n_dimensions++] = (dimension){period, periods};
      descend(e, at, period, begin, begin + period);
      --e->n_dimensions;
      begin += period * periods;
    }
    if (begin < zone) descend(e, at, period, begin, zone);
    begin = zone;
  }
}

static int64_t work_for(int64_t rows) {
  if (rows > GATTN_WALK_LIMIT) return WORK_MOST;
  int64_t work = rows * WORK_INSTEAD_A_ROW;
  if (work < WORK_MOST) return WORK_MOST;
  return work < WORK_INSTEAD_MOST ? work : WORK_INSTEAD_MOST;
}

bool gattn_count_expression(const gattn_graph *graph, int64_t begin,
                            int64_t end, gattn_counts *counts) {
  expression e;
  if (!gattn_atoms_build(&e.atoms, graph, begin, end)) return false;
  e.counts = (gattn_counts){0};
  e.any = false;
  e.n_dimensions = 0;
  e.work_most = work_for(end - begin);
  gattn_row_start(&e.row, &e.atoms);
  gattn_zones_start(&e.zones, &e.row);
  count_level(&e, 0, begin, end);
  if (e.row.work > e.work_most) return false;
  *counts = e.counts;
  return true;
}

bool gattn_degree_expression(const gattn_graph *graph, int64_t i,
                             int64_t *degree) {
  gattn_atoms atoms;
  gattn_row row;
  int64_t unused;
  if (!gattn_atoms_build(&atoms, graph, i, i + 1)) return false;
  gattn_row_start(&row, &atoms);
  *degree = gattn_row_degree(&row, i, &unused);
  return true;
}
