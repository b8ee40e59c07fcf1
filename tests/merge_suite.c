/* Merging partial states: split then merge equals whole.
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
      .struct_size = sizeof(gattn_context_options), .threads = 2});
}

static void teardown(void) {
  gattn_context_destroy(context);
  test_settle();
}

/* The oracle's state over the keys of one parity, as arrays. */
static void half_state(const test_problem *problem, int parity, oracle_array *o,
                       oracle_array *lse) {
  oracle_problem half = problem->oracle;
  int64_t cells = half.mask_heads * half.n_q * half.n_kv;
  bool *edge = calloc((size_t)cells, 1);
  double *o_half = calloc((size_t)o->elements + 1, sizeof *o_half);
  double *lse_half = calloc((size_t)lse->elements + 1, sizeof *lse_half);
  for (int64_t c = 0; c < cells; c++)
    edge[c] = half.edge[c] && c % half.n_kv % 2 == parity;
  half.edge = edge;
  oracle_attention(&half, o_half, lse_half);
  oracle_array_fill(o, o_half);
  oracle_array_fill(lse, lse_half);
  free(edge);
  free(o_half);
  free(lse_half);
}

START_TEST(split_then_merge_is_the_whole) {
  test_problem problem =
      test_problem_make(context, &(test_problem_options){.mask = (test_mask)_i,
                                                         .batch = 2,
                                                         .heads = 3,
                                                         .kv_heads = 3,
                                                         .n_q = 40,
                                                         .n_kv = 50,
                                                         .dim = 3,
                                                         .dim_v = 300});
  for (int layout = 0; layout < ORACLE_LAYOUTS; layout++) {
    oracle_array o[3], lse[3];
    for (int s = 0; s < 3; s++) {
      o[s] = test_problem_output(&problem, (oracle_layout)layout);
      lse[s] =
          test_problem_rows(&problem, GATTN_FLOAT32, (oracle_layout)layout);
      if (s < 2) half_state(&problem, s, &o[s], &lse[s]);
    }
    ck_assert_int_eq(
        gattn_merge_states(context, &o[0].tensor, &lse[0].tensor, &o[1].tensor,
                           &lse[1].tensor, &o[2].tensor, &lse[2].tensor),
        GATTN_SUCCESS);
    oracle_assert_close("o", &o[2], problem.o, 2);
    oracle_assert_close("lse", &lse[2], problem.lse, 4);
    ck_assert_int_eq(
        gattn_merge_states(context, &o[0].tensor, &lse[0].tensor, &o[1].tensor,
                           &lse[1].tensor, &o[1].tensor, &lse[0].tensor),
        GATTN_SUCCESS);
    oracle_assert_close("in place", &o[1], problem.o, 2);
    oracle_assert_close("in place", &lse[0], problem.lse, 4);
    for (int s = 0; s < 3; s++) {
      oracle_array_free(&o[s]);
      oracle_array_free(&lse[s]);
    }
  }
  test_problem_free(&problem);
}
END_TEST

/* lse_a, o_a, lse_b, o_b -> lse, o */
static const double rows[][6] = {
    {-INFINITY, 0, -INFINITY, 0, -INFINITY, 0},
    {-INFINITY, NAN, -INFINITY, NAN, -INFINITY, 0},
    {-INFINITY, NAN, 1, 2, 1, 2},
    {1, 2, -INFINITY, INFINITY, 1, 2},
    {0, 1, 0, 3, 0.6931471805599453, 2},
    {80000, 1, 80000, 3, 80000.6931471805599453, 2},
    {-80000, 1, 80000, 3, 80000, 3},
    {NAN, 1, 0, 3, NAN, NAN},
    {0, 1, NAN, 3, NAN, NAN},
    {-INFINITY, 1, NAN, 3, NAN, NAN},
    {0, NAN, 0, 3, 0.6931471805599453, NAN},
};
enum { ROWS = sizeof rows / sizeof *rows };

