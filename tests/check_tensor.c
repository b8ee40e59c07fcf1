/* Tensor views, DLPack. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tensor.h"

static gattn_context *context;

static void setup(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
}

static void teardown(void) { gattn_context_destroy(context); }

/* The call failed with this status and a message that has these words. */
static void assert_failed(gattn_status got, gattn_status expected,
                          const char *words) {
  const char *message = gattn_context_message(context);
  if (got != expected || !strstr(message, words))
    ck_abort_msg("got %s: \"%s\"; expected %s: \"…%s…\"",
                 gattn_status_name(got), message, gattn_status_name(expected),
                 words);
}

START_TEST(types_have_sizes_and_names) {
  static const struct {
    gattn_type type;
    size_t size;
    const char *name;
  } rows[] = {
      {GATTN_FLOAT32, 4, "float32"},   {GATTN_FLOAT16, 2, "float16"},
      {GATTN_BFLOAT16, 2, "bfloat16"}, {GATTN_INT64, 8, "int64"},
      {(gattn_type)4, 0, "unknown"},   {(gattn_type)-1, 0, "unknown"},
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    ck_assert_uint_eq(gattn_type_size(rows[r].type), rows[r].size);
    ck_assert_str_eq(gattn_type_name(rows[r].type), rows[r].name);
  }
}
END_TEST

START_TEST(dense_is_row_major) {
  float data[24];
  gattn_tensor tensor;
  ck_assert_int_eq(gattn_tensor_dense(context, data, GATTN_FLOAT32, 3,
                                      (int64_t[]){2, 3, 4}, &tensor),
                   GATTN_SUCCESS);
  ck_assert_ptr_eq(tensor.data, data);
  ck_assert_int_eq(tensor.device, GATTN_CPU);
  ck_assert_int_eq(tensor.type, GATTN_FLOAT32);
  ck_assert_int_eq(tensor.rank, 3);
  ck_assert_int_eq(tensor.reserved, 0);
  ck_assert_mem_eq(tensor.shape, ((int64_t[]){2, 3, 4}), 24);
  ck_assert_mem_eq(tensor.strides, ((int64_t[]){12, 4, 1}), 24);
  ck_assert_int_eq(gattn_tensor_elements(&tensor), 24);
  ck_assert_int_eq(gattn_tensor_check(context, &tensor), GATTN_SUCCESS);
}
END_TEST

#define HUGE_EXTENT ((int64_t)1 << 40)

static const struct dense_failure {
  gattn_type type;
  int32_t rank;
  int64_t shape[4];
  gattn_status status;
  const char *words;
} dense_failures[] = {
    {(gattn_type)9, 1, {1}, GATTN_ERROR_TYPE, "tensor: type 9"},
    {GATTN_FLOAT32, 0, {1}, GATTN_ERROR_SHAPE, "tensor: rank 0"},
    {GATTN_FLOAT32, -3, {1}, GATTN_ERROR_SHAPE, "tensor: rank -3"},
    {GATTN_FLOAT32, 5, {1}, GATTN_ERROR_SHAPE, "tensor: rank 5"},
    {GATTN_FLOAT32, 2, {4, -7}, GATTN_ERROR_SIZE, "shape: extent -7 of axis 1"},
    {GATTN_FLOAT32,
     2,
     {HUGE_EXTENT, HUGE_EXTENT},
     GATTN_ERROR_OVERFLOW,
     "1099511627776"},
    {GATTN_FLOAT32,
     4,
     {2, HUGE_EXTENT, HUGE_EXTENT, 3},
     GATTN_ERROR_OVERFLOW,
     "shape: the bytes of a float32 tensor with extents 2, 1099511627776, "
     "1099511627776, 3 do not fit"},
    {GATTN_INT64, 1, {(int64_t)1 << 60}, GATTN_ERROR_OVERFLOW, "63 bits"},
    /* Empty, but its extents could not be multiplied in any order. */
    {GATTN_FLOAT16,
     3,
     {0, HUGE_EXTENT, HUGE_EXTENT},
     GATTN_ERROR_OVERFLOW,
     "float16"},
};

