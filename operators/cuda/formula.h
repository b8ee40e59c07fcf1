/* A mask in closed form, as kernels see it: a boolean formula of atoms, read a
 * word of 64 keys at a time. SPDX-License-Identifier: Apache-2.0
 *
 * Neither host library nor CUDA header is needed: kernels compiled at run time
 * include it too, and the tests run it on the host. */
#ifndef GATTN_OPERATORS_CUDA_FORMULA_H
#define GATTN_OPERATORS_CUDA_FORMULA_H

#include "operators/cuda/geometry.h"

enum { GATTN_FORMULA_ATOMS = 16, GATTN_FORMULA_STEPS = 32 };

typedef enum gattn_key_atom_kind {
  GATTN_KEYS_INTERVAL = 1, /* begin(i) <= j < end(i) */
  GATTN_KEYS_SEGMENTS,     /* i and j in one segment of starts[n] */
  GATTN_KEYS_COLUMNS,      /* j in ranges[n] */
  GATTN_KEYS_ROWS,         /* i in ranges[n] */
  GATTN_KEYS_COMB,         /* (i mod block) mod modulus = 0; block 0: i mod … */
  GATTN_KEYS_STRIDE,       /* (i − j) mod modulus = 0 */
  GATTN_KEYS_TAIL,         /* (j mod modulus) >= modulus − width */
  GATTN_KEYS_BOUNDS,       /* lo[i] <= j < hi[i], arrays on the device */
  GATTN_KEYS_WINDOW,       /* grid of h x w, window of kh x kw centred on i,
                            * shifted at the border so that it stays inside */
  GATTN_KEYS_CELL          /* grid of h x w: one cell of kh x kw */
} gattn_key_atom_kind;

/* As gattn_bound of masks/atoms.h: block 0 a constant, block 1 i + offset, else
 * floor(i / block)·block + offset. */
typedef struct gattn_key_bound {
  int64_t block, offset;
} gattn_key_bound;

typedef struct gattn_key_atom {
  int32_t kind;
  gattn_key_bound begin, end;      /* INTERVAL */
  int64_t n;                       /* SEGMENTS, COLUMNS, ROWS */
  const int64_t *first, *second;   /* SEGMENTS: starts; COLUMNS, ROWS: begins
                                    * and ends; BOUNDS: lo and hi */
  int64_t block, modulus, width;   /* COMB, STRIDE, TAIL */
  int64_t h, w, kh, kw;            /* WINDOW, CELL */
} gattn_key_atom;

/* Postfix: steps[s] >= 0 pushes that atom's edges, −1 − operator (an
 * gattn_atoms_operator: union, intersection, difference) joins the two topmost
 * sets. n_kv bounds all keys. In a pass that numbers by a table, i and j are
 * positions of the table; else they are vertices. */
typedef struct gattn_formula {
  int32_t n_atoms, n_steps;
  int64_t n_kv;
  int8_t steps[GATTN_FORMULA_STEPS];
  gattn_key_atom atoms[GATTN_FORMULA_ATOMS];
} gattn_formula;

/* Bit b, b < count <= 64: whether the edge i → first + b·step is in the set.
 * step >= 1; the keys lie in [0, n_kv).
 *
 *     uint64_t gattn_formula_run(const gattn_formula *formula, int64_t i,
 *                                int64_t first, int64_t step, int count);
 *
 * The word of query vertex i against a key tile, bits of absent lanes clear:
 *
 *     uint64_t gattn_formula_word(const gattn_formula *formula, int64_t i,
 *                                 const gattn_tile *keys);
 *
 * Key tiles, as ascending disjoint spans of tile numbers, at most
 * GATTN_SPANS_MOST of them, that hold every edge of the query vertices (TABLE:
 * positions) of a query tile: for CLASSES and PATCHES those of `queries`, else
 * all in [first, last], and `queries` is not read. A superset: tiles without
 * an edge are possible, and spans are joined when there are too many. Returns
 * how many spans.
 *
 *     int gattn_formula_spans(const gattn_formula *formula,
 *                             const gattn_numbering *numbering,
 *                             const gattn_tile *queries, int64_t first,
 *                             int64_t last, gattn_span *spans);
 */
enum { GATTN_SPANS_MOST = 16 };

typedef struct gattn_span {
  int64_t begin, end; /* key tiles */
} gattn_span;

#endif
