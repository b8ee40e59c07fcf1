/* Atoms of a formula in one row: as an interval, as a rectangle of a grid, as
 * the word of a line of keys. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_FORMULA_ATOMS_H
#define GATTN_OPERATORS_CUDA_FORMULA_ATOMS_H

#include "operators/cuda/formula_types.h"

GATTN_HD gattn_key_run gattn_key_run_of(int64_t begin, int64_t end) {
  gattn_key_run run;
  run.begin = begin;
  run.end = end;
  return run;
}

GATTN_HD gattn_key_run gattn_key_run_all(int holds) {
  return gattn_key_run_of(0, holds ? GATTN_KEYS_WITHOUT_END : 0);
}

/* ------------------------------------------------------------ bits */

/* The n lowest bits; 0 <= n <= 64. */
GATTN_HD uint64_t gattn_bits_below(int n) {
  return n >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
}

GATTN_HD uint64_t gattn_bits_between(int begin, int end) {
  return gattn_bits_below(end) & ~gattn_bits_below(begin);
}

/* `bits` again every `period` bits. */
GATTN_HD uint64_t gattn_bits_repeat(uint64_t bits, int64_t period) {
  for (; period < 64; period <<= 1) bits |= bits << period;
  return bits;
}

GATTN_HD int gattn_clip_lane(int64_t lane) {
  return lane <= 0 ? 0 : lane >= 64 ? 64 : (int)lane;
}

/* How many of the 64 keys first + b·step lie below x. */
GATTN_HD int gattn_lanes_below(int64_t x, int64_t first, int64_t step) {
  const int64_t ahead = x - first;
  if (ahead <= 0 || step == 1) return gattn_clip_lane(ahead);
  return gattn_clip_lane((ahead - 1) / step + 1);
}

GATTN_HD uint64_t gattn_line_interval(gattn_key_run run, int64_t first,
                                      int64_t step) {
  return gattn_bits_between(gattn_lanes_below(run.begin, first, step),
                            gattn_lanes_below(run.end, first, step));
}

/* a mod m in [0, m), for any a. */
GATTN_HD int64_t gattn_modulo(int64_t a, int64_t m) {
  const int64_t rest = a % m;
  return rest < 0 ? rest + m : rest;
}

/* ------------------------------------------------------------ searches */

/* The last r with values[r·stride] <= x, or -1: values ascend. */
GATTN_HD int64_t gattn_search(const int64_t *values, int stride, int64_t n,
                              int64_t x) {
  int64_t low = 0, high = n;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (values[middle * stride] <= x)
      low = middle + 1;
    else
      high = middle;
  }
  return low - 1;
}

/* Whether x lies in one of the ranges. */
GATTN_HD int gattn_in_ranges(const int64_t *ranges, int64_t n, int64_t x) {
  const int64_t r = gattn_search(ranges, 2, n, x);
  return r >= 0 && x < ranges[2 * r + 1];
}

GATTN_HD gattn_key_run gattn_segment_at(const gattn_key_atom *atom, int64_t x) {
  const int64_t s = gattn_search(atom->first, 1, atom->n, x);
  return gattn_key_run_of(atom->first[s], s + 1 < atom->n
                                              ? atom->first[s + 1]
                                              : GATTN_KEYS_WITHOUT_END);
}

/* ------------------------------------------------------------ rows */

GATTN_HD int64_t gattn_key_bound_at(gattn_key_bound bound, int64_t i) {
  if (bound.block == 0) return bound.offset;
  if (bound.block == 1) return i + bound.offset;
  return i - i % bound.block + bound.offset;
}

/* The positions along one side of a grid, `length` long, that the atom joins
 * with x; both ends never descend as x ascends. */
GATTN_HD gattn_key_run gattn_grid_side(int32_t kind, int64_t x, int64_t size,
                                       int64_t length) {
  const int64_t half = size / 2, last = length - size;
  int64_t begin = x - half;
  if (kind == GATTN_KEYS_CELL) {
    begin = x - x % size;
    return gattn_key_run_of(begin,
                            size < length - begin ? begin + size : length);
  }
  if (kind == GATTN_KEYS_WINDOW) {
    if (begin > last) begin = last;
    if (begin < 0) begin = 0;
    return gattn_key_run_of(begin, begin + size);
  }
  return gattn_key_run_of(x < size ? 0 : begin,
                          x >= last ? length : x + half + 1);
}

GATTN_HD int gattn_is_grid(const gattn_key_atom *atom) {
  return atom->kind >= GATTN_KEYS_WINDOW;
}

/* A row's keys on a grid: lines times columns. */
typedef struct gattn_key_rectangle {
  gattn_key_run lines, columns;
} gattn_key_rectangle;

GATTN_HD gattn_key_rectangle gattn_grid_keys(const gattn_key_atom *atom,
                                             int64_t i) {
  gattn_key_rectangle at;
  at.lines = gattn_grid_side(atom->kind, i / atom->w, atom->kh, atom->h);
  at.columns = gattn_grid_side(atom->kind, i % atom->w, atom->kw, atom->w);
  return at;
}

/* Whether the atom's edges in row i are one interval of keys; then *run is that
 * interval, as far as there are keys. */
