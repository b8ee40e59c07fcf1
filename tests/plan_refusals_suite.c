/* What building, planning and executing programs refuse.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static const test_problem_options small = {.mask = MASK_BAND,
                                           .rank = 3,
                                           .heads = 2,
                                           .kv_heads = 2,
                                           .n_q = 30,
                                           .n_kv = 30,
                                           .dim = 4,
                                           .dim_v = 4};

START_TEST(building_refuses) {
  test_problem problem = test_problem_make(context, &small);
  test_chain c = test_chain_make(&problem, NULL, NULL);
  gattn_program *p = c.program;
  gattn_graph *other;
  gattn_value value = 42, short_v;
  ck_success(context, gattn_mask_full(context, 30, 30, &other));
  gattn_score bias = {.struct_size = sizeof bias,
                      .kind = GATTN_SCORE_EDGE_BIAS};
  ck_success(context,
             gattn_program_input(p, "short", GATTN_FLOAT32, 3,
                                 (const int64_t[]){2, 29, 4}, &short_v));
  const struct {
    gattn_status got, expected;
  } cases[] = {
      {gattn_program_gather(p, c.scores, short_v, &value), GATTN_ERROR_SHAPE},
      {gattn_program_gather(p, c.lse, c.v, &value), GATTN_ERROR_STATE},
      {gattn_program_gather(p, 77, c.v, &value), GATTN_ERROR_STATE},
      {gattn_program_gather(p, -1, c.v, &value), GATTN_ERROR_STATE},
      {gattn_program_segmented_softmax(p, c.q, &value, NULL),
       GATTN_ERROR_STATE},
      {gattn_program_segmented_reduce(p, (gattn_monoid)9, c.scores, &value),
       GATTN_ERROR_ARGUMENT},
      {gattn_program_advance(p, other, NULL, c.q, c.k, NULL, &bias, c.scores,
                             &value),
       GATTN_ERROR_STATE},
      {gattn_program_advance(p, other, NULL, c.q, c.k, NULL, &bias,
                             GATTN_NO_VALUE, &value),
       GATTN_ERROR_NULL},
      {gattn_program_advance(p, other, NULL, c.q, short_v, NULL, NULL,
                             GATTN_NO_VALUE, &value),
       GATTN_ERROR_SHAPE},
      {gattn_program_advance(p, other, NULL, c.weights, c.k, NULL, NULL,
                             GATTN_NO_VALUE, &value),
       GATTN_ERROR_STATE},
      {gattn_program_advance(p, NULL, NULL, c.q, c.k, NULL, NULL,
                             GATTN_NO_VALUE, &value),
       GATTN_ERROR_NULL},
      {gattn_program_advance(p, other, NULL, c.q, c.k, &(double){NAN}, NULL,
                             GATTN_NO_VALUE, &value),
       GATTN_ERROR_ARGUMENT},
      {gattn_program_output(p, "again", c.o), GATTN_ERROR_STATE},
      {gattn_program_output(p, "q", c.q), GATTN_ERROR_STATE},
      {gattn_program_output(p, "none", 1000), GATTN_ERROR_STATE},
      {gattn_program_output(p, NULL, c.o), GATTN_ERROR_NULL},
      {gattn_program_input(p, "r", GATTN_FLOAT32, 5, problem.q.tensor.shape,
                           &value),
       GATTN_ERROR_SHAPE},
      {gattn_program_input(p, "t", (gattn_type)9, 1, problem.q.tensor.shape,
                           &value),
       GATTN_ERROR_TYPE},
      {gattn_program_input(p, "s", GATTN_FLOAT32, 1, (const int64_t[]){-1},
                           &value),
       GATTN_ERROR_SIZE},
      {gattn_program_input(p, NULL, GATTN_FLOAT32, 1, (const int64_t[]){1},
                           &value),
       GATTN_ERROR_NULL},
      {gattn_program_input(p, "big", GATTN_FLOAT32, 2,
                           (const int64_t[]){INT64_MAX, 2}, &value),
       GATTN_ERROR_OVERFLOW},
      {gattn_program_create(NULL, &p), GATTN_ERROR_NULL},
      {gattn_program_create(context, NULL), GATTN_ERROR_NULL},
  };
  for (size_t n = 0; n < sizeof cases / sizeof *cases; n++)
    ck_assert_msg(cases[n].got == cases[n].expected, "case %zu: %s", n,
                  gattn_status_name(cases[n].got));
  ck_assert_int_eq(value, 42);
  gattn_graph_release(other);
  gattn_program_destroy(c.program);
  gattn_program_destroy(NULL);
  test_problem_free(&problem);
}
END_TEST

START_TEST(planning_refuses) {
  gattn_program *program;
  gattn_plan *plan = NULL;
  ck_success(context, gattn_program_create(context, &program));
  ck_assert_int_eq(gattn_plan_create(program, NULL, &plan), GATTN_ERROR_STATE);
  gattn_plan_options options = {.struct_size = 3};
  ck_assert_int_eq(gattn_plan_create(program, &options, &plan),
                   GATTN_ERROR_STRUCT_SIZE);
  options = (gattn_plan_options){.struct_size = sizeof options,
                                 .fusion = (gattn_fusion)7};
  ck_assert_int_eq(gattn_plan_create(program, &options, &plan),
                   GATTN_ERROR_ARGUMENT);
  ck_assert_int_eq(gattn_plan_create(NULL, NULL, &plan), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_plan_create(program, NULL, NULL), GATTN_ERROR_NULL);
  ck_assert_ptr_null(plan);
  gattn_plan_destroy(NULL);
  gattn_program_destroy(program);
}
END_TEST

START_TEST(executing_refuses) {
  test_problem problem = test_problem_make(context, &small);
  test_chain c = test_chain_make(&problem, NULL, NULL);
  gattn_plan *plan = test_plan_make(context, c.program, (gattn_fusion)_i);
  oracle_array o = test_problem_output(&problem, ORACLE_DENSE);
  oracle_array lse = test_problem_rows(&problem, GATTN_FLOAT32, ORACLE_DENSE);
  gattn_binding good[] = {{c.q, &problem.q.tensor},
                          {c.k, &problem.k.tensor},
                          {c.v, &problem.v.tensor},
                          {c.o, &o.tensor},
                          {c.lse, &lse.tensor}};
  gattn_binding bad[5];
  gattn_tensor changed;
#define EXPECT(status)                                                \
  ck_assert_int_eq(test_plan_execute(context, plan, bad, 5), status); \
  memcpy(bad, good, sizeof bad);                                      \
  changed = o.tensor
  memcpy(bad, good, sizeof bad);
  changed = o.tensor;
  ck_assert_int_eq(test_plan_execute(context, plan, good, 4),
                   GATTN_ERROR_STATE);
  bad[4] = good[3];
  EXPECT(GATTN_ERROR_STATE);
  bad[4].value = 99;
  EXPECT(GATTN_ERROR_STATE);
  bad[4].value = c.scores;
  EXPECT(GATTN_ERROR_STATE);
  bad[3].tensor = NULL;
  EXPECT(GATTN_ERROR_NULL);
  bad[3].tensor = &changed;
  changed.shape[1] = 29;
  EXPECT(GATTN_ERROR_SHAPE);
  bad[3].tensor = &changed;
  changed.type = GATTN_FLOAT16;
  EXPECT(GATTN_ERROR_TYPE);
  bad[3].tensor = &changed;
  changed.strides[2] = 0;
  EXPECT(GATTN_ERROR_STRIDE);
  bad[3].tensor = &problem.k.tensor;
  EXPECT(GATTN_ERROR_ARGUMENT);
  enum { ROOM = 1 << 20 };
  void *memory;
  size_t bytes;
  ck_success(context, gattn_memory_allocate(context, ROOM, &memory));
  ck_success(context, gattn_plan_workspace(plan, &bytes));
  ck_assert_uint_lt(bytes, ROOM - 64);
  char *room = memory;
  if (bytes) {
    ck_assert_int_eq(gattn_plan_execute(plan, good, 5, room, bytes - 1, NULL),
                     GATTN_ERROR_WORKSPACE);
    ck_assert_int_eq(gattn_plan_execute(plan, good, 5, room + 8, bytes, NULL),
                     GATTN_ERROR_WORKSPACE);
    ck_assert_int_eq(gattn_plan_execute(plan, good, 5, NULL, bytes, NULL),
                     GATTN_ERROR_WORKSPACE);
  }
  if (!test_on_device())
    ck_assert_int_eq(gattn_plan_execute(plan, good, 5, room, bytes, room),
                     GATTN_ERROR_ARGUMENT);
  ck_assert_int_eq(gattn_plan_execute(plan, good, -1, room, bytes, NULL),
                   GATTN_ERROR_SIZE);
  ck_assert_int_eq(gattn_plan_execute(plan, NULL, 5, room, bytes, NULL),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_plan_execute(NULL, good, 5, room, bytes, NULL),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_plan_workspace(plan, NULL), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_plan_workspace(NULL, &bytes), GATTN_ERROR_NULL);
  gattn_memory_release(context, memory, ROOM);
  double *before = malloc((size_t)o.elements * sizeof *before);
  memcpy(before, o.values, (size_t)o.elements * sizeof *before);
  oracle_array_read(&o);
  for (int64_t e = 0; e < o.elements; e++)
    ck_assert_double_eq(o.values[e], before[e]);
  free(before);
  gattn_plan_destroy(plan);
  gattn_program_destroy(c.program);
  oracle_array_free(&o);
  oracle_array_free(&lse);
  test_problem_free(&problem);
}
END_TEST

Suite *make_plan_refusals_suite(void) {
  Suite *suite = suite_create("plan refusals");
  TCase *tcase = tcase_create("refusals");
  suite_add_tcase(suite, tcase);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, building_refuses);
  tcase_add_test(tcase, planning_refuses);
  tcase_add_loop_test(tcase, executing_refuses, 0, 2);
  return suite;
}
