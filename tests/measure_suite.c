/* Timers, reproducible numbers and measured limits, on either backend.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gattn.h>

#include "tests/brutal.h"
#include "tests/suites.h"

static gattn_context *context;
static gattn_device device;

static void enter(void) {
  context = test_context(NULL);
  device = gattn_context_device(context);
}

static void leave(void) {
  ck_assert_int_eq(gattn_synchronize(context), GATTN_SUCCESS);
  gattn_context_destroy(context);
}

/* ------------------------------------------------------------ timer */

START_TEST(laps_add_up) {
  gattn_timer *timer;
  double laps[3] = {-1, -1, -1};
  ck_assert_int_eq(gattn_timer_create(context, 4, &timer), GATTN_SUCCESS);
  for (int round = 0; round < 2; round++) {
    for (int mark = 0; mark < 4; mark++)
      ck_assert_int_eq(gattn_timer_mark(timer, NULL), GATTN_SUCCESS);
    ck_assert_int_eq(gattn_timer_mark(timer, NULL), GATTN_ERROR_STATE);
    ck_assert_int_eq(gattn_timer_read(timer, laps), GATTN_SUCCESS);
    for (int lap = 0; lap < 3; lap++) {
      ck_assert_double_ge(laps[lap], 0);
      ck_assert_double_lt(laps[lap], 10);
    }
  }
  gattn_timer_destroy(timer);
}
END_TEST

START_TEST(timers_refuse) {
  gattn_timer *timer = NULL;
  double lap = -1;
  ck_assert_int_eq(gattn_timer_create(NULL, 2, &timer), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_timer_create(context, 2, NULL), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_timer_create(context, 0, &timer),
                   GATTN_ERROR_ARGUMENT);
  ck_assert_int_eq(gattn_timer_create(context, 65537, &timer),
                   GATTN_ERROR_ARGUMENT);
  ck_assert_ptr_null(timer);
  ck_assert_int_eq(gattn_timer_create(context, 2, &timer), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_timer_read(timer, &lap), GATTN_ERROR_STATE);
  ck_assert_int_eq(gattn_timer_mark(timer, NULL), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_timer_read(timer, &lap), GATTN_ERROR_STATE);
  ck_assert_double_eq(lap, -1);
  if (device == GATTN_CPU)
    ck_assert_int_eq(gattn_timer_mark(timer, &lap), GATTN_ERROR_ARGUMENT);
  ck_assert_int_eq(gattn_timer_mark(timer, NULL), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_timer_read(timer, NULL), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_timer_read(timer, &lap), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_timer_mark(NULL, NULL), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_timer_read(NULL, &lap), GATTN_ERROR_NULL);
  gattn_timer_destroy(timer);
  gattn_timer_destroy(NULL);
}
END_TEST

static gattn_status time_once(gattn_context *refusing, void *user) {
  gattn_timer *timer;
  double lap;
  (void)user;
  gattn_status status = gattn_timer_create(refusing, 2, &timer);
  if (status) return status;
  gattn_timer_mark(timer, NULL);
  gattn_timer_mark(timer, NULL);
  status = gattn_timer_read(timer, &lap);
  gattn_timer_destroy(timer);
  return status;
}

START_TEST(timers_survive_refused_memory) { brutal_run(time_once, NULL); }
END_TEST

/* ------------------------------------------------------------ numbers */

START_TEST(numbers_are_normal) {
  enum { COUNT = 1 << 20 };
  double sum = 0, squares = 0, products = 0;
  for (int64_t e = 0; e < COUNT; e++) {
    const double x = (double)gattn_normal(3, e);
    ck_assert_double_lt(fabs(x), 3.5);
    sum += x;
    squares += x * x;
    products += x * (double)gattn_normal(4, e);
  }
  ck_assert_double_lt(fabs(sum / COUNT), 0.005);
  ck_assert_double_lt(fabs(squares / COUNT - 1), 0.005);
  ck_assert_double_lt(fabs(products / COUNT), 0.005);
}
END_TEST

/* The same on every machine: benchmarks of years are to be compared. */
START_TEST(numbers_stay_as_they_are) {
  ck_assert_float_eq_tol(gattn_normal((uint64_t)1 << 56, 0), 0.29212f, 1e-5f);
  ck_assert_float_eq_tol(gattn_normal((uint64_t)1 << 56, 11), -1.22858f, 1e-5f);
}
END_TEST

static float stored(gattn_type type, const void *values, int64_t at) {
  const uint16_t *bits = values;
  return type == GATTN_FLOAT32   ? ((const float *)values)[at]
         : type == GATTN_FLOAT16 ? gattn_float16_to_float(bits[at])
                                 : gattn_bfloat16_to_float(bits[at]);
}

static float rounded(gattn_type type, float x) {
  return type == GATTN_FLOAT32 ? x
         : type == GATTN_FLOAT16
             ? gattn_float16_to_float(gattn_float16_from_float(x))
             : gattn_bfloat16_to_float(gattn_bfloat16_from_float(x));
}

