/* Masks over 2^40 vertices and more: closed forms against sums that are taken
 * another way. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "masks/graph.h"

#define T    ((int64_t)1 << 40)
#define MOST GATTN_MAX_VERTICES
#define BIG  INT64_MAX

static gattn_context *context;

static void start(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), 0);
}
static void stop(void) { gattn_context_destroy(context); }

static gattn_wide edges_of(const gattn_graph *graph, int64_t begin,
                           int64_t end) {
  gattn_counts counts;
  if (begin == end) return 0;
  ck_assert(graph->class_->count(graph, begin, end, &counts));
  ck_assert_int_le(counts.min_degree, counts.max_degree);
  ck_assert_int_le(counts.empty_rows, end - begin);
  return counts.edges;
}

/* What must hold of any closed form: parts sum to the whole, a row counts its
 * degree, and the walk from a row's first key ends at the degree. */
static void check_sums(const gattn_graph *graph, const int64_t *cuts, int n) {
  gattn_wide whole = edges_of(graph, 0, graph->n_q), sum = 0;
  int64_t at = 0;
  for (int c = 0; c < n; c++) {
    int64_t row = cuts[c];
    if (row < at || row >= graph->n_q) continue;
    sum += edges_of(graph, at, row);
    ck_assert(edges_of(graph, row, row + 1) ==
              (gattn_wide)gattn_degree(graph, row));
    at = row;
  }
  ck_assert(sum + edges_of(graph, at, graph->n_q) == whole);
}

/* Rows and columns where something begins or ends. */
static void check_cuts(const gattn_graph *graph, int64_t unit) {
  int64_t n = graph->n_q;
  int64_t cuts[] = {0,         1,     unit - 1,  unit,     unit + 1, n / 3,
                    n / 2 - 1, n / 2, n / 2 + 1, n - unit, n - 2,    n - 1};
  check_sums(graph, cuts, (int)(sizeof cuts / sizeof *cuts));
}

/* Edges on the diagonals j - i = d for d in [lo, hi] and d mod step = 0,
 * diagonal by diagonal. */
static gattn_wide on_diagonals(int64_t n_q, int64_t n_kv, int64_t lo,
                               int64_t hi, int64_t step) {
  gattn_wide sum = 0;
  for (int64_t d = lo; d <= hi; d += step) {
    int64_t begin = d < 0 ? -d : 0;
    int64_t end = n_kv - d < n_q ? n_kv - d : n_q;
    if (end > begin) sum += (gattn_wide)(end - begin);
  }
  return sum;
}

static gattn_wide product(int64_t a, int64_t b) {
  return (gattn_wide)a * (gattn_wide)b;
}

#define MAKE(FUNCTION, ...) \
  ck_assert_int_eq(FUNCTION(context, __VA_ARGS__, &graph), 0)

START_TEST(bands) {
  gattn_graph *graph;
  MAKE(gattn_mask_local, T, T, 256, 256);
  ck_assert(edges_of(graph, 0, T) == on_diagonals(T, T, -256, 256, 1));
  ck_assert_int_eq(gattn_degree(graph, T - 1), 257);
  ck_assert_int_eq(gattn_next(graph, T - 1, 0), T - 257);
  check_cuts(graph, 256);
  gattn_graph_release(graph);
  MAKE(gattn_mask_local, T, T / 2, 100, 3);
  ck_assert(edges_of(graph, 0, T) == on_diagonals(T, T / 2, -100, 3, 1));
  check_cuts(graph, 100);
  gattn_graph_release(graph);
  MAKE(gattn_mask_local, T / 2, T, 1000, 7);
  ck_assert(edges_of(graph, 0, T / 2) == on_diagonals(T / 2, T, -1000, 7, 1));
  gattn_graph_release(graph);
  MAKE(gattn_mask_causal, T, T);
  ck_assert(edges_of(graph, 0, T) == product(T, T + 1) / 2);
  gattn_graph_release(graph);
  MAKE(gattn_mask_causal, T, 5);
  ck_assert(edges_of(graph, 0, T) == product(5, T - 4) + 10);
  gattn_graph_release(graph);
  MAKE(gattn_mask_prefix, T, T, T / 4);
  ck_assert(edges_of(graph, 0, T) ==
            product(T, T + 1) / 2 + product(T / 4, T / 4 - 1) / 2);
  check_cuts(graph, T / 4);
  gattn_graph_release(graph);
}
END_TEST

