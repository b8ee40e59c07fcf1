/* Every operator standing alone, against the oracle.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/problem.h"
#include "tests/suites.h"

static gattn_context *context;

static void setup(void) {
  context = test_context(&(gattn_context_options){
      .struct_size = sizeof(gattn_context_options), .threads = 3});
}

static void teardown(void) {
  gattn_context_destroy(context);
  test_settle();
}

/* ------------------------------------------------- one problem, each step */

static void check_counts(const test_problem *problem) {
  const oracle_problem *oracle = &problem->oracle;
  int64_t edges = -7;
  ck_success(context, gattn_edge_count(context, problem->graph,
                                       problem->frontier, &edges));
  ck_assert_int_eq(edges, oracle_edges(oracle));
  int64_t *offsets = calloc((size_t)oracle->n_f + 1, sizeof *offsets);
  for (int64_t h = 0; h < oracle->mask_heads; h++) {
    int64_t expected = 0;
    ck_success(context, gattn_edge_offsets(context, problem->graph,
                                           problem->frontier, h, offsets));
    for (int64_t p = 0; p <= oracle->n_f; p++) {
      ck_assert_int_eq(offsets[p], expected);
      for (int64_t j = 0; j < oracle->n_kv && p < oracle->n_f; j++)
        expected += oracle_edge(oracle, h, p, j);
    }
  }
  free(offsets);
}

static void check_advance(const test_problem *problem, oracle_layout layout) {
  oracle_array out = test_problem_edges(problem, layout, 5);
  ck_success(context, gattn_advance(context, problem->graph, problem->frontier,
                                    &problem->q.tensor, &problem->k.tensor,
                                    NULL, NULL, NULL, &out.tensor));
  test_problem_assert_edges("advance", problem, &out, problem->scores);
  oracle_array_free(&out);
}

/* An array of the problem's edges that holds what a dense matrix does. */
static oracle_array packed(const test_problem *problem, const double *dense,
                           oracle_layout layout) {
  oracle_array array = test_problem_edges(problem, layout, 6);
  double *values = calloc((size_t)array.elements + 1, sizeof *values);
  oracle_pack(&problem->oracle, dense, NAN, values);
  oracle_array_fill(&array, values);
  free(values);
  return array;
}

static void check_softmax(const test_problem *problem, oracle_layout layout) {
  oracle_array scores = packed(problem, problem->scores, layout);
  oracle_array weights = test_problem_edges(problem, layout, 7);
  oracle_array lse = test_problem_rows(problem, GATTN_FLOAT32, layout);
  ck_success(context, gattn_segmented_softmax(context, problem->graph,
                                              problem->frontier, &scores.tensor,
                                              &weights.tensor, &lse.tensor));
  test_problem_assert_edges("weights", problem, &weights, problem->weights);
  oracle_assert_close("lse", &lse, problem->lse, 4);
  ck_success(context,
             gattn_segmented_softmax(context, problem->graph, problem->frontier,
                                     &scores.tensor, &scores.tensor, NULL));
  test_problem_assert_edges("in place", problem, &scores, problem->weights);
  oracle_array_free(&scores);
  oracle_array_free(&weights);
  oracle_array_free(&lse);
}

static void check_gather(const test_problem *problem, oracle_layout layout) {
  oracle_array weights = packed(problem, problem->weights, layout);
  oracle_array o = test_problem_output(problem, layout);
  ck_success(context,
             gattn_gather(context, problem->graph, problem->frontier,
                          &weights.tensor, &problem->v.tensor, &o.tensor));
  oracle_assert_close("gather", &o, problem->o, 2);
  oracle_array_free(&weights);
  oracle_array_free(&o);
}

/* What the monoids are, over the scores of a row. */
static double reduced(const test_problem *problem, gattn_monoid monoid,
                      int64_t row, int64_t h, int64_t p) {
  const oracle_problem *oracle = &problem->oracle;
  const double *scores = problem->scores + row * oracle->n_kv;
  double max = -INFINITY, min = INFINITY, sum = 0, count = 0, key = -1;
  for (int64_t j = 0; j < oracle->n_kv; j++) {
    if (!oracle_edge(oracle, h, p, j)) continue;
    if (key < 0 || scores[j] > max) max = scores[j], key = (double)j;
    if (scores[j] < min) min = scores[j];
    sum += scores[j];
    count++;
  }
  const double table[] = {max, min, sum, problem->lse[row], count, key};
  return table[monoid];
}

