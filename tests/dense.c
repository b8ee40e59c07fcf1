/* Masks as dense matrices. SPDX-License-Identifier: Apache-2.0 */
#include "dense.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "masks/graph.h"

dense dense_new(int64_t n_q, int64_t n_kv) {
  dense matrix = {n_q, n_kv, calloc((size_t)(n_q * n_kv) + 1, sizeof(bool))};
  ck_assert_ptr_nonnull(matrix.edge);
  return matrix;
}

void dense_free(dense *matrix) { free(matrix->edge); }

/* xorshift64* */
uint64_t dense_random(uint64_t *state) {
  uint64_t x = *state ? *state : 1;
  x ^= x >> 12, x ^= x << 25, x ^= x >> 27;
  *state = x;
  return x * 0x2545F4914F6CDD1Du;
}

int64_t dense_below(uint64_t *state, int64_t n) {
  return (int64_t)(dense_random(state) % (uint64_t)n);
}

dense dense_scattered(uint64_t *state, int64_t n_q, int64_t n_kv,
                      int64_t length) {
  dense matrix = dense_new(n_q, n_kv);
  for (int64_t i = 0; i < n_q; i++) {
    bool in = dense_below(state, 2);
    for (int64_t j = 0; j < n_kv; j++) {
      if (!dense_below(state, length)) in = !in;
      *dense_at(&matrix, i, j) = in;
    }
  }
  return matrix;
}

void expect_failure(gattn_context *context, gattn_status got,
                    gattn_status wanted, const char *part) {
  const char *message = gattn_context_message(context);
  ck_assert_msg(got == wanted, "%s, not %s: %s", gattn_status_name(got),
                gattn_status_name(wanted), message);
  ck_assert_msg(strstr(message, part), "'%s' is not in '%s'", part, message);
}

/* Checks run in loops too hot for ck_assert, which notes every pass. */
typedef struct asking {
  gattn_context *context;
  gattn_graph *graph;
  const dense *truth;
  const char *what;
  int64_t i;
} asking;

