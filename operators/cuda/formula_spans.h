/* The key tiles that a query tile has edges in.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_FORMULA_SPANS_H
#define GATTN_OPERATORS_CUDA_FORMULA_SPANS_H

#include "operators/cuda/formula_extent.h"

enum { GATTN_SPANS_MOST = 16 };

typedef struct gattn_span {
  int64_t begin, end; /* key tiles */
  int64_t full;       /* every edge between lanes that exist is there */
} gattn_span;

/* What holds for all tiles of a stretch. */
typedef struct gattn_tile_status {
  uint32_t may, sure; /* 0 or 1 */
  int64_t until;      /* the tile where that may change */
} gattn_tile_status;

/* Whether tile (y, x) lies in the box; *until is brought down to the next tile
 * where that changes. */
GATTN_HD uint32_t gattn_box_holds(const gattn_tile_box *box, int64_t across,
                                  int64_t y, int64_t x, int64_t *until) {
  int64_t change = INT64_MAX;
  uint32_t inside = 0;
  if (y < box->y.begin) {
    change = box->y.begin * across + box->x.begin;
  } else if (y < box->y.end) {
    inside = box->x.begin <= x && x < box->x.end;
    if (inside && box->x.begin == 0 && box->x.end >= across)
      change = box->y.end * across;
    else if (x < box->x.begin)
      change = y * across + box->x.begin;
    else if (inside)
      change = y * across + box->x.end;
    else if (y + 1 < box->y.end)
      change = (y + 1) * across + box->x.begin;
  }
  if (change < *until) *until = change;
  return inside;
}

/* Many ranges of columns, and long tails, are no boxes: tile by tile. */
GATTN_HD void gattn_columns_at(const gattn_key_atom *atom, int64_t n_kv,
                               int64_t tile, gattn_tile_status *status) {
  const int64_t key = tile * GATTN_TILE_KEYS;
  const int64_t last =
      (n_kv - key < GATTN_TILE_KEYS ? n_kv : key + GATTN_TILE_KEYS) - 1;
  const int64_t r = gattn_search(atom->first, 2, atom->n, last);
  int64_t change = tile + 1;
  status->may = r >= 0 && atom->first[2 * r + 1] > key;
  status->sure =
      status->may && atom->first[2 * r] <= key && atom->first[2 * r + 1] > last;
  if (status->sure && last < n_kv - 1)
    change = atom->first[2 * r + 1] / GATTN_TILE_KEYS;
  else if (!status->may)
    change = r + 1 < atom->n ? atom->first[2 * (r + 1)] / GATTN_TILE_KEYS
                             : INT64_MAX;
  if (change < status->until) status->until = change;
}

GATTN_HD void gattn_tail_at(const gattn_key_atom *atom, int64_t tile,
                            gattn_tile_status *status) {
  const int64_t m = atom->modulus, at = tile * GATTN_TILE_KEYS % m;
  const int64_t head = m - atom->width;
  int64_t ahead = 0; /* keys until something changes */
  status->may = at + GATTN_TILE_KEYS > head;
  status->sure = at >= head && at + GATTN_TILE_KEYS <= m;
  if (!status->may)
    ahead = head - at - GATTN_TILE_KEYS;
  else if (status->sure)
    ahead = m - at - GATTN_TILE_KEYS;
  const int64_t change = tile + 1 + ahead / GATTN_TILE_KEYS;
  if (change < status->until) status->until = change;
}

