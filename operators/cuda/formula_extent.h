/* In which key tiles an atom may have edges of a query tile, and in which it
 * has all of them. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_FORMULA_EXTENT_H
#define GATTN_OPERATORS_CUDA_FORMULA_EXTENT_H

#include "operators/cuda/formula_atoms.h"

/* The query vertices of a tile, and how key tiles lie: `down` lines of
 * `across` tiles, numbered from `number` on. All but PATCHES have one line. */
typedef struct gattn_tile_rows {
  int32_t kind; /* gattn_numbering_kind */
  int64_t n_kv;
  int64_t first, last;    /* least and greatest vertex */
  int64_t stride;         /* CLASSES; else 1 */
  int64_t residue, keys;  /* of the class: key = residue + stride·position */
  int64_t grid_h, grid_w; /* PATCHES */
  gattn_key_run y, x;     /* PATCHES: first and last (!) line and column */
  int64_t number, across, down;
} gattn_tile_rows;

/* Tiles: lines [y) times tiles of a line [x). */
typedef struct gattn_tile_box {
  gattn_key_run y, x;
} gattn_tile_box;

typedef struct gattn_atom_extent {
  gattn_tile_box may, sure;
} gattn_atom_extent;

/* False when there are no queries or no keys. */
GATTN_HD int gattn_tile_rows_of(const gattn_numbering *numbering, int64_t n_kv,
                                const gattn_tile *queries, int64_t first,
                                int64_t last, gattn_tile_rows *rows) {
  const int patches = numbering->kind == GATTN_NUMBER_PATCHES;
  const int classes = numbering->kind == GATTN_NUMBER_CLASSES;
  rows->kind = numbering->kind;
  rows->n_kv = n_kv;
  rows->grid_h = numbering->grid_h;
  rows->grid_w = numbering->grid_w;
  rows->stride = classes ? numbering->stride : 1;
  rows->residue = 0;
  rows->number = 0;
  rows->y = rows->x = gattn_key_run_of(0, 0);
  if (patches || classes) {
    const int none = queries->columns <= 0 || queries->lines <= 0;
    first = queries->base;
    last = none ? first - 1
                : first + (queries->columns - 1) * queries->step +
                      (queries->lines - 1) * queries->line_step;
  }
  rows->first = first;
  rows->last = last;
  if (last < first) return 0;
  if (patches) {
    rows->y = gattn_key_run_of(first / rows->grid_w, last / rows->grid_w);
    rows->x = gattn_key_run_of(first % rows->grid_w, last % rows->grid_w);
    rows->keys = n_kv;
    rows->across = (rows->grid_w + 7) / 8;
    rows->down = (rows->grid_h + 7) / 8;
    return n_kv > 0;
  }
  if (classes) {
    rows->residue = first % rows->stride;
    rows->number =
        rows->residue * gattn_class_tiles(numbering, GATTN_TILE_KEYS, n_kv);
  }
  rows->keys =
      n_kv > rows->residue ? (n_kv - rows->residue - 1) / rows->stride + 1 : 0;
  rows->across = (rows->keys + GATTN_TILE_KEYS - 1) / GATTN_TILE_KEYS;
  rows->down = 1;
  return rows->keys > 0;
}

GATTN_HD gattn_tile_box gattn_tile_box_of(gattn_key_run y, gattn_key_run x) {
  gattn_tile_box box;
  if (x.begin >= x.end || y.begin >= y.end) y = x = gattn_key_run_of(0, 0);
  box.y = y;
  box.x = x;
  return box;
}

/* Tiles of 2^shift positions that hold one of a run of the positions [0, n),
 * or all of it that there are. */
GATTN_HD gattn_key_run gattn_tiles_touched(gattn_key_run run, int shift) {
  return run.begin < run.end ? gattn_key_run_of(run.begin >> shift,
                                                ((run.end - 1) >> shift) + 1)
                             : gattn_key_run_of(0, 0);
}
GATTN_HD gattn_key_run gattn_tiles_filled(gattn_key_run run, int64_t n,
                                          int shift) {
  const int64_t whole = ((int64_t)1 << shift) - 1;
  return gattn_key_run_of(
      (run.begin + whole) >> shift,
      run.end >= n ? (n + whole) >> shift : run.end >> shift);
}

