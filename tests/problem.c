/* Problems of attention for tests. SPDX-License-Identifier: Apache-2.0 */
#include "tests/problem.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool hashed(int64_t i, int64_t j) {
  uint64_t state = (uint64_t)(i * 1000003 + j);
  return i % 3 != 1 && oracle_random(&state) % 4 == 0;
}

static bool is_edge(test_mask mask, int64_t i, int64_t j) {
  switch (mask) {
    case MASK_FULL:
      return true;
    case MASK_CAUSAL:
      return j <= i;
    case MASK_BAND:
      return j - i >= -3 && j - i <= 2;
    case MASK_STRIDED:
      return llabs(i - j) % 3 == 0;
    case MASK_HOLES:
      return hashed(i, j);
    default:
      return false;
  }
}

static const char *const expressions[] = {
    [MASK_FULL] = "full",           [MASK_CAUSAL] = "causal",
    [MASK_BAND] = "local(3, 2)",    [MASK_STRIDED] = "strided(3)",
    [MASK_NOTHING] = "full - full",
};

static gattn_graph *coordinates(gattn_context *context, int64_t n_q,
                                int64_t n_kv) {
  int64_t count = 0;
  size_t bytes = (size_t)(n_q * n_kv + 1) * sizeof(int64_t);
  int64_t *rows = malloc(bytes), *columns = malloc(bytes);
  gattn_graph *graph = NULL;
  for (int64_t i = n_q; i-- > 0;)
    for (int64_t j = 0; j < n_kv; j++)
      if (hashed(i, j)) rows[count] = i, columns[count++] = j;
  ck_assert_int_eq(
      gattn_graph_from_coo(context, n_q, n_kv, count, rows, columns, &graph),
      GATTN_SUCCESS);
  free(rows);
  free(columns);
  return graph;
}

static gattn_graph *make_mask(gattn_context *context, test_mask mask,
                              int64_t n_q, int64_t n_kv) {
  gattn_graph *graph = NULL;
  if (mask == MASK_HOLES) return coordinates(context, n_q, n_kv);
  ck_assert_msg(gattn_mask_parse(context, expressions[mask], n_q, n_kv,
                                 &graph) == GATTN_SUCCESS,
                "%s", gattn_context_message(context));
  return graph;
}

static void make_graph(test_problem *problem,
                       const test_problem_options *options) {
  oracle_problem *oracle = &problem->oracle;
  int64_t heads = options->stack ? oracle->heads : 1;
  int64_t cells = oracle->n_q * oracle->n_kv;
  gattn_graph *graphs[16];
  ck_assert_int_le(heads, 16);
  oracle->mask_heads = heads;
  oracle->edge = problem->edge = calloc((size_t)(heads * cells + 1), 1);
  for (int64_t h = 0; h < heads; h++) {
    test_mask mask = (test_mask)((options->mask + h) % MASKS);
    graphs[h] = make_mask(problem->context, mask, oracle->n_q, oracle->n_kv);
    for (int64_t c = 0; c < cells; c++)
      problem->edge[h * cells + c] =
          is_edge(mask, c / oracle->n_kv, c % oracle->n_kv);
  }
  if (options->stack) {
    ck_assert_int_eq(
        gattn_graph_stack(problem->context, graphs, heads, &problem->graph),
        GATTN_SUCCESS);
    for (int64_t h = 0; h < heads; h++) gattn_graph_release(graphs[h]);
  } else {
    problem->graph = graphs[0];
  }
}

static void make_frontier(test_problem *problem, test_frontier kind) {
  oracle_problem *oracle = &problem->oracle;
  int64_t n = oracle->n_q, count = 0;
  int64_t *vertices = malloc((size_t)(n + 1) * sizeof *vertices);
  gattn_status status = GATTN_SUCCESS;
  for (int64_t i = 0; i < n; i++) {
    if (kind == FRONTIER_ALL || (kind == FRONTIER_RANGE && i >= n / 3))
      vertices[count++] = i;
    if (kind == FRONTIER_LIST && i % 2 == 0) vertices[count++] = n - 1 - i;
  }
  if (kind == FRONTIER_RANGE)
    status =
        gattn_frontier_range(problem->context, n, n / 3, n, &problem->frontier);
  if (kind == FRONTIER_LIST)
    status = gattn_frontier_list(problem->context, n, vertices, count,
                                 &problem->frontier);
  ck_assert_int_eq(status, GATTN_SUCCESS);
  oracle->vertices = problem->vertices = vertices;
  oracle->n_f = count;
}

static int64_t at_least_one(int64_t n) { return n ? n : 1; }

