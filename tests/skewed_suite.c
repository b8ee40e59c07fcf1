/* The operators over rows of very different degrees: a row of every key, long
 * ones, thousands of empty ones; lists of edges, not dense matrices.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/chain.h"
#include "tests/suites.h"

enum { N_Q = 4000, N_KV = 50000, HEADS = 2, DIM = 16, HUB = 17 };

static gattn_context *context;

static void setup(void) {
  context = test_context(&(gattn_context_options){
      .struct_size = sizeof(gattn_context_options), .threads = 2});
}

static void teardown(void) {
  gattn_context_destroy(context);
  test_settle();
}

/* ------------------------------------------------------------ rows */

static int64_t degree_of(int64_t i) {
  if (i == HUB) return N_KV;
  if (i == HUB + 1) return 5000;
  if (i == N_Q - 1) return 1500;
  if (i >= 1000 && i < 3000) return 0;
  return i * 2654435761 % 13;
}

/* Neighbour c of row i, ascending in c. */
static int64_t key_of(int64_t i, int64_t c) {
  const int64_t gap = N_KV / degree_of(i);
  return c * gap + i % gap;
}

/* The rows of a frontier: vertices[n_f], offsets[n_f + 1]. */
typedef struct rows {
  gattn_graph *graph;
  gattn_frontier *frontier;
  int64_t n_f, edges;
  int64_t vertices[N_Q], offsets[N_Q + 1];
} rows;

static oracle_array numbers(const int64_t *values, int64_t count) {
  oracle_array array =
      oracle_array_make(GATTN_INT64, 1, &count, ORACLE_DENSE, 1);
  for (int64_t e = 0; e < count; e++)
    oracle_array_set(&array, e, (double)values[e]);
  oracle_array_place(&array, context);
  return array;
}

/* Of host arrays, or of tensors where the context computes. */
static gattn_graph *make_graph(bool tensors) {
  int64_t *offsets = calloc(N_Q + 1, sizeof *offsets), edges = 0;
  gattn_graph *graph;
  for (int64_t i = 0; i < N_Q; i++)
    offsets[i + 1] = offsets[i] + degree_of(i);
  int64_t *columns = calloc((size_t)offsets[N_Q], sizeof *columns);
  for (int64_t i = 0; i < N_Q; i++)
    for (int64_t c = 0; c < degree_of(i); c++) columns[edges++] = key_of(i, c);
  oracle_array o = numbers(offsets, N_Q + 1), k = numbers(columns, edges);
  if (tensors)
    ck_success(context, gattn_graph_from_csr_tensors(
                            context, N_Q, N_KV, &o.tensor, &k.tensor, &graph));
  else
    ck_success(context, gattn_graph_from_csr(context, N_Q, N_KV, offsets,
                                             columns, &graph));
  oracle_array_free(&o);
  oracle_array_free(&k);
  free(offsets);
  free(columns);
  return graph;
}

static const int64_t list[] = {HUB, 5, HUB + 1, 2000, N_Q - 1, 3, HUB, 3};

static rows *make_rows(test_frontier frontier, bool tensors) {
  rows *r = calloc(1, sizeof *r);
  r->graph = make_graph(tensors);
  r->n_f = N_Q;
  if (frontier == FRONTIER_RANGE) {
    ck_success(context,
               gattn_frontier_range(context, N_Q, 10, 3500, &r->frontier));
    r->n_f = 3490;
  } else if (frontier == FRONTIER_LIST) {
    r->n_f = sizeof list / sizeof *list;
    ck_success(context,
               gattn_frontier_list(context, N_Q, list, r->n_f, &r->frontier));
  }
  for (int64_t p = 0; p < r->n_f; p++) {
    r->vertices[p] = frontier == FRONTIER_RANGE  ? 10 + p
                     : frontier == FRONTIER_LIST ? list[p]
                                                 : p;
    r->offsets[p + 1] = r->offsets[p] + degree_of(r->vertices[p]);
  }
  ck_success(context,
             gattn_edge_count(context, r->graph, r->frontier, &r->edges));
  ck_assert_int_ge(r->edges, r->offsets[r->n_f]);
  return r;
}

static void free_rows(rows *r) {
  gattn_graph_release(r->graph);
  gattn_frontier_release(r->frontier);
  free(r);
}

/* [HEADS, edges] where the context computes, holding `values` (null: draws);
 * the tail past the last edge is NaN. */