START_TEST(most_vertices) {
  gattn_graph *graph;
  gattn_wide most = (gattn_wide)MOST;
  MAKE(gattn_mask_full, MOST, MOST);
  ck_assert(edges_of(graph, 0, MOST) == most * most);
  gattn_graph_release(graph);
  MAKE(gattn_mask_causal, MOST, MOST);
  ck_assert(edges_of(graph, 0, MOST) == most * (most + 1) / 2);
  ck_assert_int_eq(gattn_degree(graph, MOST - 1), MOST);
  check_cuts(graph, 1000);
  gattn_graph_release(graph);
  MAKE(gattn_mask_local, MOST, MOST, BIG, BIG);
  ck_assert(edges_of(graph, 0, MOST) == most * most);
  gattn_graph_release(graph);
  MAKE(gattn_mask_dilated, MOST, MOST, 2, MOST / 4);
  ck_assert(edges_of(graph, 0, MOST) ==
            on_diagonals(MOST, MOST, -MOST / 2, MOST / 2, MOST / 4));
  check_cuts(graph, MOST / 4);
  gattn_graph_release(graph);
  MAKE(gattn_mask_dilated, MOST, MOST, BIG, BIG);
  ck_assert(edges_of(graph, 0, MOST) == most);
  ck_assert_int_eq(gattn_next(graph, MOST - 1, 0), MOST - 1);
  gattn_graph_release(graph);
  MAKE(gattn_mask_blocks, MOST, MOST, MOST);
  ck_assert(edges_of(graph, 0, MOST) == most * most);
  check_cuts(graph, 3);
  gattn_graph_release(graph);
  MAKE(gattn_mask_blocklocal, MOST, MOST, MOST - 1, BIG);
  ck_assert(edges_of(graph, 0, MOST) == most * most);
  gattn_graph_release(graph);
  MAKE(gattn_mask_fixed, MOST, MOST, MOST, 1);
  ck_assert(edges_of(graph, 0, MOST) == most * most);
  gattn_graph_release(graph);
  MAKE(gattn_mask_fixed, MOST, MOST, BIG, BIG - 1);
  ck_assert(edges_of(graph, 0, MOST) == most * most);
  ck_assert_int_eq(gattn_stretch(graph, MOST - 1, 5), MOST);
  gattn_graph_release(graph);
  MAKE(gattn_mask_dilated2d, MOST, MOST, BIG, MOST / 2);
  ck_assert(edges_of(graph, 0, MOST) == 4);
  ck_assert_int_eq(gattn_next(graph, MOST / 2, 1), MOST / 2);
  gattn_graph_release(graph);
}
END_TEST

START_TEST(dilated) {
  static const int64_t shapes[][2] = {{T, T}, {T, T / 2 + 3}, {T / 3, T}};
  gattn_graph *graph;
  int64_t n_q = shapes[_i][0], n_kv = shapes[_i][1];
  MAKE(gattn_mask_dilated, n_q, n_kv, 64, 1001);
  ck_assert(edges_of(graph, 0, n_q) ==
            on_diagonals(n_q, n_kv, -64064, 64064, 1001));
  ck_assert_int_eq(gattn_next(graph, T / 4, T / 4 + 1), T / 4 + 1001);
  check_cuts(graph, 1001);
  gattn_graph_release(graph);
  /* Few diagonals, far apart. */
  int64_t s = T / 7 + 5;
  MAKE(gattn_mask_strided, n_q, n_kv, s);
  ck_assert(edges_of(graph, 0, n_q) ==
            on_diagonals(n_q, n_kv, -8 * s, 8 * s, s));
  check_cuts(graph, s);
  gattn_graph_release(graph);
  /* Blocks one by one; in each, rows times keys of the comb. */
  int64_t b = T / 10 + 1, r = 37;
  gattn_wide want = 0;
  for (int64_t at = 0; at < n_q && at < n_kv; at += b) {
    int64_t rows = n_q - at < b ? n_q - at : b;
    int64_t keys = n_kv - at < b ? n_kv - at : b;
    want += product((rows + r - 1) / r, (keys + r - 1) / r);
  }
  MAKE(gattn_mask_dilated2d, n_q, n_kv, b, r);
  ck_assert(edges_of(graph, 0, n_q) == want);
  check_cuts(graph, b);
  gattn_graph_release(graph);
}
END_TEST