static oracle_array make_placed(gattn_context *context, gattn_type type,
                                int rank, const int64_t *shape,
                                oracle_layout layout, uint64_t seed) {
  oracle_array array = oracle_array_make(type, rank, shape, layout, seed);
  oracle_array_place(&array, context);
  return array;
}

static oracle_array make_array(gattn_context *context,
                               const test_problem_options *options,
                               int64_t heads, int64_t rows, int64_t dim,
                               uint64_t seed) {
  const int64_t shape[] = {at_least_one(options->batch), heads, rows, dim};
  int rank = options->rank ? options->rank : 4;
  return make_placed(context, options->type, rank, shape + 4 - rank,
                     options->layout, seed);
}

test_problem test_problem_make(gattn_context *context,
                               const test_problem_options *options) {
  test_problem problem = {.context = context};
  oracle_problem *oracle = &problem.oracle;
  *oracle = (oracle_problem){.batch = at_least_one(options->batch),
                             .heads = at_least_one(options->heads),
                             .kv_heads = at_least_one(options->kv_heads),
                             .n_q = options->n_q,
                             .n_kv = options->n_kv,
                             .dim = options->dim,
                             .dim_v = options->dim_v};
  make_graph(&problem, options);
  make_frontier(&problem, options->frontier);
  uint64_t seed = options->seed + 1;
  problem.q = make_array(context, options, oracle->heads, oracle->n_f,
                         oracle->dim, seed);
  problem.k = make_array(context, options, oracle->kv_heads, oracle->n_kv,
                         oracle->dim, seed + 100);
  problem.v = make_array(context, options, oracle->kv_heads, oracle->n_kv,
                         oracle->dim_v, seed + 200);
  oracle->q = problem.q.values;
  oracle->k = problem.k.values;
  oracle->v = problem.v.values;
  size_t rows = (size_t)(oracle->batch * oracle->heads * oracle->n_f + 1);
  size_t cells = rows * (size_t)(oracle->n_kv + 1);
  problem.o = calloc(rows * (size_t)(oracle->dim_v + 1), sizeof(double));
  problem.lse = calloc(rows, sizeof(double));
  problem.scores = calloc(cells, sizeof(double));
  problem.weights = calloc(cells, sizeof(double));
  test_problem_solve(&problem);
  return problem;
}

void test_problem_solve(test_problem *problem) {
  oracle_scores(&problem->oracle, problem->scores);
  oracle_softmax(&problem->oracle, problem->scores, problem->weights,
                 problem->lse);
  oracle_gather(&problem->oracle, problem->weights, problem->o);
}

void test_problem_free(test_problem *problem) {
  gattn_graph_release(problem->graph);
  gattn_frontier_release(problem->frontier);
  oracle_array_free(&problem->q);
  oracle_array_free(&problem->k);
  oracle_array_free(&problem->v);
  free(problem->edge);
  free(problem->vertices);
  free(problem->o);
  free(problem->lse);
  free(problem->scores);
  free(problem->weights);
}

/* [batch, heads, last] in as many axes as q has, less one. */
static oracle_array plane_array(const test_problem *problem, gattn_type type,
                                int64_t last, oracle_layout layout,
                                uint64_t seed) {
  const int64_t shape[] = {problem->oracle.batch, problem->oracle.heads, last};
  int rank = problem->q.tensor.rank - 1;
  return make_placed(problem->context, type, rank, shape + 3 - rank, layout,
                     seed);
}

oracle_array test_problem_edges(const test_problem *problem,
                                oracle_layout layout, uint64_t seed) {
  return plane_array(problem, GATTN_FLOAT32, oracle_edges(&problem->oracle),
                     layout, seed);
}

oracle_array test_problem_rows(const test_problem *problem, gattn_type type,
                               oracle_layout layout) {
  return plane_array(problem, type, problem->oracle.n_f, layout, 999);
}

oracle_array test_problem_output(const test_problem *problem,
                                 oracle_layout layout) {
  const oracle_problem *oracle = &problem->oracle;
  const int64_t shape[] = {oracle->batch, oracle->heads, oracle->n_f,
                           oracle->dim_v};
  int rank = problem->q.tensor.rank;
  return make_placed(problem->context, problem->q.tensor.type, rank,
                     shape + 4 - rank, layout, 998);
}

void test_problem_assert_edges(const char *what, const test_problem *problem,
                               oracle_array *got, const double *dense) {
  const double untouched = -12345;
  double *packed = calloc((size_t)got->elements + 1, sizeof *packed);
  oracle_pack(&problem->oracle, dense, untouched, packed);
  for (int64_t e = 0; e < got->elements; e++)
    if (packed[e] == untouched) packed[e] = got->values[e];
  oracle_assert_close(what, got, packed, 4);
  free(packed);
}
