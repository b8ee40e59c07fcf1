/* Generators that break their contract are found while attention walks them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/problem.h"
#include "tests/suites.h"

enum { N = 12, M = 10, HEADS = 4 };

static const test_problem_options small = {.mask = MASK_FULL,
                                           .rank = 3,
                                           .heads = HEADS,
                                           .kv_heads = 2,
                                           .n_q = N,
                                           .n_kv = M,
                                           .dim = 4,
                                           .dim_v = 4};

static gattn_context *context;
static test_problem problem;
static oracle_array o;
static void *biases; /* [HEADS, N * M] at most */
enum { BIAS_BYTES = HEADS * N * M * 4 };

static void setup(void) {
  context = test_context(NULL);
  problem = test_problem_make(context, &small);
  o = test_problem_output(&problem, ORACLE_DENSE);
  ck_success(context, gattn_memory_allocate(context, BIAS_BYTES, &biases));
}

static void teardown(void) {
  gattn_memory_release(context, biases, BIAS_BYTES);
  oracle_array_free(&o);
  test_problem_free(&problem);
  gattn_context_destroy(context);
}

static int64_t next_backwards(const void *state, int64_t i, int64_t j) {
  (void)state;
  return i == 5 && j > 3 ? 0 : j;
}
static int64_t next_outside(const void *state, int64_t i, int64_t j) {
  (void)state;
  return i == 5 ? j + M + 3 : j;
}
static int64_t next_key(const void *state, int64_t i, int64_t j) {
  (void)state, (void)i;
  return j;
}
static int64_t stretch_outside(const void *state, int64_t i, int64_t j) {
  (void)state;
  return i == 5 ? M + 1 : j + 1;
}
static int64_t degree_short(const void *state, int64_t i) {
  (void)state;
  return i == 5 ? 1 : M;
}
static int64_t degree_long(const void *state, int64_t i) {
  (void)state;
  return i == 5 ? M : 2;
}

static const gattn_generator broken[] = {
    {.next = next_backwards},
    {.next = next_outside},
    {.next = next_key, .stretch = stretch_outside},
    {.next = next_key, .degree = degree_short},
    {.next = next_key, .degree = degree_long},
};

/* One value for every edge that a degree promises; none without degrees. */
static gattn_tensor biases_of(const gattn_generator *generator) {
  int64_t shape[] = {HEADS, 0};
  gattn_tensor tensor;
  for (int64_t i = 0; i < N && generator->degree; i++)
    shape[1] += generator->degree(NULL, i);
  ck_assert_int_le(shape[1], N * M);
  ck_success(context, gattn_tensor_dense(context, biases, GATTN_FLOAT32, 2,
                                         shape, &tensor));
  return tensor;
}

/* With edge values, too, whose places depend on the degrees. */
START_TEST(broken_generators_are_found) {
  gattn_generator generator = broken[_i];
  gattn_graph *graph;
  generator.struct_size = sizeof generator;
  const gattn_tensor bias = biases_of(&generator);
  const gattn_score score = {.struct_size = sizeof score,
                             .kind = GATTN_SCORE_EDGE_BIAS};
  gattn_attention_args args = {.struct_size = sizeof args,
                               .q = &problem.q.tensor,
                               .k = &problem.k.tensor,
                               .v = &problem.v.tensor,
                               .o = &o.tensor};
  ck_success(context,
             gattn_graph_from_generator(context, N, M, &generator, &graph));
  gattn_status status = gattn_attention(context, graph, NULL, &args);
  if (!generator.degree) ck_assert_int_eq(status, GATTN_ERROR_CALLBACK);
  args.score = &score;
  args.edge_values = &bias;
  ck_assert_int_eq(gattn_attention(context, graph, NULL, &args),
                   GATTN_ERROR_CALLBACK);
  if (generator.degree)
    ck_assert_int_eq(gattn_advance(context, graph, NULL, args.q, args.k, NULL,
                                   NULL, NULL, &bias),
                     GATTN_ERROR_CALLBACK);
  gattn_graph_release(graph);
}
END_TEST

Suite *make_broken_generators_suite(void) {
  Suite *suite = suite_create("broken generators");
  TCase *tcase = tcase_create("attention");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, broken_generators_are_found, 0,
                      sizeof broken / sizeof *broken);
  suite_add_tcase(suite, tcase);
  return suite;
}
