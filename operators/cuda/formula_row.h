/* A formula with one row put in: what a kernel resolves once, to read the words
 * of many key tiles. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_FORMULA_ROW_H
#define GATTN_OPERATORS_CUDA_FORMULA_ROW_H

#include "operators/cuda/formula_spans.h"
#include "operators/cuda/formula_word.h"

enum { GATTN_ROW_PARTS = 3 };

typedef enum gattn_row_form {
  GATTN_ROW_RUNS = 0, /* the union of parts; empty ones are none */
  GATTN_ROW_PATCH,    /* part 0, within lines part 1 times columns part 2 */
  GATTN_ROW_GENERAL   /* neither: the formula is read for every word */
} gattn_row_form;

/* Parts are runs of keys; in CLASSES, of positions within i's class. */
typedef struct gattn_formula_row {
  gattn_key_run part[GATTN_ROW_PARTS];
  int32_t form;  /* gattn_row_form */
  int32_t parts; /* those from here on are empty */
} gattn_formula_row;

GATTN_HD int gattn_run_empty(gattn_key_run run) { return run.begin >= run.end; }

GATTN_HD gattn_key_run gattn_run_common(gattn_key_run a, gattn_key_run b) {
  return gattn_key_run_of(a.begin > b.begin ? a.begin : b.begin,
                          a.end < b.end ? a.end : b.end);
}

GATTN_HD int gattn_row_empty(const gattn_formula_row *row) {
  return row->form == GATTN_ROW_RUNS && gattn_run_empty(row->part[0]) &&
         gattn_run_empty(row->part[1]) && gattn_run_empty(row->part[2]);
}

/* Adds a run to the one it touches, or to a place that is free. */
GATTN_HD void gattn_row_add(gattn_formula_row *row, gattn_key_run run) {
  if (gattn_run_empty(run)) return;
  if (row->form != GATTN_ROW_RUNS) {
    row->form = GATTN_ROW_GENERAL;
    return;
  }
  int placed = 0;
  for (int p = 0; p < GATTN_ROW_PARTS; p++) {
    gattn_key_run *part = &row->part[p];
    if (placed || gattn_run_empty(*part) || run.begin > part->end ||
        run.end < part->begin)
      continue;
    if (run.begin < part->begin) part->begin = run.begin;
    if (run.end > part->end) part->end = run.end;
    placed = 1;
  }
  for (int p = 0; p < GATTN_ROW_PARTS; p++)
    if (!placed && gattn_run_empty(row->part[p])) {
      row->part[p] = run;
      placed = 1;
    }
  if (!placed) row->form = GATTN_ROW_GENERAL;
}

GATTN_HD void gattn_row_keep(gattn_formula_row *row, gattn_key_run run) {
  for (int p = 0; p < GATTN_ROW_PARTS; p++)
    if (p == 0 || row->form == GATTN_ROW_RUNS)
      row->part[p] = gattn_run_common(row->part[p], run);
}

GATTN_HD void gattn_row_drop(gattn_formula_row *row, gattn_key_run run) {
  if (gattn_run_empty(run)) return;
  const gattn_key_run after = gattn_key_run_of(run.end, GATTN_KEYS_WITHOUT_END);
  gattn_key_run rest[GATTN_ROW_PARTS];
  for (int p = 0; p < GATTN_ROW_PARTS; p++) {
    rest[p] = gattn_key_run_of(0, 0);
    if (p > 0 && row->form != GATTN_ROW_RUNS) continue;
    rest[p] = gattn_run_common(row->part[p], after);
    if (run.begin < row->part[p].end) row->part[p].end = run.begin;
    if (!gattn_run_empty(row->part[p])) continue;
    row->part[p] = rest[p];
    rest[p] = gattn_key_run_of(0, 0);
  }
  for (int p = 0; p < GATTN_ROW_PARTS; p++) gattn_row_add(row, rest[p]);
}

/* `row` holds one run, or a rectangle and one. */
GATTN_HD void gattn_row_keep_rectangle(gattn_formula_row *row,
                                       const gattn_key_rectangle *at) {
  if (gattn_row_empty(row)) return;
  if (row->form == GATTN_ROW_PATCH) {
    row->part[1] = gattn_run_common(row->part[1], at->lines);
    row->part[2] = gattn_run_common(row->part[2], at->columns);
  } else if (row->form == GATTN_ROW_RUNS && !gattn_run_empty(row->part[0]) &&
             gattn_run_empty(row->part[1]) && gattn_run_empty(row->part[2])) {
    row->form = GATTN_ROW_PATCH;
    row->part[1] = at->lines;
    row->part[2] = at->columns;
  } else {
    row->form = GATTN_ROW_GENERAL;
  }
}