static oracle_array edge_array(const rows *r, const double *values,
                               oracle_layout layout, uint64_t seed) {
  const int64_t shape[] = {HEADS, r->edges};
  oracle_array array =
      oracle_array_make(GATTN_FLOAT32, 2, shape, layout, seed);
  for (int64_t e = 0; e < array.elements; e++) {
    const double value = values ? values[e] : array.values[e];
    oracle_array_set(&array, e,
                     e % r->edges < r->offsets[r->n_f] ? value : NAN);
  }
  oracle_array_place(&array, context);
  return array;
}

static oracle_array array_of(gattn_type type, int64_t heads, int64_t n,
                             int64_t dim, oracle_layout layout,
                             uint64_t seed) {
  const int64_t shape[] = {heads, n, dim};
  oracle_array array =
      oracle_array_make(type, dim ? 3 : 2, shape, layout, seed);
  oracle_array_place(&array, context);
  return array;
}

/* ------------------------------------------------------------ the oracle */

static double *dots(const rows *r, const oracle_array *q,
                    const oracle_array *k) {
  double *scores = calloc((size_t)(HEADS * r->edges) + 1, sizeof *scores);
  for (int64_t h = 0; h < HEADS; h++)
    for (int64_t p = 0; p < r->n_f; p++)
      for (int64_t e = r->offsets[p]; e < r->offsets[p + 1]; e++) {
        const double *x = q->values + (h * r->n_f + p) * DIM;
        const double *y =
            k->values + key_of(r->vertices[p], e - r->offsets[p]) * DIM;
        double sum = 0;
        for (int c = 0; c < DIM; c++) sum += x[c] * y[c];
        scores[h * r->edges + e] = sum / sqrt((double)DIM);
      }
  for (int64_t h = 0; h < HEADS; h++)
    for (int64_t e = r->offsets[r->n_f]; e < r->edges; e++)
      scores[h * r->edges + e] = NAN;
  return scores;
}

static double reduced(const rows *r, gattn_monoid monoid, const double *values,
                      int64_t p) {
  double max = -INFINITY, min = INFINITY, sum = 0, exps = 0, key = -1;
  bool nan = false;
  for (int64_t e = r->offsets[p]; e < r->offsets[p + 1]; e++) {
    const double j = (double)key_of(r->vertices[p], e - r->offsets[p]);
    if (isnan(values[e]) && !nan) nan = true, key = j;
    if (!nan && (key < 0 || values[e] > max)) key = j;
    if (values[e] > max) max = values[e];
    if (values[e] < min) min = values[e];
    sum += values[e];
  }
  for (int64_t e = r->offsets[p]; e < r->offsets[p + 1]; e++)
    exps += exp(values[e] - max);
  const double lse = max == -INFINITY && !nan ? -INFINITY : max + log(exps);
  const double table[] = {nan ? NAN : max,
                          nan ? NAN : min,
                          sum,
                          lse,
                          (double)(r->offsets[p + 1] - r->offsets[p]),
                          key};
  return table[monoid];
}

/* ------------------------------------------------------------ tests */

static void check_advance(const rows *r, gattn_type type,
                          oracle_layout layout) {
  oracle_array q = array_of(type, HEADS, r->n_f, DIM, layout, 1);
  oracle_array k = array_of(type, 1, N_KV, DIM, layout, 2);
  double *expected = dots(r, &q, &k);
  oracle_array out = edge_array(r, NULL, layout, 3);
  ck_success(context, gattn_advance(context, r->graph, r->frontier, &q.tensor,
                                    &k.tensor, NULL, NULL, NULL, &out.tensor));
  oracle_assert_close("advance", &out, expected, 8);
  free(expected);
  oracle_array_free(&out);
  oracle_array_free(&k);
  oracle_array_free(&q);
}

static void check_reduce(const rows *r, gattn_monoid monoid,
                         oracle_layout layout) {
  const bool integers = monoid == GATTN_COUNT || monoid == GATTN_ARG_MAX;
  oracle_array values = edge_array(r, NULL, layout, 4);
  if (r->n_f > 100) {
    oracle_array_set(&values, r->offsets[30], NAN);
    oracle_array_set(&values, r->edges + r->offsets[31], -INFINITY);
  }
  oracle_array out =
      array_of(integers ? GATTN_INT64 : GATTN_FLOAT32, HEADS, r->n_f, 0,
               layout, 5);
  double *expected = calloc((size_t)(HEADS * r->n_f), sizeof *expected);
  for (int64_t row = 0; row < HEADS * r->n_f; row++)
    expected[row] =
        reduced(r, monoid, values.values + row / r->n_f * r->edges,
                row % r->n_f);
  ck_success(context,
             gattn_segmented_reduce(context, r->graph, r->frontier, monoid,
                                    &values.tensor, &out.tensor));
  oracle_assert_close("reduce", &out, expected, 50);
  free(expected);
  oracle_array_free(&out);
  oracle_array_free(&values);
}

