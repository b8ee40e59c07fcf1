/* Formulas against dense masks. SPDX-License-Identifier: Apache-2.0 */
#include "formula_case.h"

#include "operators/cuda/tile/bounds.h"

#include <check.h>
#include <stdlib.h>

bool *formula_edges(const gattn_graph *graph) {
  int64_t n_kv = graph->n_kv;
  bool *edges = calloc((size_t)(graph->n_q * n_kv) + 1, sizeof *edges);
  ck_assert_ptr_nonnull(edges);
  for (int64_t i = 0; i < graph->n_q; i++)
    for (int64_t j = gattn_next(graph, i, 0); j < n_kv;
         j = gattn_next(graph, i, j + 1))
      edges[i * n_kv + j] = true;
  return edges;
}

/* One query tile. */
typedef struct pass {
  const char *name;
  const gattn_formula *formula;
  const gattn_numbering *numbering;
  int lanes;
  int64_t n_q, n_kv, t;
  const bool *edges;
  gattn_tile queries;
  gattn_span spans[GATTN_SPANS_MOST];
  int n_spans;
} pass;

static int64_t vertex_of(const pass *at, int64_t number) {
  return at->numbering->kind == GATTN_NUMBER_TABLE
             ? at->numbering->table[number]
             : number;
}

static uint64_t word_of(const pass *at, int64_t i, const gattn_tile *keys) {
  uint64_t word = 0;
  for (int b = 0; b < 64; b++) {
    if (!gattn_tile_has(keys, b)) continue;
    int64_t j = gattn_tile_number(keys, b);
    if (j < 0 || j >= at->n_kv) ck_abort_msg("key %lld", (long long)j);
    if (at->edges[vertex_of(at, i) * at->n_kv + vertex_of(at, j)])
      word |= (uint64_t)1 << b;
  }
  return word;
}

static uint64_t lanes_of(const gattn_tile *keys) {
  uint64_t word = 0;
  for (int b = 0; b < 64; b++)
    if (gattn_tile_has(keys, b)) word |= (uint64_t)1 << b;
  return word;
}

static const gattn_span *span_of(const pass *at, int64_t k) {
  for (int s = 0; s < at->n_spans; s++)
    if (at->spans[s].begin <= k && k < at->spans[s].end) return &at->spans[s];
  return NULL;
}

/* Check writes down every assertion: too many of them here. */
static void check_word(const pass *at, const char *what, int64_t i, int64_t k,
                       uint64_t word, uint64_t expected) {
  if (word == expected) return;
  ck_abort_msg(
      "%s, numbering %d, %lld x %lld: row %lld, key tile %lld: %s is "
      "%llx, not %llx",
      at->name, at->numbering->kind, (long long)at->n_q, (long long)at->n_kv,
      (long long)i, (long long)k, what, (unsigned long long)word,
      (unsigned long long)expected);
}

/* What the tile kernels read instead of words, where a formula allows it. */
static void check_bounds(const pass *at, int64_t i, int64_t k,
                         const gattn_tile *keys, uint64_t expected) {
  gattn_bounds_kind kind = gattn_bounds_kind_of(at->formula, at->numbering);
  if (kind == GATTN_BOUNDS_NONE) return;
  gattn_row_bounds bounds =
      gattn_row_bounds_of(at->formula, at->numbering, kind, i);
  int64_t first = keys->base / keys->step, w = at->numbering->grid_w;
  uint64_t word = 0;
  if (kind == GATTN_BOUNDS_RECTANGLE)
    word = gattn_rectangle_word(&bounds, keys->base / w, keys->base % w);
  else
    for (int n = 0; n < 2; n++)
      word |= gattn_interval_word(bounds.begin[n], bounds.end[n], first);
  check_word(at, "bounds", i, k, word, expected);
}

static void check_row(const pass *at, int64_t i, int64_t k,
                      const gattn_tile *keys, uint64_t expected) {
  check_word(at, "word", i, k, gattn_formula_word(at->formula, i, keys),
             expected);
  if (at->numbering->kind == GATTN_NUMBER_CLASSES &&
      keys->base % keys->step != i % keys->step)
    return;
  check_bounds(at, i, k, keys, expected);
  gattn_formula_row row;
  gattn_formula_row_of(at->formula, at->numbering, i, &row);
  check_word(at, "row", i, k,
             gattn_formula_row_word(at->formula, &row, i, keys), expected);
}