GATTN_HD gattn_tile_status gattn_atom_at(const gattn_key_atom *atom,
                                         const gattn_tile_rows *rows,
                                         const gattn_atom_extent *extent,
                                         int64_t tile) {
  gattn_tile_status status;
  status.until = INT64_MAX;
  if (rows->kind != GATTN_NUMBER_PATCHES && rows->stride == 1) {
    if (atom->kind == GATTN_KEYS_COLUMNS) {
      gattn_columns_at(atom, rows->n_kv, tile, &status);
      return status;
    }
    if (atom->kind == GATTN_KEYS_TAIL && atom->modulus > 2 * GATTN_TILE_KEYS) {
      gattn_tail_at(atom, tile, &status);
      return status;
    }
  }
  const int64_t y = rows->down == 1 ? 0 : tile / rows->across;
  const int64_t x = tile - y * rows->across;
  status.may = gattn_box_holds(&extent->may, rows->across, y, x, &status.until);
  status.sure =
      gattn_box_holds(&extent->sure, rows->across, y, x, &status.until);
  return status;
}

/* A set joined of two. What settles it may stay longer than the other. */
GATTN_HD gattn_tile_status gattn_status_join(int operator_,
                                             gattn_tile_status lower,
                                             gattn_tile_status upper) {
  gattn_tile_status at;
  int lower_settles, upper_settles;
  if (operator_ == GATTN_KEYS_UNION) {
    at.may = lower.may | upper.may;
    at.sure = lower.sure | upper.sure;
    lower_settles = lower.sure != 0;
    upper_settles = upper.sure != 0;
  } else if (operator_ == GATTN_KEYS_INTERSECTION) {
    at.may = lower.may & upper.may;
    at.sure = lower.sure & upper.sure;
    lower_settles = lower.may == 0;
    upper_settles = upper.may == 0;
  } else {
    at.may = lower.may & ~upper.sure;
    at.sure = lower.sure & ~upper.may;
    lower_settles = lower.may == 0;
    upper_settles = upper.sure != 0;
  }
  const int upper_later = upper.until > lower.until;
  at.until = upper_later ? lower.until : upper.until;
  if (lower_settles && !(upper_settles && upper_later)) at.until = lower.until;
  if (upper_settles && !(lower_settles && !upper_later)) at.until = upper.until;
  return at;
}

/* The formula's status at a tile counted within rows' lines. */
GATTN_HD gattn_tile_status gattn_formula_at(const gattn_formula *formula,
                                            const gattn_tile_rows *rows,
                                            const gattn_atom_extent *extents,
                                            int64_t tile) {
  /* The stack, its top first. */
  gattn_tile_status top, second, third, fourth;
  top.may = top.sure = 0;
  top.until = INT64_MAX;
  second = third = fourth = top;
  for (int s = 0; s < formula->n_steps; s++) {
    const int step = formula->steps[s];
    if (step >= 0) {
      fourth = third;
      third = second;
      second = top;
      top = gattn_atom_at(&formula->atoms[step], rows, &extents[step], tile);
    } else {
      top = gattn_status_join(-1 - step, second, top);
      second = third;
      third = fourth;
    }
  }
  const int64_t end = rows->across * rows->down;
  if (top.until > end) top.until = end;
  return top;
}

/* Whether edges only join vertices of one residue class. */
GATTN_HD int gattn_formula_keeps_classes(const gattn_formula *formula,
                                         int64_t stride) {
  uint32_t kept = 0;
  for (int s = 0; s < formula->n_steps; s++) {
    const int step = formula->steps[s];
    if (step >= 0) {
      const gattn_key_atom *atom = &formula->atoms[step];
      kept = kept << 1 |
             (atom->kind == GATTN_KEYS_STRIDE && atom->modulus % stride == 0);
      continue;
    }
    const uint32_t upper = kept & 1;
    kept >>= 1;
    if (-1 - step == GATTN_KEYS_UNION) kept &= ~(uint32_t)1 | upper;
    if (-1 - step == GATTN_KEYS_INTERSECTION) kept |= upper;
  }
  return kept & 1;
}

/* Makes room for one more: joins the two spans with the least gap. */
GATTN_HD void gattn_spans_join(gattn_span *spans) {
  int at = 1;
  int64_t least = INT64_MAX;
  for (int s = 1; s < GATTN_SPANS_MOST; s++) {
    const int64_t gap = spans[s].begin - spans[s - 1].end;
    if (gap >= least) continue;
    least = gap;
    at = s;
  }
  spans[at - 1].end = spans[at].end;
  spans[at - 1].full = 0;
  for (int s = at; s + 1 < GATTN_SPANS_MOST; s++) spans[s] = spans[s + 1];
}