/* row = row `operator_` atom. */
GATTN_HD void gattn_row_join(const gattn_key_atom *atom,
                             const gattn_numbering *numbering, int64_t i,
                             int operator_, gattn_formula_row *row) {
  gattn_key_run run;
  int is_run = gattn_atom_interval(atom, i, &run);
  if (!is_run && atom->kind == GATTN_KEYS_STRIDE &&
      numbering->kind == GATTN_NUMBER_CLASSES &&
      numbering->stride % atom->modulus == 0) {
    run = gattn_key_run_all(1);
    is_run = 1;
  }
  if (is_run) {
    if (operator_ == GATTN_KEYS_UNION) gattn_row_add(row, run);
    if (operator_ == GATTN_KEYS_INTERSECTION) gattn_row_keep(row, run);
    if (operator_ == GATTN_KEYS_DIFFERENCE) gattn_row_drop(row, run);
  } else if (gattn_is_grid(atom) && numbering->kind == GATTN_NUMBER_PATCHES &&
             numbering->grid_w == atom->w &&
             operator_ == GATTN_KEYS_INTERSECTION) {
    const gattn_key_rectangle at = gattn_grid_keys(atom, i);
    gattn_row_keep_rectangle(row, &at);
  } else {
    row->form = GATTN_ROW_GENERAL;
  }
}

/* Key tiles are those of the numbering, in CLASSES of i's class. */
GATTN_HD void gattn_formula_row_of(const gattn_formula *formula,
                                   const gattn_numbering *numbering, int64_t i,
                                   gattn_formula_row *row) {
  const int classes =
      numbering->kind == GATTN_NUMBER_CLASSES && numbering->stride > 1;
  for (int p = 0; p < GATTN_ROW_PARTS; p++)
    row->part[p] = gattn_key_run_all(p == 0);
  row->form =
      classes && !gattn_formula_keeps_classes(formula, numbering->stride)
          ? GATTN_ROW_GENERAL
          : GATTN_ROW_RUNS;
  if (formula->n_steps == 0) row->part[0].end = 0;
  for (int s = 0; s < formula->n_steps && row->form != GATTN_ROW_GENERAL;
       s += s ? 2 : 1) {
    /* An atom and an operator at a time: no more than two sets stand there.
     * The first atom is all keys, cut to it. */
    const int step = formula->steps[s];
    const int next = s ? formula->steps[s + 1] : -1 - GATTN_KEYS_INTERSECTION;
    if (step < 0 || next >= 0)
      row->form = GATTN_ROW_GENERAL;
    else
      gattn_row_join(&formula->atoms[step], numbering, i, -1 - next, row);
  }
  row->parts = 0;
  for (int p = 0; p < GATTN_ROW_PARTS; p++)
    if (!gattn_run_empty(row->part[p])) row->parts = p + 1;
  if (!classes) return;
  const int64_t stride = numbering->stride, residue = i % stride;
  for (int p = 0; p < GATTN_ROW_PARTS; p++) {
    row->part[p].begin =
        gattn_positions_below(row->part[p].begin, residue, stride, INT64_MAX);
    row->part[p].end =
        gattn_positions_below(row->part[p].end, residue, stride, INT64_MAX);
  }
}

/* gattn_formula_word of row i. */
GATTN_HD uint64_t gattn_formula_row_word(const gattn_formula *formula,
                                         const gattn_formula_row *row,
                                         int64_t i, const gattn_tile *keys) {
  if (row->form == GATTN_ROW_GENERAL)
    return gattn_formula_word(formula, i, keys);
  uint64_t word = 0;
  if (row->form == GATTN_ROW_PATCH) {
    gattn_key_rectangle at;
    at.lines = row->part[1];
    at.columns = row->part[2];
    word = gattn_tile_rectangle(keys, &at);
    if (row->part[0].begin > 0 || row->part[0].end < formula->n_kv)
      word &= gattn_tile_interval(keys, row->part[0]);
  } else if (keys->lines == 1) {
    const int64_t first = keys->step > 1 ? keys->base / keys->step : keys->base;
    for (int p = 0; p < GATTN_ROW_PARTS; p++)
      if (p < row->parts) word |= gattn_line_interval(row->part[p], first, 1);
    return word & gattn_bits_below(keys->columns);
  } else {
    for (int p = 0; p < GATTN_ROW_PARTS; p++)
      if (p < row->parts) word |= gattn_tile_interval(keys, row->part[p]);
  }
  return word & gattn_tile_lanes_word(keys);
}

#endif