/* How many positions of the class, or lines of the grid, begin before x. */
GATTN_HD int64_t gattn_positions_below(int64_t x, int64_t residue,
                                       int64_t stride, int64_t n) {
  int64_t p = x - residue;
  if (p <= 0) return 0;
  if (stride > 1) p = (p - 1) / stride + 1;
  return p < n ? p : n;
}

/* Edges to the keys `may` at most, to the keys `sure` in every row. */
GATTN_HD gattn_atom_extent gattn_extent_of(const gattn_tile_rows *rows,
                                           gattn_key_run may,
                                           gattn_key_run sure) {
  gattn_atom_extent extent;
  const gattn_key_run line = gattn_key_run_of(0, rows->across);
  if (rows->kind == GATTN_NUMBER_PATCHES) {
    const int64_t w = rows->grid_w, h = rows->grid_h;
    /* Lines that have begun before the end, but not ended at the begin. */
    may.end = may.begin < may.end ? gattn_positions_below(may.end, 0, w, h) : 0;
    may.begin = may.begin <= 0 ? 0 : may.begin / w;
    sure.end = sure.end >= rows->n_kv ? h : sure.end <= 0 ? 0 : sure.end / w;
    sure.begin = gattn_positions_below(sure.begin, 0, w, h);
    extent.may = gattn_tile_box_of(gattn_tiles_touched(may, 3), line);
    extent.sure = gattn_tile_box_of(gattn_tiles_filled(sure, h, 3), line);
    return extent;
  }
  const int64_t a = rows->residue, s = rows->stride, n = rows->keys;
  may = gattn_key_run_of(gattn_positions_below(may.begin, a, s, n),
                         gattn_positions_below(may.end, a, s, n));
  sure = gattn_key_run_of(gattn_positions_below(sure.begin, a, s, n),
                          gattn_positions_below(sure.end, a, s, n));
  const gattn_key_run one = gattn_key_run_of(0, 1);
  extent.may = gattn_tile_box_of(one, gattn_tiles_touched(may, 6));
  extent.sure = gattn_tile_box_of(one, gattn_tiles_filled(sure, n, 6));
  return extent;
}

GATTN_HD gattn_atom_extent gattn_extent_all(const gattn_tile_rows *rows,
                                            int may, int sure) {
  return gattn_extent_of(rows, gattn_key_run_all(may), gattn_key_run_all(sure));
}

/* Of rows that are intervals whose ends never descend from row to row: the
 * first and the last row's. */
GATTN_HD gattn_atom_extent gattn_extent_ascending(const gattn_tile_rows *rows,
                                                  gattn_key_run first,
                                                  gattn_key_run last) {
  return gattn_extent_of(rows, gattn_key_run_of(first.begin, last.end),
                         gattn_key_run_of(last.begin, first.end));
}

GATTN_HD gattn_atom_extent gattn_extent_bounds(const gattn_key_atom *atom,
                                               const gattn_tile_rows *rows) {
  enum { MOST = 8 }; /* a tile of 128 rows, wherever it begins, needs 3 */
  int64_t b = rows->first / GATTN_BOUNDS_ROWS;
  const int64_t end = rows->last / GATTN_BOUNDS_ROWS + 1;
  if (end - b > MOST) return gattn_extent_all(rows, 1, 0);
  const int64_t *at = atom->second + 4 * b;
  gattn_key_run may = gattn_key_run_of(at[0], at[3]);
  gattn_key_run sure = gattn_key_run_of(at[1], at[2]);
  for (b++; b < end; b++) {
    at += 4;
    if (at[0] < may.begin) may.begin = at[0];
    if (at[1] > sure.begin) sure.begin = at[1];
    if (at[2] < sure.end) sure.end = at[2];
    if (at[3] > may.end) may.end = at[3];
  }
  return gattn_extent_of(rows, may, sure);
}