static void check_softmax(const rows *r, oracle_layout layout) {
  oracle_array scores = edge_array(r, NULL, layout, 6);
  oracle_array lse = array_of(GATTN_FLOAT32, HEADS, r->n_f, 0, layout, 7);
  double *weights = calloc((size_t)(HEADS * r->edges) + 1, sizeof *weights);
  double *expected = calloc((size_t)(HEADS * r->n_f), sizeof *expected);
  for (int64_t row = 0; row < HEADS * r->n_f; row++) {
    const int64_t first = row / r->n_f * r->edges, p = row % r->n_f;
    expected[row] =
        reduced(r, GATTN_LOG_SUM_EXP, scores.values + first, p);
    for (int64_t e = r->offsets[p]; e < r->offsets[p + 1]; e++)
      weights[first + e] = exp(scores.values[first + e] - expected[row]);
  }
  for (int64_t e = 0; e < HEADS * r->edges; e++)
    if (e % r->edges >= r->offsets[r->n_f]) weights[e] = NAN;
  ck_success(context, gattn_segmented_softmax(context, r->graph, r->frontier,
                                              &scores.tensor, &scores.tensor,
                                              &lse.tensor));
  oracle_assert_close("weights", &scores, weights, 1);
  oracle_assert_close("lse", &lse, expected, 12);
  free(weights);
  free(expected);
  oracle_array_free(&lse);
  oracle_array_free(&scores);
}

/* Every seventh edge is removed, and so are the keys that hold a NaN. */
static double weight_of(int64_t e, int64_t j, double draw) {
  return e % 7 == 0 || j == 0 ? 0 : draw / 16;
}

static void check_gather(const rows *r, gattn_type type,
                         oracle_layout layout) {
  oracle_array weights = edge_array(r, NULL, layout, 8);
  oracle_array v = array_of(type, 1, N_KV, DIM, layout, 9);
  oracle_array o = array_of(type, HEADS, r->n_f, DIM, layout, 10);
  double *expected = calloc((size_t)(HEADS * r->n_f * DIM), sizeof *expected);
  double *given = calloc((size_t)(HEADS * r->edges) + 1, sizeof *given);
  for (int64_t h = 0; h < HEADS; h++)
    for (int64_t p = 0; p < r->n_f; p++)
      for (int64_t e = r->offsets[p]; e < r->offsets[p + 1]; e++) {
        const int64_t j = key_of(r->vertices[p], e - r->offsets[p]);
        const double w =
            (float)weight_of(e, j, weights.values[h * r->edges + e]);
        given[h * r->edges + e] = w;
        for (int c = 0; c < DIM; c++)
          expected[(h * r->n_f + p) * DIM + c] += w * v.values[j * DIM + c];
      }
  oracle_array_fill(&weights, given);
  for (int c = 0; c < DIM; c++) oracle_array_set(&v, c, NAN);
  ck_success(context, gattn_gather(context, r->graph, r->frontier,
                                   &weights.tensor, &v.tensor, &o.tensor));
  oracle_assert_close("gather", &o, expected, 50);
  free(given);
  free(expected);
  oracle_array_free(&o);
  oracle_array_free(&v);
  oracle_array_free(&weights);
}

START_TEST(operators) {
  const test_frontier frontier = (test_frontier)(_i % 3);
  rows *r = make_rows(frontier, _i / 3);
  for (gattn_type type = GATTN_FLOAT32; type <= GATTN_BFLOAT16; type++) {
    const oracle_layout layout = type == GATTN_FLOAT16 && _i / 3
                                     ? ORACLE_HEADS_INSIDE
                                     : ORACLE_DENSE;
    check_advance(r, type, layout);
    check_gather(r, type, layout);
  }
  for (int monoid = GATTN_MAX; monoid <= GATTN_ARG_MAX; monoid++)
    check_reduce(r, (gattn_monoid)monoid, ORACLE_DENSE);
  check_softmax(r, ORACLE_DENSE);
  free_rows(r);
}
END_TEST

/* ------------------------------------------------------------ selection */

static const double *ranked;

static int compare_ranks(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  if (ranked[x] != ranked[y]) return ranked[x] < ranked[y] ? 1 : -1;
  return (x > y) - (x < y);
}