START_TEST(dense_refuses) {
  const struct dense_failure *row = &dense_failures[_i];
  gattn_tensor tensor, before;
  memset(&tensor, 0x77, sizeof tensor);
  before = tensor;
  assert_failed(gattn_tensor_dense(context, NULL, row->type, row->rank,
                                   row->shape, &tensor),
                row->status, row->words);
  ck_assert_mem_eq(&tensor, &before, sizeof tensor);
}
END_TEST

START_TEST(nulls_are_refused) {
  gattn_tensor tensor;
  int64_t shape[] = {1};
  assert_failed(
      gattn_tensor_dense(context, NULL, GATTN_FLOAT32, 1, NULL, &tensor),
      GATTN_ERROR_NULL, "shape");
  assert_failed(
      gattn_tensor_dense(context, NULL, GATTN_FLOAT32, 1, shape, NULL),
      GATTN_ERROR_NULL, "tensor");
  assert_failed(gattn_tensor_check(context, NULL), GATTN_ERROR_NULL, "tensor");
  assert_failed(gattn_tensor_from_dlpack(context, NULL, &tensor),
                GATTN_ERROR_NULL, "dl_tensor");
  ck_assert_int_eq(gattn_tensor_check(NULL, NULL), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_tensor_elements(NULL), 0);
}
END_TEST

static float storage[64];

static gattn_tensor plain(void) {
  return (gattn_tensor){.data = storage,
                        .type = GATTN_FLOAT32,
                        .rank = 2,
                        .shape = {2, 8},
                        .strides = {8, 1}};
}

START_TEST(check_refuses) {
  gattn_tensor bad = plain();
  bad.type = (gattn_type)12;
  assert_failed(gattn_tensor_check(context, &bad), GATTN_ERROR_TYPE, "12");
  bad = plain();
  bad.rank = 6;
  assert_failed(gattn_tensor_check(context, &bad), GATTN_ERROR_SHAPE, "6");
  bad = plain();
  bad.reserved = 3;
  assert_failed(gattn_tensor_check(context, &bad), GATTN_ERROR_ARGUMENT, "3");
  bad = plain();
  bad.device = -2;
  assert_failed(gattn_tensor_check(context, &bad), GATTN_ERROR_DEVICE, "-2");
  bad = plain();
  bad.shape[0] = -1;
  assert_failed(gattn_tensor_check(context, &bad), GATTN_ERROR_SIZE, "-1");
  bad = plain();
  bad.data = NULL;
  assert_failed(gattn_tensor_check(context, &bad), GATTN_ERROR_NULL,
                "16 elements");
  bad = plain();
  bad.data = (char *)storage + 2;
  assert_failed(gattn_tensor_check(context, &bad), GATTN_ERROR_STRIDE,
                "not aligned to the 4 bytes");
}
END_TEST

START_TEST(check_refuses_strides_out_of_the_address_space) {
  static const int64_t strides[] = {INT64_MAX,     INT64_MIN,
                                    INT64_MAX / 2, INT64_MIN / 2,
                                    INT64_MAX / 8, INT64_MIN / 4};
  for (size_t s = 0; s < sizeof strides / sizeof *strides; s++) {
    gattn_tensor bad = plain();
    bad.shape[0] = 3;
    bad.strides[0] = strides[s];
    assert_failed(gattn_tensor_check(context, &bad), GATTN_ERROR_STRIDE,
                  "address space");
  }
  gattn_tensor below = plain();
  below.data = (void *)(uintptr_t)64;
  below.strides[0] = -64;
  assert_failed(gattn_tensor_check(context, &below), GATTN_ERROR_STRIDE, "-64");
  gattn_tensor sum = plain();
  sum.strides[0] = sum.strides[1] = INT64_MAX / 7 - 1;
  assert_failed(gattn_tensor_check(context, &sum), GATTN_ERROR_STRIDE, "reach");
}
END_TEST

