/* How rows and edges are cut into chunks: every edge once, in order.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

#include "operators/cuda/edges/path.h"
#include "tests/dense.h"
#include "tests/suites.h"

enum { ROWS = 60 };

/* What chunks found of a row. */
typedef struct found {
  int64_t edges;  /* so far, from the first on */
  int64_t pieces; /* of a row that was cut */
  bool whole, ended;
} found;

typedef struct path {
  int64_t offsets[ROWS + 1], n, size;
  found rows[ROWS];
} path;

static int64_t degree(const path *p, int64_t r) {
  return p->offsets[r + 1] - p->offsets[r];
}

static void take(path *p, int64_t r, int64_t chunk) {
  const int64_t start = gattn_edge_place(p->offsets, r);
  const gattn_edge_piece piece =
      gattn_edge_piece_of(start, degree(p, r), chunk * p->size, p->size);
  found *row = &p->rows[r];
  ck_assert(!row->ended);
  ck_assert_int_eq(piece.from, row->edges);
  ck_assert_int_le(piece.to, degree(p, r));
  row->edges = piece.to;
  row->ended = piece.to == degree(p, r);
  if (piece.kind == GATTN_PIECE_WHOLE) {
    ck_assert(row->ended && !row->pieces);
    row->whole = true;
    return;
  }
  ck_assert_int_eq(gattn_edge_slot(start, p->size, row->pieces),
                   2 * chunk + piece.kind);
  ck_assert_int_eq(piece.kind,
                   row->pieces ? GATTN_PIECE_HEAD : GATTN_PIECE_TAIL);
  row->pieces++;
}

/* What a warp does. */
static void walk(path *p, int64_t chunk) {
  const int64_t first = chunk * p->size;
  int64_t r = 0, edges = 0;
  while (r < p->n && gattn_edge_place(p->offsets, r) < first) r++;
  if (r && gattn_edge_has_head(gattn_edge_place(p->offsets, r - 1),
                               degree(p, r - 1), first, p->size))
    r--;
  for (; r < p->n && gattn_edge_place(p->offsets, r) < first + p->size; r++) {
    const int64_t before = p->rows[r].edges;
    take(p, r, chunk);
    edges += p->rows[r].edges - before;
  }
  ck_assert_int_le(edges, 2 * p->size);
}

static void check_path(path *p) {
  const int64_t places = gattn_edge_place(p->offsets, p->n);
  const int64_t chunks = gattn_edge_chunks(places, p->size);
  for (int64_t r = 0; r < p->n; r++) p->rows[r] = (found){0};
  for (int64_t c = 0; c < chunks; c++) walk(p, c);
  for (int64_t r = 0; r < p->n; r++) {
    ck_assert(p->rows[r].ended);
    ck_assert_int_eq(p->rows[r].edges, degree(p, r));
    ck_assert(p->rows[r].whole != (p->rows[r].pieces > 0));
    ck_assert(p->rows[r].pieces != 1);
    if (degree(p, r) <= p->size) ck_assert(p->rows[r].whole);
  }
}

START_TEST(every_edge_once) {
  uint64_t state = (uint64_t)_i + 1;
  for (int round = 0; round < 400; round++) {
    path p = {.n = dense_below(&state, ROWS + 1)};
    p.size = GATTN_ROW_PLACES + 1 + dense_below(&state, 40);
    p.offsets[0] = dense_below(&state, 3);
    for (int64_t r = 0; r < p.n; r++) {
      const int64_t kind = dense_below(&state, 8);
      const int64_t edges = kind == 0   ? dense_below(&state, 10 * p.size)
                            : kind == 1 ? p.size + dense_below(&state, 3) - 1
                            : kind < 4  ? 0
                                        : dense_below(&state, p.size);
      p.offsets[r + 1] = p.offsets[r] + edges;
    }
    check_path(&p);
  }
}
END_TEST

START_TEST(sizes_are_bounded) {
  ck_assert_int_eq(gattn_edge_chunk_size(0, 1), GATTN_CHUNK_LEAST);
  ck_assert_int_eq(gattn_edge_chunk_size(INT64_MAX, 1 << 20),
                   GATTN_CHUNK_MOST);
  ck_assert_int_eq(gattn_edge_chunk_size(1000, 2112), GATTN_CHUNK_LEAST);
  ck_assert_int_eq(gattn_edge_chunks(0, 64), 0);
  ck_assert_int_eq(gattn_edge_chunks(64, 64), 1);
  ck_assert_int_eq(gattn_edge_chunks(65, 64), 2);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("edge path");
  TCase *tcase = tcase_create("path");
  tcase_add_loop_test(tcase, every_edge_once, 0, 10);
  tcase_add_test(tcase, sizes_are_bounded);
  suite_add_tcase(suite, tcase);
  return test_run(&suite, 1);
}
