/* Random masks: exact numbers, purity, uniformity, independence.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "masks/draw.h"
#include "masks/graph.h"

static gattn_context *context;

static void start(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), 0);
}
static void stop(void) { gattn_context_destroy(context); }

static gattn_graph *random_mask(int64_t n_q, int64_t n_kv, int64_t k,
                                int64_t seed) {
  gattn_graph *graph;
  ck_assert_int_eq(gattn_mask_random(context, n_q, n_kv, k, seed, &graph), 0);
  return graph;
}

/* The keys of a row by its runs, at most `capacity` a call. */
static int64_t row_by_runs(const gattn_graph *graph, int64_t i,
                           int64_t capacity, int64_t *keys, int64_t most) {
  gattn_run runs[300];
  int64_t n = 0;
  for (int64_t lo = 0; lo < graph->n_kv;) {
    int64_t got = gattn_runs(graph, i, 1, lo, graph->n_kv, runs, capacity, &lo);
    for (int64_t r = 0; r < got; r++)
      for (int64_t j = runs[r].begin; j < runs[r].end; j++) {
        ck_assert_int_lt(n, most);
        keys[n++] = j;
      }
  }
  return n;
}

static int64_t row_by_next(const gattn_graph *graph, int64_t i, int64_t *keys,
                           int64_t most) {
  int64_t n = 0;
  for (int64_t j = gattn_next(graph, i, 0); j < graph->n_kv;
       j = gattn_next(graph, i, j + 1)) {
    ck_assert_int_lt(n, most);
    keys[n++] = j;
  }
  return n;
}

/* Sparse, dense, more than are drawn at once, all but a few, all, too many. */
static const struct {
  int64_t n_kv, k;
} shapes[] = {{100, 32},      {131072, 32},    {64, 63},     {64, 64},
              {64, 65},       {1000, 512},     {1000, 513},  {3000, 513},
              {3000, 2999},   {3000, 1500},    {5001, 2400}, {1100, 1024},
              {1 << 20, 700}, {1 << 20, 5000}, {4097, 4000}};

START_TEST(exact_numbers) {
  enum { MOST = 5100 };
  static int64_t keys[MOST], again[MOST];
  int64_t n_kv = shapes[_i].n_kv, k = shapes[_i].k;
  int64_t want = k < n_kv ? k : n_kv;
  gattn_graph *graph = random_mask(4, n_kv, k, 7);
  for (int64_t i = 0; i < 4; i++) {
    ck_assert_int_eq(row_by_runs(graph, i, 300, keys, MOST), want);
    ck_assert_int_eq(gattn_degree(graph, i), want);
    for (int64_t x = 1; x < want; x++) ck_assert_int_gt(keys[x], keys[x - 1]);
    ck_assert_int_ge(keys[0], 0);
    ck_assert_int_lt(keys[want - 1], n_kv);
    ck_assert_int_eq(row_by_runs(graph, i, 1, again, MOST), want);
    ck_assert_int_eq(memcmp(keys, again, (size_t)want * sizeof *keys), 0);
    if (i > 0) continue;
    ck_assert_int_eq(row_by_next(graph, i, again, MOST), want);
    ck_assert_int_eq(memcmp(keys, again, (size_t)want * sizeof *keys), 0);
  }
  gattn_graph_release(graph);
}
END_TEST

/* Sum over bins of (seen - expected)^2 / expected, as deviations from its mean
 * of bins - 1 in units of its standard deviation. Drawing without replacement
 * only lowers it. */
static double excess(const int64_t *seen, int64_t bins, double expected) {
  double sum = 0;
  for (int64_t b = 0; b < bins; b++) {
    double off = (double)seen[b] - expected;
    sum += off * off / expected;
  }
  return (sum - (double)(bins - 1)) / sqrt(2.0 * (double)(bins - 1));
}

