/* Filter and top-k: the graphs that edge values choose.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "tests/brutal.h"
#include "tests/problem.h"
#include "tests/suites.h"

static gattn_context *context;

static void setup(void) {
  context = test_context(&(gattn_context_options){
      .struct_size = sizeof(gattn_context_options), .threads = 2});
}

static void teardown(void) {
  gattn_context_destroy(context);
  test_settle();
}

/* A value that ties often, with a NaN and infinities among them. */
static double value_of(int64_t h, int64_t i, int64_t j) {
  uint64_t state = (uint64_t)(h * 10007 + i * 101 + j);
  int64_t draw = (int64_t)(oracle_random(&state) % 9);
  if (draw == 0) return NAN;
  if (draw == 1) return -INFINITY;
  return (double)(draw / 2);
}

static test_problem make_problem(test_frontier frontier, bool stack,
                                 int64_t heads) {
  return test_problem_make(context,
                           &(test_problem_options){.mask = MASK_HOLES,
                                                   .frontier = frontier,
                                                   .stack = stack,
                                                   .rank = heads > 1 ? 3 : 2,
                                                   .heads = heads,
                                                   .n_q = 24,
                                                   .n_kv = 31,
                                                   .dim = 1,
                                                   .dim_v = 1});
}

/* Edge values by value_of, in row order. */
static oracle_array make_values(const test_problem *problem) {
  const oracle_problem *oracle = &problem->oracle;
  int64_t per_head = oracle->n_f * oracle->n_kv;
  oracle_array values = test_problem_edges(problem, ORACLE_PADDED, 8);
  double *dense = calloc((size_t)(oracle->heads * per_head) + 1, 8);
  double *packed = calloc((size_t)values.elements + 1, 8);
  for (int64_t c = 0; c < oracle->heads * per_head; c++)
    dense[c] =
        value_of(c / per_head, oracle->vertices[c % per_head / oracle->n_kv],
                 c % oracle->n_kv);
  oracle_pack(oracle, dense, NAN, packed);
  oracle_array_fill(&values, packed);
  free(dense);
  free(packed);
  return values;
}

/* Is i -> j an edge of head h whose row is in the frontier? */
static bool offered(const test_problem *problem, int64_t h, int64_t i,
                    int64_t j) {
  for (int64_t p = 0; p < problem->oracle.n_f; p++)
    if (problem->vertices[p] == i)
      return oracle_edge(&problem->oracle, h, p, j);
  return false;
}

typedef bool (*expectation)(const test_problem *problem, int64_t h, int64_t i,
                            int64_t j, int64_t k);

static void assert_graph(const test_problem *problem, gattn_graph *graph,
                         int64_t heads, expectation expected, int64_t k) {
  const oracle_problem *oracle = &problem->oracle;
  ck_assert_int_eq(gattn_graph_heads(graph), heads);
  for (int64_t h = 0; h < heads; h++) {
    gattn_graph *head;
    ck_success(context, gattn_graph_head(context, graph, h, &head));
    for (int64_t i = 0; i < oracle->n_q; i++)
      for (int64_t j = 0; j < oracle->n_kv; j++) {
        int contains;
        ck_success(context,
                   gattn_graph_contains(context, head, i, j, &contains));
        ck_assert_msg(contains == expected(problem, h, i, j, k),
                      "head %lld: %lld -> %lld", (long long)h, (long long)i,
                      (long long)j);
      }
    gattn_graph_release(head);
  }
  gattn_graph_release(graph);
}

/* ------------------------------------------------------------ filter */

static bool wanted(const gattn_edge *edge) {
  return edge->value >= 2 || (edge->i + edge->j + edge->head) % 5 == 0;
}

/* Also sees that edges come in order, once each. */
static int keep_wanted(void *user, const gattn_edge *edge) {
  gattn_edge *last = user;
  if (last->i == edge->i && last->head == edge->head)
    ck_assert_int_lt(last->j, edge->j);
  ck_assert_int_ge(edge->head, last->head);
  *last = *edge;
  return wanted(edge) ? 7 : 0;
}