START_TEST(edges_of_the_range) {
  const int64_t shape[] = {ROWS, 1};
  oracle_array o[3], lse[3];
  double expected_o[ROWS], expected_lse[ROWS];
  for (int s = 0; s < 3; s++) {
    o[s] = oracle_array_make((gattn_type)_i, 2, shape, ORACLE_PADDED, 1);
    lse[s] = oracle_array_make(GATTN_FLOAT32, 1, shape, ORACLE_PADDED, 2);
  }
  for (int r = 0; r < ROWS; r++) {
    for (int s = 0; s < 2; s++) {
      oracle_array_set(&lse[s], r, rows[r][2 * s]);
      oracle_array_set(&o[s], r, rows[r][2 * s + 1]);
    }
    expected_lse[r] = rows[r][4];
    expected_o[r] = rows[r][5];
  }
  for (int s = 0; s < 3; s++) {
    oracle_array_place(&o[s], context);
    oracle_array_place(&lse[s], context);
  }
  ck_assert_int_eq(
      gattn_merge_states(context, &o[0].tensor, &lse[0].tensor, &o[1].tensor,
                         &lse[1].tensor, &o[2].tensor, &lse[2].tensor),
      GATTN_SUCCESS);
  oracle_assert_close("o", &o[2], expected_o, 1);
  oracle_assert_close("lse", &lse[2], expected_lse, 1);
  for (int s = 0; s < 3; s++) {
    oracle_array_free(&o[s]);
    oracle_array_free(&lse[s]);
  }
}
END_TEST

START_TEST(bad_states_are_refused) {
  float data[6][4] = {{0}};
  gattn_tensor t[6], changed;
  const gattn_tensor *arguments[6];
  const int64_t shape[] = {2, 2};
  for (int n = 0; n < 6; n++) {
    ck_assert_int_eq(gattn_tensor_dense(context, data[n], GATTN_FLOAT32,
                                        n % 2 ? 1 : 2, shape, &t[n]),
                     GATTN_SUCCESS);
    arguments[n] = &t[n];
  }
#define MERGE()                                                         \
  gattn_merge_states(context, arguments[0], arguments[1], arguments[2], \
                     arguments[3], arguments[4], arguments[5])
  ck_assert_int_eq(MERGE(), GATTN_SUCCESS);
  memset(data, 0x7f, sizeof data);
  for (int n = 0; n < 6; n++) {
    arguments[n] = NULL;
    ck_assert_int_eq(MERGE(), GATTN_ERROR_NULL);
    arguments[n] = &changed;
    changed = t[n];
    changed.shape[0] = 1;
    ck_assert_int_eq(MERGE(), GATTN_ERROR_SHAPE);
    changed = t[n];
    changed.type = n ? GATTN_BFLOAT16 : GATTN_INT64;
    ck_assert_int_eq(MERGE(), GATTN_ERROR_TYPE);
    changed = t[n];
    changed.strides[0] = 0;
    if (n >= 4) ck_assert_int_eq(MERGE(), GATTN_ERROR_STRIDE);
    changed = t[n];
    changed.rank = 3 - changed.rank;
    ck_assert_int_eq(MERGE(), GATTN_ERROR_SHAPE);
    arguments[n] = &t[n];
  }
  changed = t[4];
  changed.data = data[0] + 1;
  arguments[4] = &changed;
  ck_assert_int_eq(MERGE(), GATTN_ERROR_ARGUMENT);
  ck_assert_int_eq(
      gattn_merge_states(NULL, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5]),
      GATTN_ERROR_NULL);
  ck_assert_float_eq(data[4][0], data[0][0]);
}
END_TEST

Suite *make_merge_suite(void) {
  Suite *suite = suite_create("merge");
  TCase *tcase = tcase_create("merge");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, split_then_merge_is_the_whole, 0, MASKS);
  tcase_add_loop_test(tcase, edges_of_the_range, 0, GATTN_INT64);
  if (!test_on_device()) tcase_add_test(tcase, bad_states_are_refused);
  suite_add_tcase(suite, tcase);
  return suite;
}
