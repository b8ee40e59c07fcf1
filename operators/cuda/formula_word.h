/* A formula read a word of 64 keys at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_FORMULA_WORD_H
#define GATTN_OPERATORS_CUDA_FORMULA_WORD_H

#include "operators/cuda/formula_atoms.h"

/* Bits of the lanes that exist. */
GATTN_HD uint64_t gattn_tile_lanes_word(const gattn_tile *tile) {
  const uint64_t line = gattn_bits_below(tile->columns);
  if (tile->lines == 1) return line;
  return gattn_bits_repeat(line, (int64_t)1 << tile->shift) &
         gattn_bits_below(tile->lines << tile->shift);
}

/* Bits of absent lanes may be anything. */
GATTN_HD uint64_t gattn_tile_interval(const gattn_tile *keys,
                                      gattn_key_run run) {
  uint64_t word = gattn_line_interval(run, keys->base, keys->step);
  if (keys->lines <= 1) return word;
  const uint64_t line = gattn_bits_below(keys->columns);
  word &= line;
  int64_t first = keys->base;
  for (int l = 1; l < keys->lines; l++) {
    first += keys->line_step;
    word |= (gattn_line_interval(run, first, keys->step) & line)
            << (l << keys->shift);
  }
  return word;
}

/* A patch of the grid that the rectangle lies on. */
GATTN_HD uint64_t gattn_tile_rectangle(const gattn_tile *keys,
                                       const gattn_key_rectangle *at) {
  const int64_t y = keys->base / keys->line_step;
  const int64_t x = keys->base - y * keys->line_step;
  const uint64_t line = gattn_line_interval(at->columns, x, 1) &
                        gattn_bits_below(1 << keys->shift);
  const int begin = gattn_lanes_below(at->lines.begin, y, 1);
  const int end = gattn_lanes_below(at->lines.end, y, 1);
  const int lines = 64 >> keys->shift;
  return gattn_bits_repeat(line, (int64_t)1 << keys->shift) &
         gattn_bits_between((begin < lines ? begin : lines) << keys->shift,
                            (end < lines ? end : lines) << keys->shift);
}

/* Bits of absent lanes may be anything. */
GATTN_HD uint64_t gattn_atom_word(const gattn_key_atom *atom, int64_t i,
                                  const gattn_tile *keys) {
  gattn_key_run run;
  if (gattn_atom_interval(atom, i, &run)) return gattn_tile_interval(keys, run);
  if (gattn_is_grid(atom) && keys->line_step == atom->w) {
    const gattn_key_rectangle at = gattn_grid_keys(atom, i);
    return gattn_tile_rectangle(keys, &at);
  }
  uint64_t word = 0;
  for (int l = 0; l < keys->lines; l++) {
    const int64_t first = keys->base + l * keys->line_step;
    const uint64_t line =
        gattn_line_word(atom, i, first, keys->step, keys->columns);
    word |= (line & gattn_bits_below(keys->columns)) << (l << keys->shift);
  }
  return word;
}

GATTN_HD uint64_t gattn_words_join(int operator_, uint64_t lower,
                                   uint64_t upper) {
  return operator_ == GATTN_KEYS_UNION          ? lower | upper
         : operator_ == GATTN_KEYS_INTERSECTION ? lower & upper
                                                : lower & ~upper;
}

GATTN_HD uint64_t gattn_formula_word(const gattn_formula *formula, int64_t i,
                                     const gattn_tile *keys) {
  /* The stack, its top first: registers that move, not an array. */
  uint64_t top = 0, second = 0, third = 0, fourth = 0;
  for (int s = 0; s < formula->n_steps; s++) {
    const int step = formula->steps[s];
    if (step >= 0) {
      fourth = third;
      third = second;
      second = top;
      top = gattn_atom_word(&formula->atoms[step], i, keys);
    } else {
      top = gattn_words_join(-1 - step, second, top);
      second = third;
      third = fourth;
    }
  }
  return top & gattn_tile_lanes_word(keys);
}

GATTN_HD uint64_t gattn_formula_run(const gattn_formula *formula, int64_t i,
                                    int64_t first, int64_t step, int count) {
  gattn_tile keys;
  keys.base = first;
  keys.step = step;
  keys.line_step = 0;
  keys.shift = 7;
  keys.columns = count;
  keys.lines = 1;
  return gattn_formula_word(formula, i, &keys);
}

#endif