static bool expect_wanted(const test_problem *problem, int64_t h, int64_t i,
                          int64_t j, int64_t k) {
  gattn_edge edge = {
      .i = i, .j = j, .head = h, .value = k ? (float)value_of(h, i, j) : 0};
  return offered(problem, h, i, j) && wanted(&edge);
}

START_TEST(filter_keeps_what_the_predicate_does) {
  for (int heads = 1; heads <= 3; heads++)
    for (int stack = 0; stack < 2; stack++) {
      test_problem problem = make_problem((test_frontier)_i, stack != 0, heads);
      oracle_array values = make_values(&problem);
      gattn_graph *kept;
      gattn_edge last = {.i = -1};
      ck_success(context,
                 gattn_filter(context, problem.graph, problem.frontier,
                              &values.tensor, keep_wanted, &last, &kept));
      assert_graph(&problem, kept, heads, expect_wanted, 1);
      last = (gattn_edge){.i = -1};
      ck_success(context, gattn_filter(context, problem.graph, problem.frontier,
                                       NULL, keep_wanted, &last, &kept));
      assert_graph(&problem, kept, stack ? heads : 1, expect_wanted, 0);
      oracle_array_free(&values);
      test_problem_free(&problem);
    }
}
END_TEST

/* ------------------------------------------------------------ top-k */

static bool ranks_before(double a, int64_t ja, double b, int64_t jb) {
  if (isnan(a) || isnan(b)) return isnan(a) == isnan(b) ? ja < jb : isnan(b);
  return a > b || (a == b && ja < jb);
}

static bool expect_top(const test_problem *problem, int64_t h, int64_t i,
                       int64_t j, int64_t k) {
  if (!offered(problem, h, i, j)) return false;
  int64_t before = 0;
  for (int64_t other = 0; other < problem->oracle.n_kv; other++)
    before += offered(problem, h, i, other) &&
              ranks_before(value_of(h, i, other), other, value_of(h, i, j), j);
  return before < k;
}

START_TEST(top_k_keeps_the_largest) {
  const int64_t ks[] = {1, 2, 5, 31, INT64_MAX};
  for (int n = 0; n < 5; n++)
    for (int stack = 0; stack < 2; stack++) {
      test_problem problem = make_problem((test_frontier)_i, stack, 2 + stack);
      oracle_array values = make_values(&problem);
      gattn_graph *top;
      ck_success(context, gattn_top_k(context, problem.graph, problem.frontier,
                                      &values.tensor, ks[n], &top));
      assert_graph(&problem, top, 2 + stack, expect_top, ks[n]);
      oracle_array_free(&values);
      test_problem_free(&problem);
    }
}
END_TEST

/* ------------------------------------------------------------ threshold */

static const double thresholds[] = {0, 1, 1.5, 4, 1e300, -INFINITY, NAN};

/* k numbers the threshold. */
static bool expect_reaching(const test_problem *problem, int64_t h, int64_t i,
                            int64_t j, int64_t k) {
  return offered(problem, h, i, j) && value_of(h, i, j) >= thresholds[k];
}

START_TEST(threshold_keeps_what_reaches_it) {
  for (int64_t n = 0; n < (int64_t)(sizeof thresholds / sizeof *thresholds);
       n++)
    for (int stack = 0; stack < 2; stack++) {
      test_problem problem = make_problem((test_frontier)_i, stack, 2 + stack);
      oracle_array values = make_values(&problem);
      gattn_graph *kept;
      ck_success(context, gattn_filter_threshold(
                              context, problem.graph, problem.frontier,
                              &values.tensor, thresholds[n], &kept));
      assert_graph(&problem, kept, 2 + stack, expect_reaching, n);
      oracle_array_free(&values);
      test_problem_free(&problem);
    }
}
END_TEST

/* ------------------------------------------------------------ refusals */

static int keep(void *user, const gattn_edge *edge) {
  (void)user, (void)edge;
  return 1;
}