/* All rows together meet every key alike, drawn at once or in parts. */
START_TEST(uniform_keys) {
  static const int64_t cases[][3] = {
      {4000, 97, 5}, {4000, 97, 60}, {600, 1500, 700}, {60, 4001, 1300}};
  enum { MOST = 5000 };
  static int64_t keys[MOST], seen[MOST];
  int64_t n_q = cases[_i][0], n_kv = cases[_i][1], k = cases[_i][2];
  for (int64_t seed = 0; seed < 3; seed++) {
    gattn_graph *graph = random_mask(n_q, n_kv, k, seed);
    memset(seen, 0, sizeof seen);
    for (int64_t i = 0; i < n_q; i++) {
      int64_t n = row_by_runs(graph, i, 300, keys, MOST);
      for (int64_t x = 0; x < n; x++) seen[keys[x]]++;
    }
    double off = excess(seen, n_kv, (double)n_q * (double)k / (double)n_kv);
    ck_assert_msg(off < 5, "n_kv %d, k %d: %g", (int)n_kv, (int)k, off);
    gattn_graph_release(graph);
  }
}
END_TEST

/* Rows of neighbouring i, and of neighbouring seeds, share as many keys as
 * independent rows would: k^2/n on average. */
START_TEST(independent_rows) {
  enum { ROWS = 400, N = 1000, K = 50 };
  int64_t keys[K], other[K], same_i = 0, same_seed = 0;
  gattn_graph *graph = random_mask(ROWS, N, K, 1);
  gattn_graph *next = random_mask(ROWS, N, K, 2);
  for (int64_t i = 0; i + 1 < ROWS; i++) {
    row_by_runs(graph, i, 300, keys, K);
    int contains;
    row_by_runs(graph, i + 1, 300, other, K);
    for (int64_t x = 0; x < K; x++) {
      ck_assert_int_eq(
          gattn_graph_contains(context, graph, i, other[x], &contains), 0);
      same_i += contains;
      ck_assert_int_eq(
          gattn_graph_contains(context, next, i, keys[x], &contains), 0);
      same_seed += contains;
    }
  }
  /* 2.5 · 399 expected, with a standard deviation below sqrt of that. */
  ck_assert_int_ge(same_i, 998 - 160);
  ck_assert_int_le(same_i, 998 + 160);
  ck_assert_int_ge(same_seed, 998 - 160);
  ck_assert_int_le(same_seed, 998 + 160);
  gattn_graph_release(next);
  gattn_graph_release(graph);
}
END_TEST

/* The same arguments give the same graph; other ones another. n_q and other
 * rows have no say. */
START_TEST(pure) {
  int64_t keys[32], again[32], columns[32], count;
  gattn_graph *graph = random_mask(100, 5000, 32, 9);
  gattn_graph *twin = random_mask(8, 5000, 32, 9);
  gattn_graph *seed = random_mask(8, 5000, 32, 10);
  row_by_runs(graph, 5, 300, keys, 32);
  row_by_runs(twin, 5, 300, again, 32);
  ck_assert_int_eq(memcmp(keys, again, sizeof keys), 0);
  ck_assert_int_eq(gattn_graph_row(context, twin, 5, 0, 32, columns, &count),
                   0);
  ck_assert_int_eq(memcmp(keys, columns, sizeof keys), 0);
  row_by_runs(graph, 6, 300, again, 32);
  ck_assert_int_ne(memcmp(keys, again, sizeof keys), 0);
  row_by_runs(seed, 5, 300, again, 32);
  ck_assert_int_ne(memcmp(keys, again, sizeof keys), 0);
  gattn_graph_release(seed);
  gattn_graph_release(twin);
  gattn_graph_release(graph);
}
END_TEST

/* Subsets of 5 numbers: all 10 pairs, and triples, come alike. */
START_TEST(uniform_subsets) {
  for (int64_t k = 2; k <= 3; k++) {
    int64_t seen[32] = {0}, met[10], n = 0;
    for (uint64_t key = 0; key < 20000; key++) {
      int64_t numbers[3];
      int bits = 0;
      gattn_draw(key, 5, k, numbers);
      for (int64_t x = 0; x < k; x++) bits |= 1 << numbers[x];
      seen[bits]++;
    }
    for (int bits = 0; bits < 32; bits++)
      if (__builtin_popcount((unsigned)bits) == k)
        met[n++] = seen[bits];
      else
        ck_assert_int_eq(seen[bits], 0);
    ck_assert_double_lt(excess(met, 10, 2000), 5);
  }
}
END_TEST