static void check_reduce(const test_problem *problem, gattn_monoid monoid,
                         oracle_layout layout) {
  const oracle_problem *oracle = &problem->oracle;
  bool integers = monoid == GATTN_COUNT || monoid == GATTN_ARG_MAX;
  oracle_array values = packed(problem, problem->scores, layout);
  oracle_array out = test_problem_rows(
      problem, integers ? GATTN_INT64 : GATTN_FLOAT32, layout);
  double *expected = calloc((size_t)out.elements + 1, sizeof *expected);
  for (int64_t row = 0; row < out.elements; row++)
    expected[row] =
        reduced(problem, monoid, row, row / oracle->n_f % oracle->heads,
                row % oracle->n_f);
  ck_success(context,
             gattn_segmented_reduce(context, problem->graph, problem->frontier,
                                    monoid, &values.tensor, &out.tensor));
  oracle_assert_close("reduce", &out, expected, 4);
  free(expected);
  oracle_array_free(&values);
  oracle_array_free(&out);
}

static void check_all(const test_problem_options *options) {
  test_problem problem = test_problem_make(context, options);
  check_counts(&problem);
  check_advance(&problem, options->layout);
  check_softmax(&problem, options->layout);
  check_gather(&problem, options->layout);
  for (int monoid = GATTN_MAX; monoid <= GATTN_ARG_MAX; monoid++)
    check_reduce(&problem, (gattn_monoid)monoid, options->layout);
  test_problem_free(&problem);
}

/* ------------------------------------------------------------ problems */

START_TEST(masks_and_frontiers) {
  test_problems_of_mask((test_mask)_i, check_all);
}
END_TEST

START_TEST(types_and_layouts) {
  test_problems_of_type((gattn_type)_i, check_all);
}
END_TEST

START_TEST(a_graph_per_head) { test_problems_of_stacks(check_all); }
END_TEST

START_TEST(shapes_that_hurt) { test_problems_of_shape(_i, check_all); }
END_TEST

/* ------------------------------------------------------------ NaN and inf */

static const test_problem_options reach_options = {.mask = MASK_BAND,
                                                   .rank = 2,
                                                   .n_q = 40,
                                                   .n_kv = 40,
                                                   .dim = 4,
                                                   .dim_v = 4,
                                                   .seed = 50};

/* A NaN reaches only the rows whose neighbourhood touches it, and the oracle
 * says which those are. */
START_TEST(nan_reaches_its_neighbours_alone) {
  test_problem problem = test_problem_make(context, &reach_options);
  oracle_array *arrays[] = {&problem.q, &problem.k, &problem.v};
  oracle_array_set(arrays[_i % 3], 20 * 4 + 1, _i < 3 ? NAN : INFINITY);
  test_problem_solve(&problem);
  check_advance(&problem, ORACLE_DENSE);
  check_softmax(&problem, ORACLE_DENSE);
  check_gather(&problem, ORACLE_DENSE);
  ck_assert(!isnan(problem.o[0]) && !isinf(problem.o[39 * 4]));
  test_problem_free(&problem);
}
END_TEST

/* Removed edges are not looked at, whatever their values hold. */
START_TEST(removed_edges_stay_out) {
  test_problem problem = test_problem_make(context, &reach_options);
  for (int64_t j = 0; j < 40; j++) {
    problem.scores[20 * 40 + j] = -INFINITY;
    if (j != 10) problem.scores[10 * 40 + j] = -INFINITY;
  }
  oracle_array_set(&problem.v, 9 * 4, NAN);
  oracle_array_set(&problem.v, 20 * 4, INFINITY);
  oracle_softmax(&problem.oracle, problem.scores, problem.weights, problem.lse);
  oracle_gather(&problem.oracle, problem.weights, problem.o);
  ck_assert_double_eq(problem.lse[20], -INFINITY);
  ck_assert_double_eq(problem.o[20 * 4], 0);
  check_softmax(&problem, ORACLE_DENSE);
  check_gather(&problem, ORACLE_DENSE);
  test_problem_free(&problem);
}
END_TEST

START_TEST(nan_wins_a_reduction) {
  gattn_graph *graph;
  ck_success(context, gattn_mask_full(context, 2, 4, &graph));
  oracle_array values = oracle_array_make(
      GATTN_FLOAT32, 1, (const int64_t[]){8}, ORACLE_DENSE, 1);
  const double given[] = {3,         NAN,       5,         NAN,
                          -INFINITY, -INFINITY, -INFINITY, -INFINITY};
  oracle_array_fill(&values, given);
  oracle_array_place(&values, context);
  const double expected[][2] = {
      [GATTN_MAX] = {NAN, -INFINITY}, [GATTN_MIN] = {NAN, -INFINITY},
      [GATTN_SUM] = {NAN, -INFINITY}, [GATTN_LOG_SUM_EXP] = {NAN, -INFINITY},
      [GATTN_COUNT] = {4, 4},         [GATTN_ARG_MAX] = {1, 0},
  };
  for (int monoid = GATTN_MAX; monoid <= GATTN_ARG_MAX; monoid++) {
    oracle_array out =
        oracle_array_make(monoid >= GATTN_COUNT ? GATTN_INT64 : GATTN_FLOAT32,
                          1, (const int64_t[]){2}, ORACLE_DENSE, 1);
    oracle_array_place(&out, context);
    ck_success(context, gattn_segmented_reduce(context, graph, GATTN_ALL,
                                               (gattn_monoid)monoid,
                                               &values.tensor, &out.tensor));
    oracle_assert_close("reduce", &out, expected[monoid], 1);
    oracle_array_free(&out);
  }
  oracle_array_free(&values);
  gattn_graph_release(graph);
}
END_TEST