static void check_pair(pass *at, int64_t k, formula_tiles *tiles) {
  gattn_tile keys = gattn_tile_at(at->numbering, GATTN_TILE_KEYS, at->n_kv, k);
  const gattn_span *span = span_of(at, k);
  uint64_t any = 0, all = lanes_of(&keys);
  int64_t first = at->t * at->lanes;
  for (int l = 0; l < at->lanes; l++) {
    if (!gattn_tile_has(&at->queries, l)) continue;
    int64_t i = gattn_tile_number(&at->queries, l);
    uint64_t expected = word_of(at, i, &keys);
    check_row(at, i, k, &keys, expected);
    any |= expected;
    all &= expected;
  }
  bool exists = lanes_of(&keys) != 0;
  bool filled = all == lanes_of(&keys) && exists;
  if (!span) check_word(at, "a tile without a span", first, k, any, 0);
  if (span && span->full)
    check_word(at, "full", first, k, all, lanes_of(&keys));
  bool full = gattn_formula_full(at->formula, at->numbering, &at->queries,
                                 first, first + at->queries.columns - 1, k);
  if (full) check_word(at, "full tile", first, k, all, lanes_of(&keys));
  tiles->visited += span != NULL;
  tiles->needed += any != 0;
  tiles->full += span && span->full;
  tiles->filled += filled;
}

static void check_spans(const pass *at, int64_t key_tiles) {
  ck_assert_int_le(at->n_spans, GATTN_SPANS_MOST);
  for (int s = 0; s < at->n_spans; s++) {
    ck_assert_int_lt(at->spans[s].begin, at->spans[s].end);
    ck_assert_int_ge(at->spans[s].begin, s ? at->spans[s - 1].end : 0);
    ck_assert_int_le(at->spans[s].end, key_tiles);
  }
}

formula_tiles formula_check(const char *name, const gattn_formula *formula,
                            const gattn_numbering *numbering, int lanes,
                            int64_t n_q, int64_t n_kv, const bool *edges) {
  formula_tiles tiles = {0};
  pass at = {.name = name,
             .formula = formula,
             .numbering = numbering,
             .lanes = lanes,
             .n_q = n_q,
             .n_kv = n_kv,
             .edges = edges};
  int64_t key_tiles = gattn_tiles_of(numbering, GATTN_TILE_KEYS, n_kv);
  for (at.t = 0; at.t < gattn_tiles_of(numbering, lanes, n_q); at.t++) {
    at.queries = gattn_tile_at(numbering, lanes, n_q, at.t);
    int64_t first = at.t * lanes;
    at.n_spans = gattn_formula_spans(formula, numbering, &at.queries, first,
                                     first + at.queries.columns - 1, at.spans);
    check_spans(&at, key_tiles);
    for (int64_t k = 0; k < key_tiles; k++) check_pair(&at, k, &tiles);
  }
  return tiles;
}

void formula_check_numberings(const char *name, const gattn_formula *formula,
                              const gattn_graph *graph, const bool *edges) {
  static const int lanes[] = {16, 64, 128};
  int64_t n_q = graph->n_q, n_kv = graph->n_kv;
  gattn_shape shape = gattn_shape_of(graph);
  gattn_numbering numberings[] = {linear, classes(2), classes(6),
                                  classes(shape.stride)};
  for (int l = 0; l < 3; l++)
    for (int s = 0; s < 4; s++)
      formula_check(name, formula, &numberings[s], lanes[l], n_q, n_kv, edges);
  for (int64_t h = 1; h <= n_q && n_q == n_kv; h++) {
    gattn_numbering numbering = patches(h, n_q / h);
    /* Every grid of a small graph; of others some, its own among them. */
    bool some = n_q <= 20 || h % 3 == 2 || h == 12 || h == 16;
    if (n_q % h == 0 && (some || h == shape.grid_h))
      for (int l = 0; l < 3; l++)
        formula_check(name, formula, &numbering, lanes[l], n_q, n_kv, edges);
  }
}