START_TEST(bad_requests_are_refused) {
  test_problem problem = make_problem(FRONTIER_ALL, false, 1);
  oracle_array values = make_values(&problem);
  gattn_graph *graph = problem.graph, *out = NULL;
  gattn_frontier *twice, *other;
  const gattn_tensor *good = &values.tensor;
  gattn_tensor batched = *good, shorter = *good, half = *good, none = *good;
  batched.rank = none.rank = 3;
  batched.shape[0] = 2, batched.shape[1] = 1;
  none.shape[0] = 1, none.shape[1] = 0, none.shape[2] = good->shape[0];
  batched.shape[2] = good->shape[0];
  batched.strides[0] = batched.strides[1] = 0;
  batched.strides[2] = good->strides[0];
  shorter.shape[0]--;
  half.type = GATTN_FLOAT16;
  ck_success(context, gattn_frontier_list(
                          context, 24, (const int64_t[]){5, 3, 5}, 3, &twice));
  ck_success(context, gattn_frontier_all(context, 23, &other));
  const struct {
    gattn_status got, expected;
  } cases[] = {
      {gattn_top_k(context, graph, NULL, good, 0, &out), GATTN_ERROR_ARGUMENT},
      {gattn_top_k(context, graph, NULL, good, -4, &out), GATTN_ERROR_ARGUMENT},
      {gattn_top_k(context, graph, NULL, NULL, 1, &out), GATTN_ERROR_NULL},
      {gattn_top_k(context, graph, NULL, good, 1, NULL), GATTN_ERROR_NULL},
      {gattn_top_k(context, NULL, NULL, good, 1, &out), GATTN_ERROR_NULL},
      {gattn_top_k(NULL, graph, NULL, good, 1, &out), GATTN_ERROR_NULL},
      {gattn_top_k(context, graph, twice, good, 1, &out),
       GATTN_ERROR_DUPLICATE},
      {gattn_top_k(context, graph, other, good, 1, &out), GATTN_ERROR_SHAPE},
      {gattn_top_k(context, graph, NULL, &batched, 1, &out),
       GATTN_ERROR_UNSUPPORTED},
      {gattn_top_k(context, graph, NULL, &shorter, 1, &out), GATTN_ERROR_SHAPE},
      {gattn_top_k(context, graph, NULL, &none, 1, &out), GATTN_ERROR_SHAPE},
      {gattn_top_k(context, graph, NULL, &half, 1, &out), GATTN_ERROR_TYPE},
      {gattn_filter_threshold(context, graph, NULL, NULL, 1, &out),
       GATTN_ERROR_NULL},
      {gattn_filter_threshold(context, graph, NULL, good, 1, NULL),
       GATTN_ERROR_NULL},
      {gattn_filter_threshold(NULL, graph, NULL, good, 1, &out),
       GATTN_ERROR_NULL},
      {gattn_filter_threshold(context, NULL, NULL, good, 1, &out),
       GATTN_ERROR_NULL},
      {gattn_filter_threshold(context, graph, twice, good, 1, &out),
       GATTN_ERROR_DUPLICATE},
      {gattn_filter_threshold(context, graph, NULL, &batched, 1, &out),
       GATTN_ERROR_UNSUPPORTED},
      {gattn_filter_threshold(context, graph, NULL, &shorter, 1, &out),
       GATTN_ERROR_SHAPE},
      {gattn_filter(context, graph, NULL, good, NULL, NULL, &out),
       GATTN_ERROR_NULL},
      {gattn_filter(context, graph, NULL, good, keep, NULL, NULL),
       GATTN_ERROR_NULL},
      {gattn_filter(context, NULL, NULL, NULL, keep, NULL, &out),
       GATTN_ERROR_NULL},
      {gattn_filter(NULL, graph, NULL, good, keep, NULL, &out),
       GATTN_ERROR_NULL},
      {gattn_filter(context, graph, twice, NULL, keep, NULL, &out),
       GATTN_ERROR_DUPLICATE},
      {gattn_filter(context, graph, NULL, &batched, keep, NULL, &out),
       GATTN_ERROR_UNSUPPORTED},
  };
  for (size_t n = 0; n < sizeof cases / sizeof *cases; n++)
    ck_assert_msg(cases[n].got == cases[n].expected, "case %zu: %s", n,
                  gattn_status_name(cases[n].got));
  ck_assert_ptr_null(out);
  gattn_frontier_release(twice);
  gattn_frontier_release(other);
  oracle_array_free(&values);
  test_problem_free(&problem);
}
END_TEST

