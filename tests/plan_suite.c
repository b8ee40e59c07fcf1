/* Plans: other programs, reuse, threads.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/brutal.h"
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

/* ------------------------------------------------- other programs */

static const test_problem_options small = {.mask = MASK_BAND,
                                           .rank = 3,
                                           .heads = 2,
                                           .kv_heads = 2,
                                           .n_q = 30,
                                           .n_kv = 30,
                                           .dim = 4,
                                           .dim_v = 4};

/* Scores as an output, or weights with a second user: nothing can be fused. */
START_TEST(intermediate_values_may_be_outputs) {
  test_problem problem = test_problem_make(context, &small);
  test_chain c = test_chain_make(&problem, NULL, NULL);
  gattn_value counts, largest;
  ck_success(context, gattn_program_segmented_reduce(c.program, GATTN_COUNT,
                                                     c.weights, &counts));
  ck_success(context, gattn_program_segmented_reduce(c.program, GATTN_MAX,
                                                     c.scores, &largest));
  if (_i)
    ck_success(context, gattn_program_output(c.program, "scores", c.scores));
  ck_success(context, gattn_program_output(c.program, "counts", counts));
  gattn_plan *plan = test_plan_make(context, c.program, GATTN_FUSE_AUTO);
  ck_assert(!test_plan_fused(plan));
  oracle_array o = test_problem_output(&problem, ORACLE_DENSE);
  oracle_array lse = test_problem_rows(&problem, GATTN_FLOAT32, ORACLE_DENSE);
  oracle_array scores = test_problem_edges(&problem, ORACLE_DENSE, 1);
  oracle_array rows = test_problem_rows(&problem, GATTN_INT64, ORACLE_DENSE);
  gattn_binding bindings[] = {
      {c.q, &problem.q.tensor},  {c.k, &problem.k.tensor},
      {c.v, &problem.v.tensor},  {c.o, &o.tensor},
      {c.lse, &lse.tensor},      {counts, &rows.tensor},
      {c.scores, &scores.tensor}};
  ck_success(context, test_plan_execute(context, plan, bindings, 6 + _i));
  oracle_assert_close("o", &o, problem.o, 4);
  if (_i)
    test_problem_assert_edges("scores", &problem, &scores, problem.scores);
  oracle_array_read(&rows);
  ck_assert_double_eq(rows.values[0], 3);
  ck_assert_double_eq(rows.values[31], 4);
  gattn_plan_destroy(plan);
  gattn_program_destroy(c.program);
  oracle_array_free(&o);
  oracle_array_free(&lse);
  oracle_array_free(&scores);
  oracle_array_free(&rows);
  test_problem_free(&problem);
}
END_TEST

/* Two layers: the first one's output is the second one's queries. */
START_TEST(programs_chain_layers) {
  test_problem problem = test_problem_make(context, &small);
  test_chain c = test_chain_make(&problem, NULL, NULL);
  gattn_value scores, weights, o2;
  ck_success(context,
             gattn_program_advance(c.program, problem.graph, NULL, c.o, c.k,
                                   NULL, NULL, GATTN_NO_VALUE, &scores));
  ck_success(context, gattn_program_segmented_softmax(c.program, scores,
                                                      &weights, NULL));
  ck_success(context, gattn_program_gather(c.program, weights, c.v, &o2));
  ck_success(context, gattn_program_output(c.program, "o2", o2));
  double *second = calloc((size_t)problem.v.elements, sizeof *second);
  double *lse2 = calloc((size_t)problem.v.elements, sizeof *lse2);
  oracle_problem layer = problem.oracle;
  layer.q = problem.o;
  oracle_attention(&layer, second, lse2);
  for (int fusion = GATTN_FUSE_AUTO; fusion <= GATTN_FUSE_NEVER; fusion++) {
    gattn_plan *plan = test_plan_make(context, c.program, (gattn_fusion)fusion);
    oracle_array o = test_problem_output(&problem, ORACLE_DENSE);
    oracle_array out = test_problem_output(&problem, ORACLE_DENSE);
    oracle_array lse = test_problem_rows(&problem, GATTN_FLOAT32, ORACLE_DENSE);
    gattn_binding bindings[] = {
        {c.q, &problem.q.tensor}, {c.k, &problem.k.tensor},
        {c.v, &problem.v.tensor}, {c.o, &o.tensor},
        {c.lse, &lse.tensor},     {o2, &out.tensor}};
    ck_success(context, test_plan_execute(context, plan, bindings, 6));
    oracle_assert_close("first", &o, problem.o, 4);
    oracle_assert_close("second", &out, second, 4);
    gattn_plan_destroy(plan);
    oracle_array_free(&o);
    oracle_array_free(&out);
    oracle_array_free(&lse);
  }
  free(second);
  free(lse2);
  gattn_program_destroy(c.program);
  test_problem_free(&problem);
}
END_TEST