static int64_t overlap(int64_t a, int64_t b, int64_t lo, int64_t hi) {
  if (a < lo) a = lo;
  if (b > hi) b = hi;
  return b > a ? b - a : 0;
}

START_TEST(blocks) {
  static const int64_t shapes[][2] = {{T, T}, {T, T / 2 + 3}, {T / 3, T}};
  int64_t n_q = shapes[_i][0], n_kv = shapes[_i][1];
  int64_t b = T / 100 + 7, c = b / 5;
  gattn_graph *graph, *transpose;
  gattn_wide own = 0, near = 0, fixed = 0;
  for (int64_t i = 0; i < n_q; i += b) {
    int64_t rows = overlap(i, i + b, 0, n_q);
    own += product(rows, overlap(i, i + b, 0, n_kv));
    near += product(rows, overlap(i - 2 * b, i + 3 * b, 0, n_kv));
    for (int64_t j = 0; j < n_kv; j += b)
      fixed += product(rows, i == j ? overlap(j, j + b, 0, n_kv)
                                    : overlap(j + b - c, j + b, 0, n_kv));
  }
  MAKE(gattn_mask_blocks, n_q, n_kv, b);
  ck_assert(edges_of(graph, 0, n_q) == own);
  check_cuts(graph, b);
  gattn_graph_release(graph);
  MAKE(gattn_mask_blocklocal, n_q, n_kv, b, 2);
  ck_assert(edges_of(graph, 0, n_q) == near);
  check_cuts(graph, 2 * b);
  gattn_graph_release(graph);
  MAKE(gattn_mask_fixed, n_q, n_kv, b, c);
  ck_assert(edges_of(graph, 0, n_q) == fixed);
  check_cuts(graph, b);
  ck_assert_int_eq(gattn_graph_transpose(context, graph, &transpose), 0);
  ck_assert(edges_of(transpose, 0, n_kv) == fixed);
  check_cuts(transpose, b);
  gattn_graph_release(transpose);
  gattn_graph_release(graph);
}
END_TEST

START_TEST(sets_and_documents) {
  gattn_graph *graph;
  gattn_range set[] = {{T - 5, T}, {0, 64}, {T / 2, T / 2 + 1}};
  int64_t starts[] = {0, 100, T / 3, T - 1};
  MAKE(gattn_mask_rows, T, T / 2, set, 3);
  ck_assert(edges_of(graph, 0, T) == product(70, T / 2));
  check_cuts(graph, 64);
  gattn_graph_release(graph);
  MAKE(gattn_mask_cols, T / 2, T, set, 3);
  ck_assert(edges_of(graph, 0, T / 2) == product(70, T / 2));
  ck_assert_int_eq(gattn_next(graph, 9, 64), T / 2);
  ck_assert_int_eq(gattn_next(graph, 9, T / 2 + 1), T - 5);
  gattn_graph_release(graph);
  MAKE(gattn_mask_documents, T, T, starts, 4);
  ck_assert(edges_of(graph, 0, T) ==
            product(100, 100) + product(T / 3 - 100, T / 3 - 100) +
                product(T - 1 - T / 3, T - 1 - T / 3) + 1);
  check_cuts(graph, 100);
  ck_assert_int_eq(gattn_next(graph, T / 3, 0), T / 3);
  gattn_graph_release(graph);
}
END_TEST