#define HOLDS(condition, ask, ...)                                         \
  do {                                                                     \
    if (!(condition)) refuse(ask, #condition, __LINE__, __VA_ARGS__, 0LL); \
  } while (0)

_Noreturn static void refuse(const asking *ask, const char *condition,
                             int line, long long a, long long b, ...) {
  ck_abort_msg("dense.c:%d: %s, %lld x %lld, row %lld (%lld, %lld): %s", line,
               ask->what, (long long)ask->truth->n_q,
               (long long)ask->truth->n_kv, (long long)ask->i, a, b,
               condition);
  abort();
}

static bool in(const asking *ask, int64_t j) {
  return *dense_at(ask->truth, ask->i, j);
}

static int64_t next_edge(const asking *ask, int64_t j) {
  while (j < ask->truth->n_kv && !in(ask, j)) j++;
  return j;
}

static void check_seek(const asking *ask, int64_t j) {
  int64_t n_kv = ask->truth->n_kv, next = -1, end = -1;
  int contains = -1;
  HOLDS(!gattn_graph_next(ask->context, ask->graph, ask->i, j, &next), ask, j);
  HOLDS(next == next_edge(ask, j), ask, j, next);
  HOLDS(gattn_next(ask->graph, ask->i, j) == next, ask, j, next);
  if (j == n_kv) return;
  HOLDS(!gattn_graph_contains(ask->context, ask->graph, ask->i, j, &contains),
        ask, j);
  HOLDS(contains == in(ask, j), ask, j, contains);
  gattn_status status =
      gattn_graph_stretch(ask->context, ask->graph, ask->i, j, &end);
  if (!contains) {
    HOLDS(status == GATTN_ERROR_INDEX && end == -1, ask, j, status);
    return;
  }
  HOLDS(!status && end > j && end <= n_kv, ask, j, end);
  for (int64_t k = j; k < end; k++) HOLDS(in(ask, k), ask, j, k);
}

static int64_t true_degree(const asking *ask) {
  int64_t degree = 0;
  for (int64_t j = 0; j < ask->truth->n_kv; j++) degree += in(ask, j);
  return degree;
}

static void check_row(const asking *ask, int64_t from, int64_t capacity) {
  int64_t columns[4] = {-1, -1, -1, -1}, count = -1, at = from;
  HOLDS(!gattn_graph_row(ask->context, ask->graph, ask->i, from, capacity,
                         columns, &count),
        ask, from);
  for (int64_t c = 0; c < 4; c++) {
    at = c < capacity ? next_edge(ask, at) : ask->truth->n_kv;
    if (at == ask->truth->n_kv) {
      HOLDS(columns[c] == -1, ask, from, columns[c]);
    } else {
      HOLDS(columns[c] == at++ && count > c, ask, from, columns[c]);
    }
  }
  HOLDS(count <= capacity, ask, from, count);
}

/* Position t of the class of row i. */
static bool class_in(const asking *ask, int64_t stride, int64_t t) {
  return in(ask, ask->i % stride + stride * t);
}

static void check_runs(const asking *ask, int64_t stride, int64_t lo,
                       int64_t hi, int64_t capacity) {
  gattn_run runs[8];
  int64_t at = lo, from = lo, idle = 0;
  while (from < hi) {
    int64_t upto = -1;
    int64_t n = gattn_runs(ask->graph, ask->i, stride, from, hi, runs,
                           capacity, &upto);
    HOLDS(0 <= n && n <= capacity, ask, stride, n);
    HOLDS(from < upto && upto <= hi, ask, from, upto);
    for (int64_t r = 0; r < n; r++) {
      HOLDS(at <= runs[r].begin && runs[r].begin < runs[r].end, ask, at,
            runs[r].begin);
      HOLDS(runs[r].end <= upto, ask, runs[r].end, upto);
      while (at < runs[r].begin)
        HOLDS(!class_in(ask, stride, at++), ask, stride, at - 1);
      while (at < runs[r].end)
        HOLDS(class_in(ask, stride, at++), ask, stride, at - 1);
    }
    while (at < upto) HOLDS(!class_in(ask, stride, at++), ask, stride, at - 1);
    from = upto;
    HOLDS(++idle < 1000, ask, from);
  }
}

static void check_all_runs(const asking *ask) {
  uint64_t state = (uint64_t)(ask->i * 1000003 + ask->truth->n_kv);
  for (int64_t stride = 1; stride <= 5; stride++) {
    int64_t keys =
        gattn_class_keys(ask->truth->n_kv, ask->i % stride, stride);
    for (int64_t capacity = 1; capacity <= 8; capacity += capacity / 2 + 1) {
      check_runs(ask, stride, 0, keys, capacity);
      for (int round = 0; round < 6; round++) {
        int64_t lo = dense_below(&state, keys + 1);
        check_runs(ask, stride, lo, lo + dense_below(&state, keys - lo + 1),
                   capacity);
      }
    }
  }
}

static bool rows_equal(const dense *truth, int64_t a, int64_t b) {
  for (int64_t j = 0; j < truth->n_kv; j++)
    if (*dense_at(truth, a, j) != *dense_at(truth, b, j)) return false;
  return true;
}

static void check_one_row(asking *ask, int64_t i) {
  int64_t degree = -1, n_kv = ask->truth->n_kv;
  ask->i = i;
  for (int64_t j = 0; j <= n_kv; j++) check_seek(ask, j);
  HOLDS(!gattn_graph_degree(ask->context, ask->graph, i, &degree), ask, i);
  HOLDS(degree == true_degree(ask), ask, degree, true_degree(ask));
  HOLDS(gattn_degree(ask->graph, i) == degree, ask, degree);
  for (int64_t from = 0; from <= n_kv; from += 1 + n_kv / 5)
    for (int64_t capacity = 0; capacity <= 4; capacity++)
      check_row(ask, from, capacity);
  check_all_runs(ask);
  for (int64_t b = 0; b < ask->truth->n_q; b++)
    if (gattn_same_row(ask->graph, i, b))
      HOLDS(rows_equal(ask->truth, i, b), ask, i, b);
}

static void check_count(asking *ask, int64_t begin, int64_t end) {
  gattn_graph_stats stats = {.struct_size = sizeof stats}, truth = stats;
  HOLDS(!gattn_graph_count(ask->context, ask->graph, begin, end, &stats), ask,
        begin, end);
  truth.min_degree = begin < end ? INT64_MAX : 0;
  for (ask->i = begin; ask->i < end; ask->i++) {
    int64_t degree = true_degree(ask);
    truth.edges_low += (uint64_t)degree;
    if (degree < truth.min_degree) truth.min_degree = degree;
    if (degree > truth.max_degree) truth.max_degree = degree;
    truth.empty_rows += !degree;
  }
  HOLDS(stats.queries == end - begin && stats.keys == ask->truth->n_kv, ask,
        begin, end);
  HOLDS(stats.edges_low == truth.edges_low, ask, (int64_t)stats.edges_low,
        (int64_t)truth.edges_low);
  HOLDS(stats.edges_high == 0, ask, begin, end);
  HOLDS(stats.min_degree == truth.min_degree, ask, stats.min_degree,
        truth.min_degree);
  HOLDS(stats.max_degree == truth.max_degree, ask, stats.max_degree,
        truth.max_degree);
  HOLDS(stats.empty_rows == truth.empty_rows, ask, stats.empty_rows,
        truth.empty_rows);
}

/* What the shape promises the planner. */
static void check_shape(asking *ask) {
  gattn_shape shape = gattn_shape_of(ask->graph);
  HOLDS(shape.stride >= 1, ask, shape.stride);
  for (ask->i = 0; ask->i < ask->truth->n_q; ask->i++)
    for (int64_t j = 0; j < ask->truth->n_kv; j++)
      HOLDS(!in(ask, j) || ask->i % shape.stride == j % shape.stride, ask, j,
            shape.stride);
  if (shape.form != GATTN_FORM_ROWS) return;
  for (int64_t r = 0; r < shape.n_rows; r++)
    for (ask->i = shape.rows[r].begin; ask->i < shape.rows[r].end; ask->i++)
      HOLDS(true_degree(ask) == ask->truth->n_kv, ask, r);
}

void dense_check(gattn_context *context, gattn_graph *graph,
                 const dense *truth, const char *what) {
  asking ask = {context, graph, truth, what, 0};
  int64_t n_q = truth->n_q, edges = -1, all = 0;
  HOLDS(gattn_graph_queries(graph) == n_q, &ask, gattn_graph_queries(graph));
  HOLDS(gattn_graph_keys(graph) == truth->n_kv, &ask, gattn_graph_keys(graph));
  for (int64_t i = 0; i < n_q; i++) {
    check_one_row(&ask, i);
    all += true_degree(&ask);
  }
  HOLDS(!gattn_graph_edges(context, graph, &edges), &ask, edges);
  HOLDS(edges == all, &ask, edges, all);
  check_count(&ask, 0, n_q);
  for (int64_t begin = 0; begin <= n_q; begin += 1 + n_q / 4)
    for (int64_t end = begin; end <= n_q; end += 1 + n_q / 3)
      check_count(&ask, begin, end);
  check_shape(&ask);
}

static void check_transpose(gattn_context *context, gattn_graph *graph,
                            const dense *truth, const char *what) {
  dense turned = dense_new(truth->n_kv, truth->n_q);
  for (int64_t i = 0; i < truth->n_q; i++)
    for (int64_t j = 0; j < truth->n_kv; j++)
      *dense_at(&turned, j, i) = *dense_at(truth, i, j);
  gattn_graph *transpose = NULL, *again = NULL;
  asking ask = {context, graph, truth, what, 0};
  HOLDS(!gattn_graph_transpose(context, graph, &transpose), &ask, 0);
  dense_check(context, transpose, &turned, what);
  HOLDS(!gattn_graph_transpose(context, transpose, &again), &ask, 0);
  dense_check(context, again, truth, what);
  gattn_graph_release(again);
  gattn_graph_release(transpose);
  dense_free(&turned);
}

void dense_check_derived(gattn_context *context, gattn_graph *graph,
                         const dense *truth, const char *what) {
  check_transpose(context, graph, truth, what);
  gattn_graph *stored = NULL;
  asking ask = {context, graph, truth, what, 0};
  HOLDS(!gattn_graph_materialize(context, graph, &stored), &ask, 0);
  dense_check(context, stored, truth, what);
  gattn_graph_release(stored);
}