/* Intermediate layers and softmaxes of softmaxes share the workspace. */
START_TEST(values_between_layers_are_kept) {
  test_problem problem = test_problem_make(context, &small);
  gattn_program *program;
  gattn_value values[3], o, scores, weights, again;
  ck_success(context, gattn_program_create(context, &program));
  values[0] = test_input(context, program, "q", &problem.q.tensor);
  values[1] = test_input(context, program, "k", &problem.k.tensor);
  values[2] = test_input(context, program, "v", &problem.v.tensor);
  o = values[0];
  oracle_problem oracle = problem.oracle;
  double *q = calloc((size_t)problem.q.elements, sizeof *q);
  memcpy(q, problem.q.values, (size_t)problem.q.elements * sizeof *q);
  oracle.q = q;
  bool twice = _i > 0;
  for (int layer = 0; layer < 3; layer++) {
    ck_success(context,
               gattn_program_advance(program, problem.graph, NULL, o, values[1],
                                     NULL, NULL, GATTN_NO_VALUE, &scores));
    ck_success(context, gattn_program_segmented_softmax(program, scores,
                                                        &weights, NULL));
    if (twice)
      ck_success(context, gattn_program_segmented_softmax(program, weights,
                                                          &again, NULL));
    ck_success(context, gattn_program_gather(program, twice ? again : weights,
                                             values[2], &o));
    oracle_scores(&oracle, problem.scores);
    oracle_softmax(&oracle, problem.scores, problem.weights, problem.lse);
    for (int64_t c = 0; c < 2 * 30 * 30 && twice; c++)
      if (problem.scores[c] != -INFINITY)
        problem.scores[c] = problem.weights[c];
    oracle_softmax(&oracle, problem.scores, problem.weights, problem.lse);
    oracle_gather(&oracle, problem.weights, q);
  }
  ck_success(context, gattn_program_output(program, "o", o));
  gattn_plan *plan = test_plan_make(context, program, GATTN_FUSE_AUTO);
  ck_assert_int_eq(test_plan_fused(plan), !twice);
  oracle_array out = test_problem_output(&problem, ORACLE_DENSE);
  ck_success(context,
             test_plan_execute(context, plan,
                               (gattn_binding[]){{values[0], &problem.q.tensor},
                                                 {values[1], &problem.k.tensor},
                                                 {values[2], &problem.v.tensor},
                                                 {o, &out.tensor}},
                               4));
  oracle_assert_close("o", &out, q, 4);
  size_t bytes;
  ck_success(context, gattn_plan_workspace(plan, &bytes));
  int64_t edges = oracle_edges(&problem.oracle);
  if (twice && !test_on_device())
    ck_assert_uint_lt(bytes, (size_t)(2 * edges * 4) + 2 * 30 * 4 * 4 + 4096);
  gattn_plan_destroy(plan);
  gattn_program_destroy(program);
  oracle_array_free(&out);
  free(q);
  test_problem_free(&problem);
}
END_TEST

/* ------------------------------------------------- explain, values */

/* Scores of edges run as edge lists and in no other way. */
START_TEST(explain_offers_edges_no_tiles) {
  test_problem problem = test_problem_make(context, &small);
  oracle_array values = test_problem_edges(&problem, ORACLE_DENSE, 3);
  const gattn_score bias = {.struct_size = sizeof bias,
                            .kind = GATTN_SCORE_EDGE_BIAS};
  test_chain c = test_chain_make(&problem, &bias, &values);
  char text[4096];
  gattn_plan *plan = test_plan_make(context, c.program, GATTN_FUSE_AUTO);
  ck_success(context, gattn_plan_explain(plan, text, sizeof text));
  ck_assert_msg(strstr(text, "predicted") != NULL, "%s", text);
  ck_assert_msg(strstr(text, "else") == NULL, "%s", text);
  gattn_plan_destroy(plan);
  gattn_program_destroy(c.program);
  oracle_array_free(&values);
  test_problem_free(&problem);
}
END_TEST