/* Patches of the atom's own grid. */
GATTN_HD gattn_atom_extent gattn_extent_patches(const gattn_key_atom *atom,
                                                const gattn_tile_rows *rows) {
  const gattn_key_run top =
      gattn_grid_side(atom->kind, rows->y.begin, atom->kh, atom->h);
  const gattn_key_run bottom =
      gattn_grid_side(atom->kind, rows->y.end, atom->kh, atom->h);
  const gattn_key_run left =
      gattn_grid_side(atom->kind, rows->x.begin, atom->kw, atom->w);
  const gattn_key_run right =
      gattn_grid_side(atom->kind, rows->x.end, atom->kw, atom->w);
  gattn_atom_extent extent;
  extent.may = gattn_tile_box_of(
      gattn_tiles_touched(gattn_key_run_of(top.begin, bottom.end), 3),
      gattn_tiles_touched(gattn_key_run_of(left.begin, right.end), 3));
  extent.sure = gattn_tile_box_of(
      gattn_tiles_filled(gattn_key_run_of(bottom.begin, top.end), atom->h, 3),
      gattn_tiles_filled(gattn_key_run_of(right.begin, left.end), atom->w, 3));
  return extent;
}

/* In any other numbering the lines' hull, which the edges fill when a line's
 * keys are all of it. */
GATTN_HD gattn_atom_extent gattn_extent_grid(const gattn_key_atom *atom,
                                             const gattn_tile_rows *rows) {
  const int64_t w = atom->w;
  if (rows->kind == GATTN_NUMBER_PATCHES && w == rows->grid_w)
    return gattn_extent_patches(atom, rows);
  const gattn_key_run first = gattn_grid_keys(atom, rows->first).lines;
  const gattn_key_run last = gattn_grid_keys(atom, rows->last).lines;
  const int wide = atom->kw >= w;
  return gattn_extent_of(
      rows, gattn_key_run_of(first.begin * w, last.end * w),
      gattn_key_run_of(last.begin * w, wide ? first.end * w : 0));
}

GATTN_HD gattn_atom_extent gattn_extent_rows(const gattn_key_atom *atom,
                                             const gattn_tile_rows *rows) {
  const int64_t a = gattn_search(atom->first, 2, atom->n, rows->first);
  const int64_t b = gattn_search(atom->first, 2, atom->n, rows->last);
  const int inside = a >= 0 && rows->first < atom->first[2 * a + 1];
  return gattn_extent_all(rows, b > a || inside,
                          inside && rows->last < atom->first[2 * a + 1]);
}

GATTN_HD gattn_atom_extent gattn_extent_atom(const gattn_key_atom *atom,
                                             const gattn_tile_rows *rows) {
  gattn_key_run first, last;
  switch (atom->kind) {
    case GATTN_KEYS_INTERVAL:
    case GATTN_KEYS_SEGMENTS:
      gattn_atom_interval(atom, rows->first, &first);
      gattn_atom_interval(atom, rows->last, &last);
      return gattn_extent_ascending(rows, first, last);
    case GATTN_KEYS_COLUMNS:
      last.begin = gattn_search(atom->first, 2, atom->n, INT64_MAX);
      return gattn_extent_of(
          rows,
          last.begin < 0 ? gattn_key_run_all(0)
                         : gattn_key_run_of(atom->first[0],
                                            atom->first[2 * last.begin + 1]),
          gattn_key_run_all(0));
    case GATTN_KEYS_ROWS:
      return gattn_extent_rows(atom, rows);
    case GATTN_KEYS_COMB:
      if (rows->first == rows->last ||
          (atom->block == 0 && rows->stride % atom->modulus == 0)) {
        gattn_atom_interval(atom, rows->first, &first);
        return gattn_extent_all(rows, first.end > 0, first.end > 0);
      }
      return gattn_extent_all(rows, 1, 0);
    case GATTN_KEYS_STRIDE:
      return gattn_extent_all(rows, 1, rows->stride % atom->modulus == 0);
    case GATTN_KEYS_BOUNDS:
      return gattn_extent_bounds(atom, rows);
    case GATTN_KEYS_TAIL:
      return gattn_extent_all(rows, atom->width > 0,
                              atom->width >= atom->modulus);
    default:
      return gattn_extent_grid(atom, rows);
  }
}

#endif