START_TEST(check_allows) {
  gattn_tensor tensor = plain();
  tensor.strides[0] = 0;
  ck_assert_int_eq(gattn_tensor_check(context, &tensor), GATTN_SUCCESS);
  tensor.data = storage + 8;
  tensor.strides[0] = -8;
  ck_assert_int_eq(gattn_tensor_check(context, &tensor), GATTN_SUCCESS);
  tensor.device = GATTN_CUDA(3);
  ck_assert_int_eq(gattn_tensor_check(context, &tensor), GATTN_SUCCESS);
  /* Without elements neither data nor strides matter. */
  tensor = plain();
  tensor.shape[1] = 0;
  tensor.data = NULL;
  tensor.strides[0] = INT64_MIN;
  ck_assert_int_eq(gattn_tensor_check(context, &tensor), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_tensor_elements(&tensor), 0);
  /* An axis of 1 never takes its stride. */
  tensor = plain();
  tensor.shape[0] = 1;
  tensor.strides[0] = INT64_MIN;
  ck_assert_int_eq(gattn_tensor_check(context, &tensor), GATTN_SUCCESS);
}
END_TEST

START_TEST(elements_of_bad_shapes_are_none) {
  gattn_tensor tensor = plain();
  tensor.shape[0] = -2;
  ck_assert_int_eq(gattn_tensor_elements(&tensor), 0);
  tensor.shape[0] = tensor.shape[1] = INT64_MAX;
  ck_assert_int_eq(gattn_tensor_elements(&tensor), 0);
  tensor.rank = 7;
  ck_assert_int_eq(gattn_tensor_elements(&tensor), 0);
  tensor.rank = 0;
  ck_assert_int_eq(gattn_tensor_elements(&tensor), 0);
}
END_TEST

START_TEST(views_fill_leading_axes) {
  gattn_view view;
  gattn_tensor tensor = plain();
  ck_assert_int_eq(gattn_view_of(context, "q", &tensor, 4, &view),
                   GATTN_SUCCESS);
  ck_assert_mem_eq(view.shape, ((int64_t[]){1, 1, 2, 8}), 32);
  ck_assert_mem_eq(view.strides, ((int64_t[]){0, 0, 8, 1}), 32);
  ck_assert_ptr_eq(gattn_view_row(&view, 0, 0, 1), storage + 8);
  ck_assert_int_eq(gattn_view_of(context, "lse", &tensor, 3, &view),
                   GATTN_SUCCESS);
  ck_assert_mem_eq(view.shape, ((int64_t[]){1, 2, 8, 1}), 32);
  ck_assert_mem_eq(view.strides, ((int64_t[]){0, 8, 1, 0}), 32);
  ck_assert_ptr_eq(gattn_view_row(&view, 0, 1, 3), storage + 11);
}
END_TEST

START_TEST(views_refuse) {
  gattn_view view;
  gattn_tensor tensor = plain();
  tensor.rank = 1;
  assert_failed(gattn_view_of(context, "k", &tensor, 4, &view),
                GATTN_ERROR_SHAPE, "k: has rank 1, expected 2 to 4");
  tensor.rank = 4;
  tensor.shape[2] = tensor.shape[3] = 1;
  assert_failed(gattn_view_of(context, "lse", &tensor, 3, &view),
                GATTN_ERROR_SHAPE, "lse: has rank 4");
  tensor = plain();
  tensor.device = GATTN_CUDA(0);
  assert_failed(gattn_view_of(context, "v", &tensor, 4, &view),
                GATTN_ERROR_DEVICE, "v: lives on cuda:0, the context on cpu");
  assert_failed(gattn_view_of(context, "v", NULL, 4, &view), GATTN_ERROR_NULL,
                "v: is null");
  tensor.type = (gattn_type)8;
  assert_failed(gattn_view_of(context, "v", &tensor, 4, &view),
                GATTN_ERROR_TYPE, "v: type 8");
}
END_TEST

START_TEST(an_empty_view_has_an_address) {
  gattn_view view;
  gattn_tensor tensor = plain();
  tensor.shape[1] = 0;
  tensor.data = NULL;
  ck_assert_int_eq(gattn_view_of(context, "q", &tensor, 4, &view),
                   GATTN_SUCCESS);
  ck_assert_ptr_nonnull(view.data);
}
END_TEST