START_TEST(explain_says_what_will_happen) {
  test_problem problem = test_problem_make(context, &small);
  test_chain c = test_chain_make(&problem, NULL, NULL);
  char text[4096], cut[16];
  gattn_plan *plan = test_plan_make(context, c.program, GATTN_FUSE_NEVER);
  ck_success(context, gattn_plan_explain(plan, text, sizeof text));
  ck_assert_ptr_nonnull(strstr(text, "1. advance (score: identity)"));
  ck_assert_ptr_nonnull(strstr(text, "2. segmented_softmax"));
  ck_assert_ptr_nonnull(strstr(text, "3. gather"));
  ck_assert_ptr_nonnull(strstr(text, "local"));
  char edges[64];
  snprintf(edges, sizeof edges, "edges %lld,",
           (long long)(2 * oracle_edges(&problem.oracle)));
  ck_assert_msg(strstr(text, edges) != NULL, "%s", text);
  ck_assert_int_eq(gattn_plan_explain(plan, cut, sizeof cut),
                   GATTN_NOTE_TRUNCATED);
  ck_assert_uint_eq(strlen(cut), sizeof cut - 1);
  ck_assert_int_eq(gattn_plan_explain(plan, NULL, 0), GATTN_NOTE_TRUNCATED);
  ck_assert_int_eq(gattn_plan_explain(plan, NULL, 9), GATTN_ERROR_NULL);
  gattn_plan_destroy(plan);
  plan = test_plan_make(context, c.program, GATTN_FUSE_AUTO);
  ck_success(context, gattn_plan_explain(plan, text, sizeof text));
  ck_assert_ptr_nonnull(strstr(text, "1. attention"));
  const char *share = strstr(text, " compute, at ");
  ck_assert_msg(share != NULL, "%s", text);
  const int percent = atoi(share + strlen(" compute, at "));
  ck_assert_int_gt(percent, 0);
  ck_assert_int_le(percent, 100);
  gattn_plan_destroy(plan);
  gattn_program_destroy(c.program);
  test_problem_free(&problem);
}
END_TEST

START_TEST(values_know_their_shapes) {
  test_problem problem = test_problem_make(context, &small);
  test_chain c = test_chain_make(&problem, NULL, NULL);
  gattn_type type;
  int32_t rank;
  int64_t shape[GATTN_MAX_RANK];
  ck_success(context,
             gattn_program_value(c.program, c.scores, &type, &rank, shape));
  ck_assert_int_eq(type, GATTN_FLOAT32);
  ck_assert_int_eq(rank, 2);
  ck_assert_int_eq(shape[0], 2);
  ck_assert_int_eq(shape[1], oracle_edges(&problem.oracle));
  ck_success(context, gattn_program_value(c.program, c.o, &type, &rank, shape));
  ck_assert_int_eq(rank, 3);
  ck_assert_int_eq(shape[1], 30);
  ck_success(context,
             gattn_program_value(c.program, c.lse, &type, &rank, shape));
  ck_assert_int_eq(rank, 2);
  ck_assert_int_eq(gattn_program_value(c.program, 99, &type, &rank, shape),
                   GATTN_ERROR_STATE);
  gattn_program_destroy(c.program);
  test_problem_free(&problem);
}
END_TEST

/* ------------------------------------------------- reuse and concurrency */

/* The program, the context and the graph may go before the plan does. */
START_TEST(plans_outlive_their_makers) {
  test_problem problem = test_problem_make(context, &small);
  test_chain c = test_chain_make(&problem, NULL, NULL);
  gattn_plan *plan = test_plan_make(context, c.program, (gattn_fusion)_i);
  gattn_program_destroy(c.program);
  gattn_graph_release(problem.graph);
  problem.graph = NULL;
  oracle_array o = test_problem_output(&problem, ORACLE_DENSE);
  oracle_array lse = test_problem_rows(&problem, GATTN_FLOAT32, ORACLE_DENSE);
  gattn_binding bindings[] = {{c.q, &problem.q.tensor},
                              {c.k, &problem.k.tensor},
                              {c.v, &problem.v.tensor},
                              {c.o, &o.tensor},
                              {c.lse, &lse.tensor}};
  for (int round = 0; round < 2; round++) {
    for (int64_t e = 0; e < problem.q.elements; e++)
      oracle_array_set(&problem.q, e, problem.q.values[e] / 2);
    test_problem_solve(&problem);
    ck_success(context, test_plan_execute(context, plan, bindings, 5));
    oracle_assert_close("o", &o, problem.o, 4);
  }
  gattn_plan_destroy(plan);
  oracle_array_free(&o);
  oracle_array_free(&lse);
  test_problem_free(&problem);
}
END_TEST

typedef struct worker {
  gattn_plan *plan;
  gattn_binding bindings[5];
  gattn_status status;
} worker;