START_TEST(random_keys) {
  gattn_graph *graph;
  MAKE(gattn_mask_random, T, T, 32, 7);
  ck_assert(edges_of(graph, 0, T) == product(T, 32));
  gattn_graph_release(graph);
  MAKE(gattn_mask_randomblocks, T, T, 64, 3, 7);
  ck_assert(edges_of(graph, 0, T) == product(T, 192));
  check_cuts(graph, 64);
  gattn_graph_release(graph);
}
END_TEST

START_TEST(grids) {
  gattn_graph *graph, *transpose;
  int64_t h = (int64_t)1 << 18, w = (int64_t)1 << 22, n = h * w;
  MAKE(gattn_mask_neighborhood2d, n, n, h, w, 7, 1001);
  ck_assert(edges_of(graph, 0, n) == product(n, 7007));
  check_cuts(graph, w);
  ck_assert_int_eq(gattn_graph_transpose(context, graph, &transpose), 0);
  ck_assert(edges_of(transpose, 0, n) == product(n, 7007));
  check_cuts(transpose, w + 500);
  gattn_graph_release(transpose);
  gattn_graph_release(graph);
  /* Cells of 2^10 × 10^6 tokens, those at the right border 194304 wide. */
  MAKE(gattn_mask_blocks2d, n, n, h, w, 1024, 1000000);
  gattn_wide cell = product(1024000000, 1024000000);
  gattn_wide border = product(1024 * 194304, 1024 * 194304);
  ck_assert(edges_of(graph, 0, n) == 256 * (4 * cell + border));
  check_cuts(graph, w - 3);
  gattn_graph_release(graph);
}
END_TEST

/* A path of 2^18 vertices hanging on another: walks of a row are short, and so
 * is a walk through all its keys. */
START_TEST(long_paths) {
  enum { N = 1 << 18 };
  int64_t *parents = malloc(N * sizeof *parents);
  for (int64_t v = 0; v < N; v++)
    parents[v] = v < N / 2 ? v - 1 : v == N / 2 ? 7 : v - 1;
  gattn_graph *graph;
  MAKE(gattn_mask_tree, N, N, parents, N);
  ck_assert_int_eq(gattn_degree(graph, N - 1), N / 2 + 8);
  ck_assert_int_eq(gattn_stretch(graph, N - 1, 0), 8);
  ck_assert_int_eq(gattn_next(graph, N - 1, 8), N / 2);
  ck_assert_int_eq(gattn_stretch(graph, N - 1, N / 2), N);
  gattn_graph_release(graph);
  /* No two ancestors touch: every second vertex. */
  for (int64_t v = 0; v < N; v++) parents[v] = v < 2 ? -1 : v - 2;
  MAKE(gattn_mask_tree, N, N, parents, N);
  int64_t seen = 0;
  gattn_run runs[100];
  for (int64_t lo = 0; lo < N;) {
    int64_t n = gattn_runs(graph, N - 1, 1, lo, N, runs, 100, &lo);
    for (int64_t r = 0; r < n; r++, seen++)
      ck_assert_int_eq(runs[r].begin, 2 * seen + 1);
  }
  ck_assert_int_eq(seen, N / 2);
  for (int64_t j = 0; j < N; j += 2)
    ck_assert_int_eq(gattn_next(graph, N - 1, j), j + 1);
  gattn_graph_release(graph);
  free(parents);
}
END_TEST

static Suite *make_masks_large_suite(void) {
  Suite *suite = suite_create("large masks");
  TCase *tcase = tcase_create("large");
  tcase_add_checked_fixture(tcase, start, stop);
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, bands);
  tcase_add_test(tcase, most_vertices);
  tcase_add_loop_test(tcase, dilated, 0, 3);
  tcase_add_loop_test(tcase, blocks, 0, 3);
  tcase_add_test(tcase, sets_and_documents);
  tcase_add_test(tcase, random_keys);
  tcase_add_test(tcase, grids);
  tcase_add_test(tcase, long_paths);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_masks_large_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
