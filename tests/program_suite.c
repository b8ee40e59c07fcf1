/* Programs: chains composed and fused, against the oracle.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "tests/chain.h"
#include "tests/suites.h"

static gattn_context *context;

static void setup(void) {
  gattn_context_options options = {.struct_size = sizeof options, .threads = 2};
  context = test_context(&options);
}

static void teardown(void) {
  gattn_context_destroy(context);
  test_settle();
}

/* Runs the chain composed and fused; both must be the oracle's answer. */
static void check_chain(const test_problem *problem, oracle_layout layout,
                        const gattn_score *score, oracle_array *edge_values) {
  test_chain c = test_chain_make(problem, score, edge_values);
  for (int fusion = GATTN_FUSE_AUTO; fusion <= GATTN_FUSE_NEVER; fusion++) {
    gattn_plan *plan = test_plan_make(context, c.program, (gattn_fusion)fusion);
    oracle_array o = test_problem_output(problem, layout);
    oracle_array lse = test_problem_rows(problem, GATTN_FLOAT32, layout);
    gattn_binding bindings[] = {
        {c.lse, &lse.tensor},
        {c.v, &problem->v.tensor},
        {c.q, &problem->q.tensor},
        {c.o, &o.tensor},
        {c.k, &problem->k.tensor},
        {c.edge_values, edge_values ? &edge_values->tensor : NULL}};
    ck_assert_int_eq(test_plan_fused(plan),
                     fusion == GATTN_FUSE_AUTO && problem->oracle.n_f > 0);
    ck_success(context,
               test_plan_execute(context, plan, bindings, edge_values ? 6 : 5));
    oracle_assert_close(fusion ? "composed o" : "fused o", &o, problem->o,
                        4 + 2 * test_weight_error(o.tensor.type) / 1e-5);
    oracle_assert_close(fusion ? "composed lse" : "fused lse", &lse,
                        problem->lse, 8);
    gattn_plan_destroy(plan);
    oracle_array_free(&o);
    oracle_array_free(&lse);
  }
  gattn_program_destroy(c.program);
}

static void check_options(const test_problem_options *options) {
  test_problem problem = test_problem_make(context, options);
  check_chain(&problem, options->layout, NULL, NULL);
  test_problem_free(&problem);
}

START_TEST(chains_of_masks_and_frontiers) {
  test_problems_of_mask((test_mask)_i, check_options);
}
END_TEST

START_TEST(chains_of_types_and_layouts) {
  test_problems_of_type((gattn_type)_i, check_options);
}
END_TEST

START_TEST(chains_of_a_graph_per_head) {
  test_problems_of_stacks(check_options);
}
END_TEST

START_TEST(chains_of_shapes_that_hurt) {
  test_problems_of_shape(_i, check_options);
}
END_TEST

/* ------------------------------------------------- scores and edge values */

static double oracle_bias(double dot, int64_t i, int64_t j, int64_t head,
                          int64_t batch, double value, const void *user) {
  (void)i, (void)j, (void)head, (void)batch, (void)user;
  return dot + value;
}

/* A stack, so that heads differ in their edges. */
START_TEST(edge_values_reach_their_edges) {
  test_problem problem = test_problem_make(
      context, &(test_problem_options){.frontier = (test_frontier)_i,
                                       .stack = true,
                                       .heads = 6,
                                       .rank = 3,
                                       .n_q = 40,
                                       .n_kv = 37,
                                       .dim = 5,
                                       .dim_v = 3});
  const oracle_problem *oracle = &problem.oracle;
  int64_t cells = oracle->heads * oracle->n_f * oracle->n_kv;
  double *dense = calloc((size_t)cells + 1, sizeof *dense);
  uint64_t state = 77;
  for (int64_t c = 0; c < cells; c++)
    dense[c] = (double)(oracle_random(&state) % 256) / 64 - 2;
  oracle_array values = test_problem_edges(&problem, ORACLE_PADDED, 3);
  double *packed = calloc((size_t)values.elements + 1, sizeof *packed);
  oracle_pack(oracle, dense, NAN, packed);
  for (int64_t e = 0; e < values.elements; e++)
    oracle_array_set(&values, e, packed[e]);
  problem.oracle.edge_values = dense;
  problem.oracle.score = oracle_bias;
  test_problem_solve(&problem);
  gattn_score bias = {.struct_size = sizeof bias,
                      .kind = GATTN_SCORE_EDGE_BIAS};
  check_chain(&problem, ORACLE_DENSE, &bias, &values);
  oracle_array_free(&values);
  free(packed);
  free(dense);
  test_problem_free(&problem);
}
END_TEST

static double oracle_odd(double dot, int64_t i, int64_t j, int64_t head,
                         int64_t batch, double value, const void *user) {
  (void)value;
  if ((i + j) % 3 == 0) return -INFINITY;
  return dot / 2 + *(const float *)user * (double)(head + 2 * batch);
}

static float odd(float dot, const gattn_edge *edge, const void *parameters) {
  if ((edge->i + edge->j) % 3 == 0) return -INFINITY;
  return dot / 2 +
         *(const float *)parameters * (float)(edge->head + 2 * edge->batch);
}

START_TEST(score_functions_see_their_edge) {
  const float weight = 0.25f;
  test_problem problem = test_problem_make(
      context, &(test_problem_options){.mask = (test_mask)_i,
                                       .frontier = FRONTIER_LIST,
                                       .batch = 2,
                                       .heads = 2,
                                       .n_q = 34,
                                       .n_kv = 50,
                                       .dim = 6,
                                       .dim_v = 6});
  problem.oracle.score = oracle_odd;
  problem.oracle.parameters = &weight;
  test_problem_solve(&problem);
  gattn_score score = {.struct_size = sizeof score,
                       .kind = GATTN_SCORE_FUNCTION,
                       .function = odd,
                       .parameters = &weight};
  check_chain(&problem, ORACLE_DENSE, &score, NULL);
  test_problem_free(&problem);
}
END_TEST

Suite *make_program_suite(void) {
  Suite *suite = suite_create("program");
  TCase *chains = tcase_create("chains");
  tcase_add_checked_fixture(chains, setup, teardown);
  tcase_add_loop_test(chains, chains_of_masks_and_frontiers, 0, MASKS);
  tcase_add_loop_test(chains, chains_of_types_and_layouts, 0, GATTN_INT64);
  tcase_add_test(chains, chains_of_a_graph_per_head);
  tcase_add_loop_test(chains, chains_of_shapes_that_hurt, 0, TEST_SHAPES);
  tcase_add_loop_test(chains, edge_values_reach_their_edges, 0, FRONTIERS);
  if (!test_on_device())
    tcase_add_loop_test(chains, score_functions_see_their_edge, 0, MASKS);
  suite_add_tcase(suite, chains);
  return suite;
}