static void *work(void *argument) {
  worker *w = argument;
  for (int round = 0; round < 5 && !w->status; round++) {
    if (test_plan_execute(context, w->plan, w->bindings, 4) != GATTN_ERROR_STATE)
      abort();
    w->status = test_plan_execute(context, w->plan, w->bindings, 5);
  }
  return NULL;
}

/* Some executions fail, too, and record why. */
START_TEST(one_plan_in_many_threads) {
  enum { THREADS = 4 };
  test_problem problem = test_problem_make(context, &small);
  test_chain c = test_chain_make(&problem, NULL, NULL);
  gattn_plan *plan = test_plan_make(context, c.program, (gattn_fusion)_i);
  pthread_t threads[THREADS];
  worker workers[THREADS];
  oracle_array o[THREADS], lse[THREADS];
  for (int t = 0; t < THREADS; t++) {
    o[t] = test_problem_output(&problem, ORACLE_DENSE);
    lse[t] = test_problem_rows(&problem, GATTN_FLOAT32, ORACLE_DENSE);
    workers[t] = (worker){.plan = plan,
                          .bindings = {{c.q, &problem.q.tensor},
                                       {c.k, &problem.k.tensor},
                                       {c.v, &problem.v.tensor},
                                       {c.o, &o[t].tensor},
                                       {c.lse, &lse[t].tensor}}};
    ck_assert_int_eq(pthread_create(&threads[t], NULL, work, &workers[t]), 0);
  }
  for (int t = 0; t < THREADS; t++) {
    pthread_join(threads[t], NULL);
    ck_assert_int_eq(workers[t].status, GATTN_SUCCESS);
    oracle_assert_close("o", &o[t], problem.o, 4);
    oracle_array_free(&o[t]);
    oracle_array_free(&lse[t]);
  }
  gattn_plan_destroy(plan);
  gattn_program_destroy(c.program);
  test_problem_free(&problem);
}
END_TEST

/* ------------------------------------------------- allocation failures */

static gattn_status build_and_plan(gattn_context *brutal, void *fusion) {
  gattn_graph *graph = NULL;
  gattn_program *p = NULL;
  gattn_plan *plan = NULL;
  gattn_plan_options options = {.struct_size = sizeof options,
                                .fusion = *(gattn_fusion *)fusion};
  const int64_t shape[] = {9, 4};
  gattn_value q, s, w, o;
  gattn_status status = gattn_mask_local(brutal, 9, 9, 1, 1, &graph);
  if (!status) status = gattn_program_create(brutal, &p);
  for (int n = 0; n < 40 && !status; n++)
    status = gattn_program_input(p, "q", GATTN_FLOAT32, 2, shape, &q);
  for (int layer = 0; layer < 9 && !status; layer++) {
    status = gattn_program_advance(p, graph, NULL, q, q, NULL, NULL,
                                   GATTN_NO_VALUE, &s);
    if (!status) status = gattn_program_segmented_softmax(p, s, &w, NULL);
    if (!status) status = gattn_program_gather(p, w, q, &o);
    if (!status) q = o;
  }
  if (!status) status = gattn_program_output(p, "o", o);
  if (!status) status = gattn_plan_create(p, &options, &plan);
  gattn_plan_destroy(plan);
  gattn_program_destroy(p);
  gattn_graph_release(graph);
  return status;
}

START_TEST(failing_allocations) {
  gattn_fusion fusion = (gattn_fusion)_i;
  brutal_run(build_and_plan, &fusion);
}
END_TEST

Suite *make_plan_suite(void) {
  Suite *suite = suite_create("plan");
  TCase *plans = tcase_create("plans");
  suite_add_tcase(suite, plans);
  tcase_add_checked_fixture(plans, setup, teardown);
  tcase_add_loop_test(plans, intermediate_values_may_be_outputs, 0, 2);
  tcase_add_test(plans, programs_chain_layers);
  tcase_add_loop_test(plans, values_between_layers_are_kept, 0, 2);
  if (!test_on_device()) tcase_add_test(plans, explain_says_what_will_happen);
  tcase_add_test(plans, explain_offers_edges_no_tiles);
  tcase_add_test(plans, values_know_their_shapes);
  tcase_add_loop_test(plans, plans_outlive_their_makers, 0, 2);
  if (test_on_device()) return suite;
  tcase_add_loop_test(plans, one_plan_in_many_threads, 0, 2);
  tcase_add_loop_test(plans, failing_allocations, 0, 2);
  return suite;
}
