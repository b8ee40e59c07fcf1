/* Neighbourhoods that are two key intervals, or one rectangle of a grid: a
 * query tile works their ends out once, and each key tile costs a comparison.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a formula says word by word stays the definition; this is for the
 * formulas that most masks are. It also compiles as C. */
#ifndef GATTN_OPERATORS_CUDA_TILE_BOUNDS_H
#define GATTN_OPERATORS_CUDA_TILE_BOUNDS_H

#include "operators/cuda/attention.h"

typedef enum gattn_bounds_kind {
  GATTN_BOUNDS_NONE = 0,  /* words come from the formula */
  GATTN_BOUNDS_INTERVALS, /* begin[n] <= key < end[n] for n = 0 or 1; keys
                           * count within the query's class for CLASSES, and
                           * other classes have none */
  GATTN_BOUNDS_RECTANGLE  /* begin[0] <= line < end[0] and the same with 1 for
                           * the column; PATCHES */
} gattn_bounds_kind;

/* Of one row; empty where begin >= end. */
typedef struct gattn_row_bounds {
  int64_t begin[2], end[2];
} gattn_row_bounds;

/* What is known of a set without a row: how many intervals it may take, and
 * whether only keys of the query's residue class are in it. */
typedef struct gattn_bounds_form {
  int intervals, own_class;
} gattn_bounds_form;

/* intervals 0: the atom is not of this form. */
GATTN_HD gattn_bounds_form gattn_bounds_atom(const gattn_key_atom *atom,
                                             const gattn_numbering *numbering) {
  const int classes = numbering->kind == GATTN_NUMBER_CLASSES;
  gattn_bounds_form form = {0, 0};
  switch (atom->kind) {
    case GATTN_KEYS_INTERVAL:
    case GATTN_KEYS_SEGMENTS:
    case GATTN_KEYS_BOUNDS:
    case GATTN_KEYS_ROWS:
      form.intervals = 1;
      break;
    case GATTN_KEYS_COLUMNS:
      form.intervals = atom->n <= 1;
      break;
    case GATTN_KEYS_STRIDE:
      form.intervals = classes && atom->modulus == numbering->stride;
      form.own_class = form.intervals;
      break;
    case GATTN_KEYS_COMB:
      form.intervals = 1;
      break;
    default:
      break;
  }
  return form;
}

GATTN_HD gattn_bounds_form gattn_bounds_join(int step, gattn_bounds_form a,
                                             gattn_bounds_form b) {
  gattn_bounds_form form = {0, 0};
  if (step == -1 - GATTN_KEYS_UNION) {
    form.intervals = a.intervals + b.intervals;
    form.own_class = a.own_class;
    if (a.own_class != b.own_class) form.intervals = 0;
  } else if (step == -1 - GATTN_KEYS_INTERSECTION) {
    form.intervals = a.intervals + b.intervals - 1;
    form.own_class = a.own_class | b.own_class;
  } else {
    form.intervals = a.intervals + b.intervals;
    form.own_class = a.own_class;
    if (b.own_class && !a.own_class) form.intervals = 0;
  }
  if (form.intervals > 2) form.intervals = 0;
  return form;
}

/* Of a formula of at least one step. Tiles are counted in 32 bits elsewhere. */
GATTN_HD gattn_bounds_kind gattn_bounds_kind_of(
    const gattn_formula *formula, const gattn_numbering *numbering) {
  const int classes = numbering->kind == GATTN_NUMBER_CLASSES;
  if (formula->n_kv >= (int64_t)1 << 36) return GATTN_BOUNDS_NONE;
  if (numbering->kind == GATTN_NUMBER_PATCHES) {
    const gattn_key_atom *atom = &formula->atoms[0];
    if (formula->n_steps != 1 || formula->steps[0] != 0 ||
        atom->h != numbering->grid_h || atom->w != numbering->grid_w)
      return GATTN_BOUNDS_NONE;
    return gattn_is_grid(atom) ? GATTN_BOUNDS_RECTANGLE : GATTN_BOUNDS_NONE;
  }
  gattn_bounds_form stack[GATTN_FORMULA_DEPTH];
  int depth = 0;
  for (int s = 0; s < formula->n_steps; s++) {
    const int step = formula->steps[s];
    if (step >= 0) {
      if (depth == GATTN_FORMULA_DEPTH) return GATTN_BOUNDS_NONE;
      stack[depth++] = gattn_bounds_atom(&formula->atoms[step], numbering);
    } else {
      depth--;
      stack[depth - 1] =
          gattn_bounds_join(step, stack[depth - 1], stack[depth]);
    }
    if (stack[depth - 1].intervals == 0) return GATTN_BOUNDS_NONE;
  }
  return !classes || stack[0].own_class ? GATTN_BOUNDS_INTERVALS
                                        : GATTN_BOUNDS_NONE;
}

/* Of a formula in a pass; NONE also where there is no formula. */
GATTN_HD gattn_bounds_kind gattn_pass_bounds(const gattn_tile_pass *pass,
                                             const gattn_formula *formula) {
  if (formula->n_steps == 0) return GATTN_BOUNDS_NONE;
  /* Rows of several classes share a tile: */
  if ((pass->rows || pass->row_all) &&
      pass->numbering.kind == GATTN_NUMBER_CLASSES)
    return GATTN_BOUNDS_NONE;
  return gattn_bounds_kind_of(formula, &pass->numbering);
}