GATTN_HD int gattn_atom_interval(const gattn_key_atom *atom, int64_t i,
                                 gattn_key_run *run) {
  switch (atom->kind) {
    case GATTN_KEYS_INTERVAL:
      run->begin = gattn_key_bound_at(atom->begin, i);
      run->end = gattn_key_bound_at(atom->end, i);
      return 1;
    case GATTN_KEYS_SEGMENTS:
      *run = gattn_segment_at(atom, i);
      return 1;
    case GATTN_KEYS_ROWS:
      *run = gattn_key_run_all(gattn_in_ranges(atom->first, atom->n, i));
      return 1;
    case GATTN_KEYS_COMB:
      *run = gattn_key_run_all(
          (atom->block ? i % atom->block : i) % atom->modulus == 0);
      return 1;
    case GATTN_KEYS_BOUNDS:
      *run = gattn_key_run_of(atom->first[2 * i], atom->first[2 * i + 1]);
      return 1;
    default:
      if (!gattn_is_grid(atom) || atom->kw < atom->w) return 0;
      *run = gattn_grid_keys(atom, i).lines; /* whole lines */
      run->begin *= atom->w;
      run->end *= atom->w;
      return 1;
  }
}

/* ------------------------------------------------------------ lines */

/* Words of the keys first + b·step, b < count; bits from count on may be
 * anything. */

/* Every turn passes a lane. Ranges are looked up anew where many of them may
 * lie between two lanes. */
GATTN_HD uint64_t gattn_line_columns(const gattn_key_atom *atom, int64_t first,
                                     int64_t step, int count) {
  const int64_t *ranges = atom->first;
  int64_t r = gattn_search(ranges, 2, atom->n, first);
  uint64_t word = 0;
  if (r < 0) r = 0;
  while (r < atom->n) {
    const gattn_key_run range =
        gattn_key_run_of(ranges[2 * r], ranges[2 * r + 1]);
    const int begin = gattn_lanes_below(range.begin, first, step);
    const int end = gattn_lanes_below(range.end, first, step);
    if (begin >= count) break;
    word |= gattn_bits_between(begin, end);
    if (end >= count) break;
    r++;
    if (step > 1) {
      const int64_t later =
          gattn_search(ranges, 2, atom->n, first + end * step);
      if (later > r) r = later;
    }
  }
  return word;
}

GATTN_HD uint64_t gattn_line_stride(int64_t modulus, int64_t i, int64_t first,
                                    int64_t step, int count) {
  const int64_t ahead = gattn_modulo(i - first, modulus);
  if (step == 1)
    return ahead < 64 ? gattn_bits_repeat((uint64_t)1 << ahead, modulus) : 0;
  const int64_t turn = step % modulus;
  if (turn == 0) return ahead == 0 ? ~(uint64_t)0 : 0;
  uint64_t word = 0;
  int64_t left = ahead; /* (i - key) mod modulus */
  for (int b = 0; b < count; b++) {
    if (left == 0) word |= (uint64_t)1 << b;
    left -= turn;
    if (left < 0) left += modulus;
  }
  return word;
}

GATTN_HD uint64_t gattn_line_tail(const gattn_key_atom *atom, int64_t first,
                                  int64_t step, int count) {
  const int64_t m = atom->modulus, head = m - atom->width;
  int64_t at = first % m;
  if (step == 1) {
    /* The tail that may have begun before the line, and the next ones. */
    const gattn_key_run next = gattn_key_run_of(head - at + m, m - at + m);
    return gattn_line_interval(gattn_key_run_of(head - at, m - at), 0, 1) |
           gattn_bits_repeat(gattn_line_interval(next, 0, 1), m);
  }
  const int64_t turn = step % m;
  uint64_t word = 0;
  for (int b = 0; b < count; b++) {
    if (at >= head) word |= (uint64_t)1 << b;
    at += turn;
    if (at >= m) at -= m;
  }
  return word;
}

/* Line by line of the grid, or key by key where keys are further apart than
 * lines: at most 65 turns. */
GATTN_HD uint64_t gattn_line_grid(const gattn_key_rectangle *at, int64_t w,
                                  int64_t first, int64_t step, int count) {
  uint64_t word = 0;
  if (step > w) {
    for (int b = 0; b < count; b++) {
      const int64_t key = first + b * step, y = key / w, x = key - y * w;
      if (y >= at->lines.begin && y < at->lines.end && x >= at->columns.begin &&
          x < at->columns.end)
        word |= (uint64_t)1 << b;
    }
    return word;
  }
  int64_t y = first / w;
  if (y < at->lines.begin) y = at->lines.begin;
  for (; y < at->lines.end; y++) {
    const gattn_key_run run =
        gattn_key_run_of(y * w + at->columns.begin, y * w + at->columns.end);
    if (gattn_lanes_below(run.begin, first, step) >= count) break;
    word |= gattn_line_interval(run, first, step);
  }
  return word;
}

/* For the atoms that are not intervals. */
GATTN_HD uint64_t gattn_line_word(const gattn_key_atom *atom, int64_t i,
                                  int64_t first, int64_t step, int count) {
  switch (atom->kind) {
    case GATTN_KEYS_COLUMNS:
      return gattn_line_columns(atom, first, step, count);
    case GATTN_KEYS_STRIDE:
      return gattn_line_stride(atom->modulus, i, first, step, count);
    case GATTN_KEYS_TAIL:
      return gattn_line_tail(atom, first, step, count);
    default: {
      const gattn_key_rectangle at = gattn_grid_keys(atom, i);
      return gattn_line_grid(&at, atom->w, first, step, count);
    }
  }
}

#endif
