/* Tests of memory where a context computes, on the CPU, and of devices that are
 * not there. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brutal.h"
#include "lib/device.h"

static gattn_context *context;

static void setup(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
}

static void teardown(void) { gattn_context_destroy(context); }

START_TEST(copies_there_and_back) {
  const char sent[] = "what went there comes back";
  char got[sizeof sent] = "";
  void *memory = NULL;
  ck_assert_int_eq(gattn_memory_allocate(context, sizeof sent, &memory), 0);
  ck_assert_int_eq((uintptr_t)memory % 64, 0);
  ck_assert_int_eq(gattn_memory_upload(context, memory, sent, sizeof sent), 0);
  ck_assert_str_eq(memory, sent);
  ck_assert_int_eq(gattn_memory_download(context, got, memory, sizeof sent),
                   0);
  ck_assert_str_eq(got, sent);
  ck_assert_int_eq(gattn_synchronize(context), GATTN_SUCCESS);
  gattn_memory_release(context, memory, sizeof sent);
}
END_TEST

START_TEST(no_bytes) {
  void *memory = NULL;
  ck_assert_int_eq(gattn_memory_allocate(context, 0, &memory), GATTN_SUCCESS);
  ck_assert_ptr_nonnull(memory);
  ck_assert_int_eq(gattn_memory_upload(context, memory, NULL, 0), 0);
  ck_assert_int_eq(gattn_memory_upload(context, NULL, NULL, 0), 0);
  ck_assert_int_eq(gattn_memory_download(context, NULL, memory, 0), 0);
  gattn_memory_release(context, memory, 0);
  gattn_memory_release(context, NULL, 5);
  gattn_memory_release(NULL, NULL, 0);
}
END_TEST

START_TEST(nulls_are_refused) {
  char byte = 0;
  void *memory = &byte;
  ck_assert_int_eq(gattn_memory_allocate(NULL, 1, &memory), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_memory_allocate(context, 1, NULL), GATTN_ERROR_NULL);
  ck_assert_str_eq(gattn_context_message(context), "memory: is null");
  ck_assert_int_eq(gattn_memory_upload(NULL, &byte, &byte, 1),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_memory_upload(context, NULL, &byte, 1),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_memory_upload(context, &byte, NULL, 1),
                   GATTN_ERROR_NULL);
  ck_assert_str_eq(gattn_context_message(context), "host: is null");
  ck_assert_int_eq(gattn_memory_download(NULL, &byte, &byte, 1),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_memory_download(context, NULL, &byte, 1),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_memory_download(context, &byte, NULL, 1),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_synchronize(NULL), GATTN_ERROR_NULL);
  ck_assert_ptr_eq(memory, &byte);
}
END_TEST

START_TEST(more_than_there_is) {
  const size_t sizes[] = {SIZE_MAX, (size_t)INT64_MAX + 1, INT64_MAX};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    void *memory = context;
    ck_assert_int_eq(gattn_memory_allocate(context, sizes[s], &memory),
                     GATTN_ERROR_MEMORY);
    ck_assert_ptr_eq(memory, context);
    char sentence[64];
    snprintf(sentence, sizeof sentence, "memory: no memory for %zu bytes",
             sizes[s]);
    ck_assert_str_eq(gattn_context_message(context), sentence);
  }
}
END_TEST

static gattn_status allocate_and_release(gattn_context *brutal, void *user) {
  (void)user;
  void *memory = NULL;
  gattn_status status = gattn_memory_allocate(brutal, 100, &memory);
  gattn_memory_release(brutal, memory, 100);
  return status;
}

START_TEST(refusals_are_survived) {
  ck_assert_int_ge(brutal_run(allocate_and_release, NULL), 2);
}
END_TEST

/* ------------------------------------------------------------ devices */

START_TEST(names_of_devices) {
  char text[GATTN_DEVICE_TEXT];
  ck_assert_str_eq(gattn_device_text(GATTN_CPU, text), "cpu");
  ck_assert_str_eq(gattn_device_text(GATTN_CUDA(0), text), "cuda:0");
  ck_assert_str_eq(gattn_device_text(INT32_MAX, text), "cuda:2147483646");
  ck_assert(!gattn_on_device(context));
  ck_assert_ptr_null(gattn_device_facts_of(context));
}
END_TEST

START_TEST(devices_that_are_not_there) {
  const int32_t count = gattn_device_count();
  ck_assert_int_ge(count, 0);
  gattn_device_description absent = {.struct_size = sizeof absent};
  ck_assert_int_eq(gattn_device_describe(GATTN_CUDA(count), &absent), 0);
  ck_assert_int_eq(absent.usable, 0);
  ck_assert_int_eq(absent.capability, 0);
  ck_assert_str_eq(absent.name, "");
  ck_assert_ptr_nonnull(strstr(absent.problem, " is not available: "));
  ck_assert_int_eq(gattn_device_describe(GATTN_CUDA(0), NULL),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_device_describe(GATTN_CPU, &absent),
                   GATTN_ERROR_ARGUMENT);
  ck_assert_int_eq(gattn_device_describe(-1, &absent), GATTN_ERROR_ARGUMENT);
  absent.struct_size--;
  ck_assert_int_eq(gattn_device_describe(GATTN_CUDA(0), &absent),
                   GATTN_ERROR_STRUCT_SIZE);
}
END_TEST

/* Contexts on the CPU work after one on a device was refused. */
START_TEST(the_cpu_after_a_refusal) {
  const gattn_context_options options = {
      .struct_size = sizeof options,
      .device = GATTN_CUDA(gattn_device_count())};
  gattn_context *refused = NULL;
  ck_assert_int_eq(gattn_context_create(&options, &refused),
                   GATTN_ERROR_DEVICE);
  ck_assert_ptr_null(refused);
  gattn_graph *graph = NULL;
  float o[4] = {0}, ones[4] = {1, 1, 1, 1};
  const int64_t shape[] = {2, 2};
  gattn_tensor in, out;
  ck_assert_int_eq(gattn_mask_parse(context, "full", 2, 2, &graph), 0);
  ck_assert_int_eq(
      gattn_tensor_dense(context, ones, GATTN_FLOAT32, 2, shape, &in), 0);
  ck_assert_int_eq(in.device, GATTN_CPU);
  ck_assert_int_eq(
      gattn_tensor_dense(context, o, GATTN_FLOAT32, 2, shape, &out), 0);
  gattn_attention_args args = {.struct_size = sizeof args,
                               .q = &in, .k = &in, .v = &in, .o = &out};
  ck_assert_int_eq(gattn_attention(context, graph, GATTN_ALL, &args), 0);
  ck_assert_float_eq(o[3], 1);
  gattn_graph_release(graph);
}
END_TEST

static Suite *make_memory_suite(void) {
  Suite *suite = suite_create("memory");
  TCase *tcase = tcase_create("memory");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, copies_there_and_back);
  tcase_add_test(tcase, no_bytes);
  tcase_add_test(tcase, nulls_are_refused);
  tcase_add_test(tcase, more_than_there_is);
  tcase_add_test(tcase, refusals_are_survived);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("devices");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, names_of_devices);
  tcase_add_test(tcase, devices_that_are_not_there);
  tcase_add_test(tcase, the_cpu_after_a_refusal);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_memory_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