GATTN_HD void gattn_bounds_of_atom(const gattn_formula *formula,
                                   const gattn_key_atom *atom, int64_t i,
                                   gattn_row_bounds *bounds) {
  const int64_t n = formula->n_kv;
  gattn_key_run run = {0, n}; /* STRIDE: the whole class */
  if (atom->kind == GATTN_KEYS_COLUMNS) {
    run.begin = atom->n ? atom->first[0] : 0;
    run.end = atom->n ? atom->first[1] : 0;
  } else if (atom->kind != GATTN_KEYS_STRIDE) {
    gattn_atom_interval(atom, i, &run);
  }
  bounds->begin[0] = run.begin < 0 ? 0 : run.begin;
  bounds->end[0] = run.end > n ? n : run.end;
  bounds->begin[1] = bounds->end[1] = 0;
}

GATTN_HD void gattn_bounds_clip(gattn_row_bounds *a, int n,
                                const gattn_row_bounds *b, int m) {
  if (a->begin[n] < b->begin[m]) a->begin[n] = b->begin[m];
  if (a->end[n] > b->end[m]) a->end[n] = b->end[m];
}

/* *a becomes a step b. At most one of them has two intervals, and only where
 * gattn_bounds_join allows it. */
GATTN_HD void gattn_bounds_apply(int step, gattn_row_bounds *a,
                                 const gattn_row_bounds *b) {
  if (step == -1 - GATTN_KEYS_UNION) {
    a->begin[1] = b->begin[0];
    a->end[1] = b->end[0];
  } else if (step == -1 - GATTN_KEYS_INTERSECTION) {
    gattn_row_bounds both = *b;
    if (b->begin[1] < b->end[1]) {
      gattn_bounds_clip(&both, 0, a, 0);
      gattn_bounds_clip(&both, 1, a, 0);
      *a = both;
    } else {
      gattn_bounds_clip(a, 0, b, 0);
      gattn_bounds_clip(a, 1, b, 0);
    }
  } else if (b->begin[0] < b->end[0]) {
    a->begin[1] = a->begin[0] > b->end[0] ? a->begin[0] : b->end[0];
    a->end[1] = a->end[0];
    if (a->end[0] > b->begin[0]) a->end[0] = b->begin[0];
  }
}

/* Keys of a class are counted from 0: the one after `key` in class `residue` of
 * `stride`, or key's own place. */
GATTN_HD int64_t gattn_place_in_class(int64_t key, int64_t residue,
                                      int64_t stride) {
  return key <= residue ? 0
                        : gattn_quotient(key - residue + stride - 1, stride);
}

/* Row i's bounds; kind as gattn_bounds_kind_of says, and not NONE. */
GATTN_HD gattn_row_bounds gattn_row_bounds_of(const gattn_formula *formula,
                                              const gattn_numbering *numbering,
                                              gattn_bounds_kind kind,
                                              int64_t i) {
  gattn_row_bounds stack[GATTN_FORMULA_DEPTH];
  int depth = 0;
  if (kind == GATTN_BOUNDS_RECTANGLE) {
    const gattn_key_rectangle at =
        gattn_grid_keys(&formula->atoms[0], i);
    const gattn_row_bounds rectangle = {{at.lines.begin, at.columns.begin},
                                        {at.lines.end, at.columns.end}};
    return rectangle;
  }
  for (int s = 0; s < formula->n_steps; s++) {
    const int step = formula->steps[s];
    if (step >= 0) {
      gattn_bounds_of_atom(formula, &formula->atoms[step], i, &stack[depth++]);
    } else {
      depth--;
      gattn_bounds_apply(step, &stack[depth - 1], &stack[depth]);
    }
  }
  if (numbering->kind == GATTN_NUMBER_CLASSES) {
    const int64_t stride = numbering->stride;
    const int64_t residue = i - gattn_quotient(i, stride) * stride;
    for (int n = 0; n < 2; n++) {
      stack[0].begin[n] =
          gattn_place_in_class(stack[0].begin[n], residue, stride);
      stack[0].end[n] = gattn_place_in_class(stack[0].end[n], residue, stride);
    }
  }
  return stack[0];
}

/* Bits [begin − first, end − first) of a word of 64 keys from `first` on. */
GATTN_HD uint64_t gattn_interval_word(int64_t begin, int64_t end,
                                      int64_t first) {
  const int64_t low = begin - first, high = end - first;
  const int from = low < 0 ? 0 : low > 64 ? 64 : (int)low;
  const int to = high < 0 ? 0 : high > 64 ? 64 : (int)high;
  return to > from ? (~(uint64_t)0 >> (64 - (to - from))) << from : 0;
}

/* Row `bounds` against the patch of 8 x 8 whose first line and column these
 * are. */
GATTN_HD uint64_t gattn_rectangle_word(const gattn_row_bounds *bounds,
                                       int64_t line, int64_t column) {
  const uint64_t columns =
      gattn_interval_word(bounds->begin[1], bounds->end[1], column) & 0xff;
  const int64_t low = bounds->begin[0] - line, high = bounds->end[0] - line;
  return columns * 0x0101010101010101u &
         gattn_interval_word(low * 8, high * 8, 0);
}

#endif