/* [3, 50, 7] in C order, and with its axes swapped and a hole in each row. */
START_TEST(tensors_are_filled) {
  const gattn_type type = (gattn_type)(_i / 2);
  const int64_t shape[3] = {3, 50, 7}, holes[3] = {400, 8, 1};
  const size_t bytes = 1200 * gattn_type_size(type);
  gattn_tensor tensor;
  void *memory, *host = calloc(1, bytes);
  ck_assert_int_eq(gattn_memory_allocate(context, bytes, &memory),
                   GATTN_SUCCESS);
  gattn_memory_upload(context, memory, host, bytes);
  gattn_tensor_dense(context, memory, type, 3, shape, &tensor);
  tensor.device = device;
  if (_i % 2) memcpy(tensor.strides, holes, sizeof holes);
  ck_assert_int_eq(gattn_fill_normal(context, 9, &tensor), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_memory_download(context, host, memory, bytes),
                   GATTN_SUCCESS);
  for (int64_t e = 0; e < 1050; e++) {
    const int64_t at = e / 350 * tensor.strides[0] +
                       e / 7 % 50 * tensor.strides[1] +
                       e % 7 * tensor.strides[2];
    ck_assert_float_eq(stored(type, host, at),
                       rounded(type, gattn_normal(9, e)));
  }
  if (_i % 2)
    for (int64_t row = 0; row < 150; row++)
      ck_assert_float_eq(stored(type, host, row * 8 + 7), 0);
  gattn_memory_release(context, memory, bytes);
  free(host);
}
END_TEST

START_TEST(fills_refuse) {
  int64_t place[4] = {0}, shape[2] = {2, 2};
  gattn_tensor tensor;
  gattn_tensor_dense(context, place, GATTN_INT64, 2, shape, &tensor);
  tensor.device = device;
  ck_assert_int_eq(gattn_fill_normal(NULL, 1, &tensor), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_fill_normal(context, 1, NULL), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_fill_normal(context, 1, &tensor), GATTN_ERROR_TYPE);
  tensor.type = GATTN_FLOAT32;
  tensor.device = device + 1;
  ck_assert_int_eq(gattn_fill_normal(context, 1, &tensor), GATTN_ERROR_DEVICE);
  tensor.device = device;
  tensor.strides[0] = 0;
  ck_assert_int_eq(gattn_fill_normal(context, 1, &tensor), GATTN_ERROR_STRIDE);
  tensor.shape[0] = 0;
  ck_assert_int_eq(gattn_fill_normal(context, 1, &tensor), GATTN_SUCCESS);
  ck_assert_int_eq(place[0], 0);
}
END_TEST

/* ------------------------------------------------------------ limits */

START_TEST(limits_are_measured) {
  gattn_limits limits = {.struct_size = sizeof limits};
  ck_assert_int_eq(gattn_measure_limits(context, 4096, 128, &limits),
                   GATTN_SUCCESS);
  ck_assert_double_gt(limits.copy_bytes, 1e7);
  ck_assert_double_gt(limits.multiply_add, 1e7);
  ck_assert_double_gt(limits.random_row_bytes, 1e5);
  if (device == GATTN_CPU)
    ck_assert_double_eq(limits.mma_sync + limits.wgmma, 0);
  else
    ck_assert_double_gt(limits.mma_sync, limits.multiply_add);
}
END_TEST

START_TEST(shorter_limits_are_taken) {
  gattn_limits limits = {.struct_size = offsetof(gattn_limits, mma_sync),
                         .mma_sync = -1,
                         .wgmma = -1};
  ck_assert_int_eq(gattn_measure_limits(context, 4096, 128, &limits),
                   GATTN_SUCCESS);
  ck_assert_double_gt(limits.copy_bytes, 1e7);
  ck_assert_double_eq(limits.mma_sync, -1);
  ck_assert_double_eq(limits.wgmma, -1);
  limits.struct_size--;
  ck_assert_int_eq(gattn_measure_limits(context, 0, 0, &limits),
                   GATTN_ERROR_STRUCT_SIZE);
  limits.struct_size = sizeof limits;
  ck_assert_int_eq(gattn_measure_limits(context, 1, 65, &limits),
                   GATTN_ERROR_ARGUMENT);
  ck_assert_int_eq(gattn_measure_limits(context, -1, 64, &limits),
                   GATTN_ERROR_ARGUMENT);
}
END_TEST

Suite *make_measure_suite(void) {
  Suite *suite = suite_create("measure");
  TCase *tcase = tcase_create("measure");
  tcase_add_checked_fixture(tcase, enter, leave);
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, laps_add_up);
  tcase_add_test(tcase, timers_refuse);
  tcase_add_test(tcase, timers_survive_refused_memory);
  tcase_add_test(tcase, numbers_are_normal);
  tcase_add_test(tcase, numbers_stay_as_they_are);
  tcase_add_loop_test(tcase, tensors_are_filled, 0, 6);
  tcase_add_test(tcase, fills_refuse);
  tcase_add_test(tcase, limits_are_measured);
  tcase_add_test(tcase, shorter_limits_are_taken);
  suite_add_tcase(suite, tcase);
  return suite;
}