static int cancel(void *user, int64_t done, int64_t total) {
  (void)user, (void)done, (void)total;
  return 1;
}

START_TEST(progress_cancels) {
  gattn_context *watched = test_context(&(gattn_context_options){
      .struct_size = sizeof(gattn_context_options), .progress = cancel});
  test_problem problem = make_problem(FRONTIER_ALL, false, 1);
  gattn_graph *out = NULL;
  ck_assert_int_eq(
      gattn_filter(watched, problem.graph, NULL, NULL, keep, NULL, &out),
      GATTN_ERROR_CANCELLED);
  ck_assert_ptr_null(out);
  test_problem_free(&problem);
  gattn_context_destroy(watched);
}
END_TEST

/* ------------------------------------------------- allocation failures */

/* Every operator alone, over a stack of two graphs. */
static gattn_status run_all(gattn_context *brutal, void *user) {
  gattn_graph *graphs[2] = {NULL, NULL}, *stack = NULL, *kept = NULL,
              *top = NULL, *reaching = NULL;
  float q[2 * 6] = {1, 2, 3}, values[2 * 18], o[2 * 6], lse[2 * 6];
  gattn_tensor tq, tv, to, tl;
  (void)user;
  gattn_tensor_dense(brutal, q, GATTN_FLOAT32, 3, (int64_t[]){2, 6, 1}, &tq);
  gattn_tensor_dense(brutal, values, GATTN_FLOAT32, 2, (int64_t[]){2, 16}, &tv);
  gattn_tensor_dense(brutal, o, GATTN_FLOAT32, 3, (int64_t[]){2, 6, 1}, &to);
  gattn_tensor_dense(brutal, lse, GATTN_FLOAT32, 2, (int64_t[]){2, 6}, &tl);
  gattn_status status = gattn_mask_local(brutal, 6, 6, 1, 1, &graphs[0]);
  if (!status) status = gattn_mask_blocks(brutal, 6, 6, 2, &graphs[1]);
  if (!status) status = gattn_graph_stack(brutal, graphs, 2, &stack);
  if (!status)
    status =
        gattn_advance(brutal, stack, NULL, &tq, &tq, NULL, NULL, NULL, &tv);
  if (!status)
    status = gattn_filter(brutal, stack, NULL, &tv, keep, NULL, &kept);
  if (!status) status = gattn_top_k(brutal, stack, NULL, &tv, 2, &top);
  if (!status)
    status = gattn_filter_threshold(brutal, stack, NULL, &tv, 0, &reaching);
  if (!status)
    status = gattn_segmented_reduce(brutal, stack, NULL, GATTN_MAX, &tv, &tl);
  if (!status)
    status = gattn_segmented_softmax(brutal, stack, NULL, &tv, &tv, &tl);
  if (!status) status = gattn_gather(brutal, stack, NULL, &tv, &tq, &to);
  if (!status)
    status = gattn_merge_states(brutal, &to, &tl, &to, &tl, &to, &tl);
  gattn_graph_release(reaching);
  gattn_graph_release(top);
  gattn_graph_release(kept);
  gattn_graph_release(stack);
  gattn_graph_release(graphs[0]);
  gattn_graph_release(graphs[1]);
  return status;
}

START_TEST(failing_allocations) { brutal_run(run_all, NULL); }
END_TEST

Suite *make_selection_suite(void) {
  Suite *suite = suite_create("selection");
  TCase *tcase = tcase_create("selection");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, filter_keeps_what_the_predicate_does, 0,
                      FRONTIERS);
  tcase_add_loop_test(tcase, top_k_keeps_the_largest, 0, FRONTIERS);
  tcase_add_loop_test(tcase, threshold_keeps_what_reaches_it, 0, FRONTIERS);
  tcase_add_test(tcase, bad_requests_are_refused);
  tcase_add_test(tcase, progress_cancels);
  if (!test_on_device()) tcase_add_test(tcase, failing_allocations);
  suite_add_tcase(suite, tcase);
  return suite;
}
