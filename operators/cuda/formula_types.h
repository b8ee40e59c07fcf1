/* The parts of a mask in closed form, and how kernels hold them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_FORMULA_TYPES_H
#define GATTN_OPERATORS_CUDA_FORMULA_TYPES_H

#include "operators/cuda/geometry.h"

enum {
  GATTN_FORMULA_ATOMS = 16,
  GATTN_FORMULA_STEPS = 32,
  GATTN_FORMULA_DEPTH = 4, /* sets that stand on the stack at once */
  GATTN_BOUNDS_ROWS = 64   /* rows that BOUNDS sums up */
};

typedef enum gattn_key_atom_kind {
  GATTN_KEYS_INTERVAL = 1, /* begin(i) <= j < end(i) */
  GATTN_KEYS_SEGMENTS,     /* i and j in one segment of starts[n] */
  GATTN_KEYS_COLUMNS,      /* j in ranges[n] */
  GATTN_KEYS_ROWS,         /* i in ranges[n] */
  GATTN_KEYS_COMB,   /* (i mod block) mod modulus = 0; block 0: i mod … */
  GATTN_KEYS_STRIDE, /* (i − j) mod modulus = 0 */
  GATTN_KEYS_TAIL,   /* (j mod modulus) >= modulus − width */
  GATTN_KEYS_BOUNDS, /* lo[i] <= j < hi[i], arrays on the device */
  GATTN_KEYS_WINDOW, /* grid of h x w, window of kh x kw centred on i,
                      * shifted at the border so that it stays inside */
  GATTN_KEYS_CELL,   /* grid of h x w: one cell of kh x kw */
  GATTN_KEYS_READERS /* j's WINDOW holds i: the transpose */
} gattn_key_atom_kind;

/* As gattn_atoms_operator of masks/atoms.h. */
typedef enum gattn_key_operator {
  GATTN_KEYS_UNION = 0,
  GATTN_KEYS_INTERSECTION,
  GATTN_KEYS_DIFFERENCE /* the lower set without the upper */
} gattn_key_operator;

/* As gattn_bound of masks/atoms.h: block 0 a constant, block 1 i + offset, else
 * floor(i / block)·block + offset. |offset| <= 2^62. */
typedef struct gattn_key_bound {
  int64_t block, offset;
} gattn_key_bound;

typedef struct gattn_key_atom {
  int32_t kind;
  gattn_key_bound begin, end; /* INTERVAL */
  int64_t n;                  /* SEGMENTS, COLUMNS, ROWS */
  /* SEGMENTS: starts[n], strictly ascending, the first 0; the last segment has
   * no end. COLUMNS, ROWS: (begin, end)[n], ascending, disjoint. BOUNDS: (lo,
   * hi)[n_q], lo <= hi. */
  const int64_t *first;
  /* BOUNDS: (least lo, greatest lo, least hi, greatest hi) of the rows from
   * GATTN_BOUNDS_ROWS·b on, for every b. */
  const int64_t *second;
  int64_t block, modulus, width; /* COMB, STRIDE, TAIL */
  int64_t h, w, kh, kw;          /* WINDOW, CELL, READERS */
} gattn_key_atom;

/* Postfix: steps[s] >= 0 pushes that atom's edges, −1 − operator joins the two
 * topmost sets. n_kv bounds all keys. In a pass that numbers by a table, i and
 * j are positions of the table; else they are vertices. */
typedef struct gattn_formula {
  int32_t n_atoms, n_steps;
  int64_t n_kv;
  int8_t steps[GATTN_FORMULA_STEPS];
  gattn_key_atom atoms[GATTN_FORMULA_ATOMS];
} gattn_formula;

/* Interval [begin, end). */
typedef struct gattn_key_run {
  int64_t begin, end;
} gattn_key_run;

#define GATTN_KEYS_WITHOUT_END INT64_MAX

#endif
