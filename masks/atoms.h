/* A mask as a boolean formula of atoms, for counting without walking.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_ATOMS_H
#define GATTN_MASKS_ATOMS_H

#include "masks/graph.h"

/* A class that can say its edges in closed form has an `atoms` function: the
 * formula is counted without walking, and kernels evaluate it in place. It
 * writes the formula in postfix order: an atom pushes a set of edges, an
 * operator replaces the two topmost sets by one. In the end exactly one set
 * more stands on the stack than before. For example { i/s = j/s or
 * (j mod s) >= s - c } is
 *
 *     return gattn_atoms_keys(atoms, gattn_bound_block(s, 0),
 *                             gattn_bound_block(s, s)) &&
 *            gattn_atoms_tail(atoms, s, c) &&
 *            gattn_atoms_apply(atoms, GATTN_ATOMS_UNION);
 *
 * Each function returns false when the formula has become too large; the
 * class passes that on. Arrays are borrowed while the graph lives. Offsets may
 * be any int64_t: saturate what would overflow. */

/* An end of an interval of keys in row i: a constant (block 0), i + offset
 * (block 1), or floor(i / block)·block + offset. */
typedef struct gattn_bound {
  int64_t block, offset;
} gattn_bound;

static inline gattn_bound gattn_bound_constant(int64_t key) {
  return (gattn_bound){0, key};
}
static inline gattn_bound gattn_bound_shift(int64_t offset) {
  return (gattn_bound){1, offset};
}
static inline gattn_bound gattn_bound_block(int64_t block, int64_t offset) {
  return (gattn_bound){block, offset};
}

/* begin(i) <= j < end(i), as far as j is a key. */
bool gattn_atoms_keys(gattn_atoms *atoms, gattn_bound begin, gattn_bound end);
/* (i - j) mod s = 0; s >= 1. */
bool gattn_atoms_stride(gattn_atoms *atoms, int64_t s);
/* (j mod s) >= s - c; s >= 1, 0 <= c <= s. */
bool gattn_atoms_tail(gattn_atoms *atoms, int64_t s, int64_t c);
/* (i mod b) mod r = 0; b, r >= 1. */
bool gattn_atoms_comb(gattn_atoms *atoms, int64_t b, int64_t r);
/* i in set; j in set. n >= 0 ranges, ascending, disjoint, not empty. */
bool gattn_atoms_rows(gattn_atoms *atoms, const gattn_range *set, int64_t n);
bool gattn_atoms_columns(gattn_atoms *atoms, const gattn_range *set,
                         int64_t n);
/* i and j in the same of the segments that begin at starts[n] (strictly
 * ascending, the first 0); the last has no end. */
bool gattn_atoms_segments(gattn_atoms *atoms, const int64_t *starts,
                          int64_t n);

/* The atoms below serve kernels alone: they return false, as a formula that is
 * too large does, where the formula is to be counted. */

/* rows[i].begin <= j < rows[i].end: rows[n_q], within the keys. A summary has
 * four numbers for every GATTN_SUMMARY_ROWS rows: the least and the greatest
 * begin, the least and the greatest end. */
enum { GATTN_SUMMARY_ROWS = 64, GATTN_SUMMARY_NUMBERS = 4 };
bool gattn_atoms_bounds(gattn_atoms *atoms, const gattn_run *rows,
                        const int64_t *summary);

typedef enum gattn_atoms_grid_kind {
  GATTN_ATOMS_CELL,   /* i and j in one cell of kh x kw */
  GATTN_ATOMS_WINDOW, /* j in the window of kh x kw centred on i, shifted at
                       * the border so that it stays inside; both odd */
  GATTN_ATOMS_READERS /* i in the window around j */
} gattn_atoms_grid_kind;

/* Vertices are a grid of h x w, line by line; 1 <= kh <= h, 1 <= kw <= w, but
 * cells may be larger. */
bool gattn_atoms_grid(gattn_atoms *atoms, gattn_atoms_grid_kind kind,
                      int64_t h, int64_t w, int64_t kh, int64_t kw);

typedef enum gattn_atoms_operator {
  GATTN_ATOMS_UNION,
  GATTN_ATOMS_INTERSECTION,
  GATTN_ATOMS_DIFFERENCE /* the lower set without the upper */
} gattn_atoms_operator;

bool gattn_atoms_apply(gattn_atoms *atoms, gattn_atoms_operator operator_);

/* The formula of another graph of the same size; false when it has none. */
bool gattn_atoms_graph(gattn_atoms *atoms, const gattn_graph *graph);

#endif