/* Long rows lose no more than short ones. */
START_TEST(long_rows_keep_their_precision) {
  check_all(&(test_problem_options){.mask = MASK_FULL,
                                    .rank = 2,
                                    .n_q = 2,
                                    .n_kv = 100000,
                                    .dim = 2,
                                    .dim_v = 2,
                                    .seed = 60});
}
END_TEST

/* Whatever the threads, and again, bit for bit the same. */
START_TEST(threads_change_nothing) {
  test_problem_options options = reach_options;
  options.n_q = options.n_kv = 300;
  test_problem problem = test_problem_make(context, &options);
  oracle_array first = test_problem_edges(&problem, ORACLE_DENSE, 1);
  oracle_array second = test_problem_edges(&problem, ORACLE_DENSE, 2);
  gattn_context *single = test_context(&(gattn_context_options){
      .struct_size = sizeof(gattn_context_options), .threads = 1});
  ck_success(context,
             gattn_advance(context, problem.graph, NULL, &problem.q.tensor,
                           &problem.k.tensor, NULL, NULL, NULL, &first.tensor));
  ck_success(context, gattn_advance(single, problem.graph, NULL,
                                    &problem.q.tensor, &problem.k.tensor, NULL,
                                    NULL, NULL, &second.tensor));
  oracle_array_read(&first);
  oracle_array_read(&second);
  ck_assert_mem_eq(first.memory, second.memory,
                   (size_t)first.elements * sizeof(float));
  oracle_array_free(&first);
  oracle_array_free(&second);
  gattn_context_destroy(single);
  test_problem_free(&problem);
}
END_TEST

static int count_and_cancel(void *user, int64_t done, int64_t total) {
  int *calls = user;
  ck_assert_int_le(done, total);
  return ++*calls == 3;
}

START_TEST(progress_cancels) {
  int calls = 0;
  gattn_context *watched;
  gattn_context_options options = {.struct_size = sizeof options,
                                   .threads = 1,
                                   .progress = count_and_cancel,
                                   .progress_user = &calls};
  ck_assert_int_eq(gattn_context_create(&options, &watched), GATTN_SUCCESS);
  test_problem problem =
      test_problem_make(context, &(test_problem_options){.mask = MASK_CAUSAL,
                                                         .rank = 2,
                                                         .n_q = 4096,
                                                         .n_kv = 8,
                                                         .dim = 1,
                                                         .dim_v = 1});
  oracle_array out = test_problem_edges(&problem, ORACLE_DENSE, 1);
  ck_assert_int_eq(
      gattn_advance(watched, problem.graph, NULL, &problem.q.tensor,
                    &problem.k.tensor, NULL, NULL, NULL, &out.tensor),
      GATTN_ERROR_CANCELLED);
  ck_assert_int_eq(calls, 3);
  oracle_array_free(&out);
  test_problem_free(&problem);
  gattn_context_destroy(watched);
}
END_TEST

Suite *make_operators_suite(void) {
  Suite *suite = suite_create("operators");
  TCase *tcase = tcase_create("alone");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, masks_and_frontiers, 0, MASKS);
  tcase_add_loop_test(tcase, types_and_layouts, 0, GATTN_INT64);
  tcase_add_test(tcase, a_graph_per_head);
  tcase_add_loop_test(tcase, shapes_that_hurt, 0, TEST_SHAPES);
  tcase_add_loop_test(tcase, nan_reaches_its_neighbours_alone, 0, 6);
  tcase_add_test(tcase, removed_edges_stay_out);
  tcase_add_test(tcase, nan_wins_a_reduction);
  tcase_add_test(tcase, long_rows_keep_their_precision);
  tcase_add_test(tcase, threads_change_nothing);
  if (!test_on_device()) tcase_add_test(tcase, progress_cancels);
  suite_add_tcase(suite, tcase);
  return suite;
}