START_TEST(strides_that_no_element_takes_are_harmless) {
  gattn_view view;
  gattn_tensor tensor = plain();
  tensor.shape[0] = tensor.shape[1] = 1;
  tensor.strides[0] = tensor.strides[1] = INT64_MIN;
  ck_assert_int_eq(gattn_view_of(context, "q", &tensor, 4, &view),
                   GATTN_SUCCESS);
  ck_assert_mem_eq(view.strides, ((int64_t[]){0, 0, 0, 1}), 32);
  ck_assert_int_eq(gattn_view_check_output(context, "q", &view), GATTN_SUCCESS);
  tensor.shape[0] = 9;
  tensor.shape[1] = 0;
  ck_assert_int_eq(gattn_view_of(context, "q", &tensor, 4, &view),
                   GATTN_SUCCESS);
  ck_assert_mem_eq(view.strides, ((int64_t[]){0, 0, 0, 0}), 32);
  ck_assert_mem_eq(view.shape, ((int64_t[]){1, 1, 9, 0}), 32);
}
END_TEST

START_TEST(outputs_refuse_a_stride_of_zero) {
  gattn_view view;
  gattn_tensor tensor = plain();
  ck_assert_int_eq(gattn_view_of(context, "o", &tensor, 4, &view),
                   GATTN_SUCCESS);
  ck_assert_int_eq(gattn_view_check_output(context, "o", &view), GATTN_SUCCESS);
  view.strides[2] = 0;
  assert_failed(gattn_view_check_output(context, "o", &view),
                GATTN_ERROR_STRIDE,
                "o: an output with stride 0 on an axis of 2");
  view.shape[3] = 0;
  ck_assert_int_eq(gattn_view_check_output(context, "o", &view), GATTN_SUCCESS);
}
END_TEST

/* DLPack's structure as its specification lays it out, written out once more
 * so that the library's own declaration is held against it. */
typedef struct spec_tensor {
  void *data;
  struct {
    int32_t device_type, device_id;
  } device;
  int32_t ndim;
  struct {
    uint8_t code, bits;
    uint16_t lanes;
  } dtype;
  int64_t *shape, *strides;
  uint64_t byte_offset;
} spec_tensor;

static int64_t spec_shape[] = {2, 8}, spec_strides[] = {1, 4};

static spec_tensor exported(void) {
  return (spec_tensor){.data = storage,
                       .device = {1, 0},
                       .ndim = 2,
                       .dtype = {2, 32, 1},
                       .shape = spec_shape};
}

START_TEST(dlpack_views) {
  ck_assert_uint_eq(sizeof(spec_tensor), 48);
  ck_assert_uint_eq(offsetof(spec_tensor, byte_offset), 40);
  spec_tensor given = exported();
  gattn_tensor tensor;
  ck_assert_int_eq(gattn_tensor_from_dlpack(context, &given, &tensor),
                   GATTN_SUCCESS);
  ck_assert_ptr_eq(tensor.data, storage);
  ck_assert_mem_eq(tensor.shape, ((int64_t[]){2, 8}), 16);
  ck_assert_mem_eq(tensor.strides, ((int64_t[]){8, 1}), 16);
  given.strides = spec_strides;
  given.byte_offset = 16;
  given.device.device_type = 2;
  given.device.device_id = 5;
  ck_assert_int_eq(gattn_tensor_from_dlpack(context, &given, &tensor),
                   GATTN_SUCCESS);
  ck_assert_ptr_eq(tensor.data, storage + 4);
  ck_assert_mem_eq(tensor.strides, ((int64_t[]){1, 4}), 16);
  ck_assert_int_eq(tensor.device, GATTN_CUDA(5));
}
END_TEST