GATTN_HD int gattn_spans_append(gattn_span *spans, int n, int64_t begin,
                                int64_t end, int64_t full) {
  if (n > 0 && spans[n - 1].end == begin && spans[n - 1].full == full) {
    spans[n - 1].end = end;
    return n;
  }
  if (n == GATTN_SPANS_MOST) {
    gattn_spans_join(spans);
    n--;
  }
  spans[n].begin = begin;
  spans[n].end = end;
  spans[n].full = full;
  return n + 1;
}

/* A formula that joins classes: all of them, but of a tail of the stride the
 * last, which it has whole. */
GATTN_HD gattn_span gattn_span_of_classes(const gattn_formula *formula,
                                          const gattn_numbering *numbering) {
  const gattn_key_atom *atom = &formula->atoms[0];
  gattn_span span;
  span.begin = span.full = 0;
  span.end = gattn_tiles_of(numbering, GATTN_TILE_KEYS, formula->n_kv);
  if (formula->n_steps == 1 && atom->kind == GATTN_KEYS_TAIL &&
      atom->modulus == numbering->stride) {
    span.begin = (atom->modulus - atom->width) *
                 gattn_class_tiles(numbering, GATTN_TILE_KEYS, formula->n_kv);
    span.full = 1;
  }
  return span;
}

GATTN_HD int gattn_formula_spans(const gattn_formula *formula,
                                 const gattn_numbering *numbering,
                                 const gattn_tile *queries, int64_t first,
                                 int64_t last, gattn_span *spans) {
  enum { TURNS = 8 * GATTN_SPANS_MOST }; /* then the rest is one span */
  gattn_tile_rows rows;
  gattn_atom_extent extents[GATTN_FORMULA_ATOMS];
  const int found =
      gattn_tile_rows_of(numbering, formula->n_kv, queries, first, last, &rows);
  if (formula->n_steps == 0 || formula->n_kv == 0 || rows.last < rows.first)
    return 0;
  if (rows.stride > 1 && !gattn_formula_keeps_classes(formula, rows.stride)) {
    spans[0] = gattn_span_of_classes(formula, numbering);
    return spans[0].begin < spans[0].end;
  }
  if (!found) return 0;
  for (int a = 0; a < formula->n_atoms; a++)
    extents[a] = gattn_extent_atom(&formula->atoms[a], &rows);
  const int64_t end = rows.across * rows.down;
  int n = 0, turn = 0;
  for (int64_t tile = 0; tile < end; turn++) {
    gattn_tile_status at = gattn_formula_at(formula, &rows, extents, tile);
    if (turn == TURNS) {
      at.may = 1;
      at.sure = 0;
      at.until = end;
    }
    if (at.may)
      n = gattn_spans_append(spans, n, rows.number + tile,
                             rows.number + at.until, at.sure);
    tile = at.until;
  }
  return n;
}

/* Whether every edge between lanes that exist is in the set; false also where
 * that would be long to tell. For key tiles that no span has named. */
GATTN_HD int gattn_formula_full(const gattn_formula *formula,
                                const gattn_numbering *numbering,
                                const gattn_tile *queries, int64_t first,
                                int64_t last, int64_t tile) {
  gattn_tile_rows rows;
  gattn_atom_extent extents[GATTN_FORMULA_ATOMS];
  if (!gattn_tile_rows_of(numbering, formula->n_kv, queries, first, last,
                          &rows))
    return 0;
  tile -= rows.number;
  if (tile < 0 || tile >= rows.across * rows.down) return 0;
  for (int a = 0; a < formula->n_atoms; a++)
    extents[a] = gattn_extent_atom(&formula->atoms[a], &rows);
  return gattn_formula_at(formula, &rows, extents, tile).sure;
}

#endif
