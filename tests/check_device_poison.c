/* A device whose state a caller's bad pointer has ruined: errors are statuses,
 * and the process lives. SPDX-License-Identifier: Apache-2.0
 * A program of its own, since nothing on the device works after it. */
#include <check.h>
#include <gattn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/backend.h"

enum { N = 256, DIM = 64, BYTES = N * DIM * 4 };

static gattn_context *context;

static void setup(void) {
  const gattn_context_options options = {.struct_size = sizeof options,
                                         .device = GATTN_CUDA(0)};
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
}

static void teardown(void) { gattn_context_destroy(context); }

/* Attention over keys where no memory is. */
static gattn_status attend_nowhere(void *good) {
  const int64_t shape[] = {N, DIM};
  gattn_tensor q, k;
  gattn_graph *graph = NULL;
  gattn_attention_args args = {
      .struct_size = sizeof args, .q = &q, .k = &k, .v = &q, .o = &q};
  /* In the first pages, which no address space maps. */
  void *bad = (void *)(uintptr_t)0x4000;
  gattn_tensor o;
  args.o = &o;
  ck_assert_int_eq(
      gattn_tensor_dense(context, good, GATTN_FLOAT32, 2, shape, &q), 0);
  ck_assert_int_eq(gattn_tensor_dense(context, (char *)good + BYTES,
                                      GATTN_FLOAT32, 2, shape, &o), 0);
  ck_assert_int_eq(
      gattn_tensor_dense(context, bad, GATTN_FLOAT32, 2, shape, &k), 0);
  ck_assert_int_eq(gattn_mask_parse(context, "local(16)", N, N, &graph), 0);
  gattn_status status = gattn_attention(context, graph, GATTN_ALL, &args);
  if (!status) status = gattn_synchronize(context);
  gattn_graph_release(graph);
  return status;
}

START_TEST(a_bad_pointer_ruins_the_device_alone) {
  char zeros[BYTES] = {0};
  void *good = NULL, *more = context;
  ck_assert_int_eq(gattn_memory_allocate(context, 2 * BYTES, &good), 0);
  ck_assert_int_eq(gattn_memory_upload(context, good, zeros, BYTES), 0);
  ck_assert_int_eq(attend_nowhere(good), GATTN_ERROR_DEVICE);
  ck_assert_ptr_nonnull(strstr(gattn_context_message(context), "cuda:0: "));

  ck_assert_int_eq(gattn_synchronize(context), GATTN_ERROR_DEVICE);
  ck_assert_int_eq(gattn_memory_allocate(context, 8, &more),
                   GATTN_ERROR_DEVICE);
  ck_assert_ptr_eq(more, context);
  ck_assert_int_eq(gattn_memory_upload(context, good, zeros, BYTES),
                   GATTN_ERROR_DEVICE);
  ck_assert_int_eq(gattn_memory_download(context, zeros, good, BYTES),
                   GATTN_ERROR_DEVICE);
  gattn_memory_release(context, good, 2 * BYTES);

  const gattn_context_options options = {.struct_size = sizeof options,
                                         .device = GATTN_CUDA(0)};
  gattn_context *again = NULL, *cpu = NULL;
  ck_assert_int_eq(gattn_context_create(&options, &again), GATTN_ERROR_DEVICE);
  ck_assert_int_eq(gattn_context_create(NULL, &cpu), GATTN_SUCCESS);
  gattn_context_destroy(cpu);
}
END_TEST

static Suite *make_poison_suite(void) {
  Suite *suite = suite_create("device_poison");
  TCase *tcase = tcase_create("poison");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, a_bad_pointer_ruins_the_device_alone);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  Suite *(*const makers[])(void) = {make_poison_suite};
  return test_device_main(makers, 1);
}