/* Halves get what the hypergeometric distribution says: mean k/2 (a little
 * less for an odd n) and variance k(n-k)/4(n-1), and never more than there
 * is. */
START_TEST(splits) {
  static const int64_t cases[][2] = {
      {10, 4},        {11, 4},      {9, 8},          {1000, 900},
      {1 << 20, 600}, {7001, 3000}, {1 << 20, 99999}};
  enum { TRIES = 4000 };
  int64_t n = cases[_i][0], k = cases[_i][1];
  double sum = 0, squares = 0;
  for (uint64_t key = 0; key < TRIES; key++) {
    int64_t left = gattn_draw_split(key, n, k);
    ck_assert_int_ge(left, 0);
    ck_assert_int_le(left, n / 2);
    ck_assert_int_le(left, k);
    ck_assert_int_le(k - left, n - n / 2);
    sum += (double)left;
    squares += (double)left * (double)left;
  }
  double mean = (double)k * (double)(n / 2) / (double)n;
  double variance = (double)k * (double)(n / 2) * (double)(n - n / 2) /
                    ((double)n * (double)n) * (double)(n - k) / (double)(n - 1);
  double got = sum / TRIES, spread = squares / TRIES - got * got;
  ck_assert_double_lt(fabs(got - mean), 5 * sqrt((variance + 0.3) / TRIES));
  ck_assert_double_lt(fabs(spread - variance), 0.15 * variance + 0.3);
}
END_TEST

/* A row of a large graph, and a key of it by every route. */
START_TEST(large) {
  int64_t keys[64], n = (int64_t)1 << 40, i = n - 3;
  gattn_graph *graph = random_mask(n, n, 64, 3);
  ck_assert_int_eq(row_by_runs(graph, i, 300, keys, 64), 64);
  ck_assert_int_gt(keys[63], n / 2);
  ck_assert_int_lt(keys[0], n / 2);
  for (int x = 0; x < 64; x++) {
    ck_assert_int_eq(gattn_next(graph, i, keys[x]), keys[x]);
    ck_assert_int_eq(gattn_stretch(graph, i, keys[x]), keys[x] + 1);
    ck_assert_int_eq(gattn_next(graph, i, keys[x] + 1),
                     x < 63 ? keys[x + 1] : n);
  }
  gattn_graph_release(graph);
  /* So many that only a part of the row can ever be asked for. */
  graph = random_mask(n, n, n / 16, 3);
  int64_t at = gattn_next(graph, i, n / 3);
  ck_assert_int_ge(at, n / 3);
  ck_assert_int_lt(at, n / 3 + 1000);
  ck_assert_int_eq(gattn_next(graph, i, at), at);
  gattn_graph_release(graph);
  graph = random_mask(n, n, n - 2, 3);
  at = gattn_stretch(graph, i, 0);
  ck_assert_int_gt(at, 0);
  gattn_graph_release(graph);
}
END_TEST

static Suite *make_masks_random_suite(void) {
  Suite *suite = suite_create("random masks");
  TCase *tcase = tcase_create("random");
  tcase_add_checked_fixture(tcase, start, stop);
  tcase_set_timeout(tcase, 60);
  tcase_add_loop_test(tcase, exact_numbers, 0,
                      (int)(sizeof shapes / sizeof *shapes));
  tcase_add_loop_test(tcase, uniform_keys, 0, 4);
  tcase_add_test(tcase, independent_rows);
  tcase_add_test(tcase, pure);
  tcase_add_test(tcase, uniform_subsets);
  tcase_add_loop_test(tcase, splits, 0, 7);
  tcase_add_test(tcase, large);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_masks_random_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