/* Marks the edges that stay: k > 0 of the largest, or those of 1 and more. */
static void choose(const rows *r, const double *values, int64_t k,
                   bool *stays) {
  int64_t *order = calloc((size_t)N_KV, sizeof *order);
  for (int64_t p = 0; p < r->n_f; p++) {
    const int64_t first = r->offsets[p], count = r->offsets[p + 1] - first;
    for (int64_t c = 0; c < count; c++) order[c] = c;
    ranked = values + first;
    qsort(order, (size_t)count, sizeof *order, compare_ranks);
    for (int64_t c = 0; c < count; c++)
      stays[first + order[c]] =
          k ? c < k : values[first + order[c]] >= 1;
  }
  free(order);
}

/* Row p of the frontier in the graph, edge by edge. */
static void assert_row(const rows *r, const gattn_graph *graph, int64_t p,
                       const bool *stays) {
  int64_t next = -1;
  for (int64_t e = r->offsets[p]; e < r->offsets[p + 1]; e++) {
    if (!stays[e]) continue;
    ck_success(context, gattn_graph_next(context, graph, r->vertices[p],
                                         next + 1, &next));
    ck_assert_int_eq(next, key_of(r->vertices[p], e - r->offsets[p]));
  }
  if (next + 1 < N_KV)
    ck_success(context, gattn_graph_next(context, graph, r->vertices[p],
                                         next + 1, &next));
  else
    next = N_KV;
  ck_assert_int_eq(next, N_KV);
}

START_TEST(selection) {
  const int64_t ks[] = {0, 1, 3, 100, 2000};
  rows *r = make_rows((test_frontier)(_i % 2), _i / 2);
  /* Few different values, so that many tie. */
  oracle_array values = edge_array(r, NULL, ORACLE_DENSE, 11);
  for (int64_t e = 0; e < values.elements; e++)
    values.values[e] = floor(values.values[e] * 8) / 8;
  double *given = malloc(sizeof *given * (size_t)values.elements);
  memcpy(given, values.values, sizeof *given * (size_t)values.elements);
  oracle_array_fill(&values, given);
  bool *stays = calloc((size_t)r->edges + 1, 1);
  for (int n = 0; n < 5; n++) {
    gattn_graph *chosen, *head;
    if (ks[n])
      ck_success(context, gattn_top_k(context, r->graph, r->frontier,
                                      &values.tensor, ks[n], &chosen));
    else
      ck_success(context, gattn_filter_threshold(context, r->graph, r->frontier,
                                                 &values.tensor, 1, &chosen));
    for (int64_t h = 0; h < HEADS; h++) {
      ck_success(context, gattn_graph_head(context, chosen, h, &head));
      choose(r, given + h * r->edges, ks[n], stays);
      for (int64_t p = 0; p < r->n_f; p++) assert_row(r, head, p, stays);
      gattn_graph_release(head);
    }
    gattn_graph_release(chosen);
  }
  free(stays);
  free(given);
  oracle_array_free(&values);
  free_rows(r);
}
END_TEST

/* ------------------------------------------------------------ repeats */

START_TEST(bitwise_the_same) {
  rows *r = make_rows(FRONTIER_ALL, true);
  oracle_array weights = edge_array(r, NULL, ORACLE_DENSE, 12);
  oracle_array v = array_of(GATTN_FLOAT32, 1, N_KV, DIM, ORACLE_DENSE, 13);
  oracle_array o =
      array_of(GATTN_FLOAT32, HEADS, N_Q, DIM, ORACLE_DENSE, 14);
  char *first = malloc(o.bytes);
  for (int n = 0; n < 20; n++) {
    ck_success(context, gattn_gather(context, r->graph, r->frontier,
                                     &weights.tensor, &v.tensor, &o.tensor));
    oracle_array_read(&o);
    if (n == 0) memcpy(first, o.memory, o.bytes);
    ck_assert(memcmp(first, o.memory, o.bytes) == 0);
  }
  free(first);
  oracle_array_free(&o);
  oracle_array_free(&v);
  oracle_array_free(&weights);
  free_rows(r);
}
END_TEST

Suite *make_skewed_suite(void) {
  Suite *suite = suite_create("skewed rows");
  TCase *tcase = tcase_create("skewed");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, operators, 0, 6);
  tcase_add_loop_test(tcase, selection, 0, 4);
  tcase_add_test(tcase, bitwise_the_same);
  suite_add_tcase(suite, tcase);
  return suite;
}