START_TEST(dlpack_types_and_devices) {
  static const struct {
    uint8_t code, bits;
    gattn_type type;
  } types[] = {{2, 32, GATTN_FLOAT32},
               {2, 16, GATTN_FLOAT16},
               {4, 16, GATTN_BFLOAT16},
               {0, 64, GATTN_INT64}};
  static const struct {
    int32_t kind;
    gattn_device device;
  } devices[] = {
      {1, GATTN_CPU}, {3, GATTN_CPU}, {2, GATTN_CUDA(0)}, {13, GATTN_CUDA(0)}};
  gattn_tensor tensor;
  for (int r = 0; r < 4; r++) {
    spec_tensor given = exported();
    given.dtype.code = types[r].code;
    given.dtype.bits = types[r].bits;
    given.device.device_type = devices[r].kind;
    ck_assert_int_eq(gattn_tensor_from_dlpack(context, &given, &tensor),
                     GATTN_SUCCESS);
    ck_assert_int_eq(tensor.type, types[r].type);
    ck_assert_int_eq(tensor.device, devices[r].device);
  }
}
END_TEST

static void assert_refused(const spec_tensor *given, gattn_status status,
                           const char *words) {
  gattn_tensor tensor, before;
  memset(&tensor, 0x77, sizeof tensor);
  before = tensor;
  assert_failed(gattn_tensor_from_dlpack(context, given, &tensor), status,
                words);
  ck_assert_mem_eq(&tensor, &before, sizeof tensor);
}

START_TEST(dlpack_refuses) {
  spec_tensor bad = exported();
  assert_failed(gattn_tensor_from_dlpack(context, &bad, NULL), GATTN_ERROR_NULL,
                "tensor: is null");
  bad.dtype.lanes = 4;
  assert_refused(&bad, GATTN_ERROR_TYPE, "4 lanes");
  bad = exported();
  bad.dtype.bits = 64;
  assert_refused(&bad, GATTN_ERROR_TYPE, "code 2 with 64 bits");
  bad = exported();
  bad.device.device_type = 7;
  assert_refused(&bad, GATTN_ERROR_DEVICE, "kind 7");
  bad = exported();
  bad.device.device_type = 2;
  bad.device.device_id = -1;
  assert_refused(&bad, GATTN_ERROR_DEVICE, "device -1");
  bad.device.device_id = INT32_MAX;
  assert_refused(&bad, GATTN_ERROR_DEVICE, "2147483647");
  bad = exported();
  bad.ndim = 0;
  bad.shape = NULL;
  assert_refused(&bad, GATTN_ERROR_SHAPE, "rank 0");
  bad.ndim = 5;
  assert_refused(&bad, GATTN_ERROR_NULL, "dl_tensor.shape");
  bad = exported();
  bad.ndim = 5;
  assert_refused(&bad, GATTN_ERROR_SHAPE, "rank 5");
  bad = exported();
  bad.byte_offset = UINT64_MAX;
  assert_refused(&bad, GATTN_ERROR_OVERFLOW, "18446744073709551615");
  bad.byte_offset = 2;
  assert_refused(&bad, GATTN_ERROR_STRIDE, "not aligned");
  bad.data = NULL;
  assert_refused(&bad, GATTN_ERROR_NULL, "dl_tensor.data");
  bad.byte_offset = 0;
  assert_refused(&bad, GATTN_ERROR_NULL, "16 elements");
}
END_TEST

static Suite *make_tensor_suite(void) {
  Suite *suite = suite_create("tensor");
  TCase *tcase = tcase_create("tensor");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, types_have_sizes_and_names);
  tcase_add_test(tcase, dense_is_row_major);
  tcase_add_loop_test(tcase, dense_refuses, 0,
                      sizeof dense_failures / sizeof *dense_failures);
  tcase_add_test(tcase, nulls_are_refused);
  tcase_add_test(tcase, check_refuses);
  tcase_add_test(tcase, check_refuses_strides_out_of_the_address_space);
  tcase_add_test(tcase, check_allows);
  tcase_add_test(tcase, elements_of_bad_shapes_are_none);
  tcase_add_test(tcase, views_fill_leading_axes);
  tcase_add_test(tcase, views_refuse);
  tcase_add_test(tcase, an_empty_view_has_an_address);
  tcase_add_test(tcase, strides_that_no_element_takes_are_harmless);
  tcase_add_test(tcase, outputs_refuse_a_stride_of_zero);
  tcase_add_test(tcase, dlpack_views);
  tcase_add_test(tcase, dlpack_types_and_devices);
  tcase_add_test(tcase, dlpack_refuses);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_tensor_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
