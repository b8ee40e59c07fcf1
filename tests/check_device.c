/* Tests of contexts on a CUDA device: memory, streams, errors.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <cuda_runtime_api.h>
#include <gattn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "brutal.h"
#include "lib/device.h"
#include "tests/backend.h"

static gattn_context *context;
static cudaStream_t stream;

static gattn_context_options on_device(void) {
  return (gattn_context_options){.struct_size = sizeof(gattn_context_options),
                                 .device = GATTN_CUDA(0)};
}

static void setup(void) {
  ck_assert_int_eq(cudaStreamCreate(&stream), cudaSuccess);
  gattn_context_options options = on_device();
  options.stream = stream;
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
}

static void teardown(void) {
  gattn_context_destroy(context);
  ck_assert_int_eq(cudaStreamDestroy(stream), cudaSuccess);
  ck_assert_int_eq(cudaGetLastError(), cudaSuccess);
}

START_TEST(the_context_knows_its_device) {
  const gattn_device_facts *facts = gattn_device_facts_of(context);
  ck_assert_int_eq(gattn_context_device(context), GATTN_CUDA(0));
  ck_assert(gattn_on_device(context));
  ck_assert_ptr_eq(gattn_device_stream(context), stream);
  ck_assert_int_ge(facts->capability, 80);
  ck_assert_int_ge(facts->multiprocessors, 1);
  ck_assert_int_ge(facts->shared_bytes, 96 << 10);
  ck_assert_int_ge(facts->l2_bytes, 1 << 20);
  ck_assert_int_ge(facts->memory_bytes, 1 << 30);
  gattn_device_description device = {.struct_size = sizeof device};
  ck_assert_int_eq(gattn_device_describe(GATTN_CUDA(0), &device), 0);
  ck_assert_int_eq(device.usable, 1);
  ck_assert_str_eq(device.problem, "");
  ck_assert_str_eq(device.name, facts->name);
  ck_assert_int_gt(strlen(device.name), 0);
  ck_assert_int_eq(device.capability, facts->capability);
  ck_assert_int_eq(device.memory_bytes, facts->memory_bytes);
}
END_TEST

START_TEST(copies_there_and_back) {
  const size_t sizes[] = {1, 255, 4096, (3 << 20) + 7};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    const size_t bytes = sizes[s];
    unsigned char *sent = malloc(bytes), *got = calloc(bytes, 1);
    for (size_t b = 0; b < bytes; b++) sent[b] = (unsigned char)(b * 37 + s);
    void *memory = NULL;
    ck_assert_int_eq(gattn_memory_allocate(context, bytes, &memory), 0);
    ck_assert_int_eq((uintptr_t)memory % 256, 0);
    ck_assert_int_eq(gattn_memory_upload(context, memory, sent, bytes), 0);
    memset(sent, 0, bytes); /* the source may be reused at once */
    ck_assert_int_eq(gattn_memory_download(context, got, memory, bytes), 0);
    for (size_t b = 0; b < bytes; b++)
      ck_assert_uint_eq(got[b], (unsigned char)(b * 37 + s));
    ck_assert_int_eq(gattn_synchronize(context), GATTN_SUCCESS);
    gattn_memory_release(context, memory, bytes);
    free(sent);
    free(got);
  }
}
END_TEST

START_TEST(no_bytes) {
  void *memory = NULL;
  ck_assert_int_eq(gattn_memory_allocate(context, 0, &memory), GATTN_SUCCESS);
  ck_assert_ptr_nonnull(memory);
  ck_assert_int_eq(gattn_memory_upload(context, memory, NULL, 0), 0);
  ck_assert_int_eq(gattn_memory_download(context, NULL, memory, 0), 0);
  gattn_memory_release(context, memory, 0);
}
END_TEST

START_TEST(copies_follow_the_stream) {
  enum { BYTES = 64 << 20 };
  void *memory = NULL;
  unsigned char last = 0;
  ck_assert_int_eq(gattn_memory_allocate(context, BYTES, &memory), 0);
  for (int value = 1; value < 9; value++) {
    ck_assert_int_eq(cudaMemsetAsync(memory, value, BYTES, stream), 0);
    ck_assert_int_eq(gattn_memory_download(
                         context, &last, (char *)memory + BYTES - 1, 1), 0);
    ck_assert_int_eq(last, value);
  }
  gattn_memory_release(context, memory, BYTES);
}
END_TEST

START_TEST(exhausted_memory) {
  const size_t sizes[] = {(size_t)1 << 46, INT64_MAX, SIZE_MAX};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    void *memory = context;
    ck_assert_int_eq(gattn_memory_allocate(context, sizes[s], &memory),
                     GATTN_ERROR_MEMORY);
    ck_assert_ptr_eq(memory, context);
    ck_assert_ptr_nonnull(strstr(gattn_context_message(context), "memory: "));
    ck_assert_int_eq(cudaPeekAtLastError(), cudaSuccess);
  }
  void *memory = NULL;
  ck_assert_int_eq(
      gattn_device_allocate(context, "rows", INT64_MAX / 8 + 1, 8, &memory),
      GATTN_ERROR_OVERFLOW);
  ck_assert_int_eq(gattn_memory_allocate(context, 1, &memory), GATTN_SUCCESS);
  gattn_memory_release(context, memory, 1);
}
END_TEST

START_TEST(a_pointer_that_is_none) {
  char byte = 0;
  void *nowhere = (void *)(uintptr_t)0x7000; /* neither host nor device */
  ck_assert_int_eq(gattn_memory_upload(context, nowhere, &byte, 1),
                   GATTN_ERROR_DEVICE);
  ck_assert_ptr_nonnull(
      strstr(gattn_context_message(context), "upload: cuda:0"));
  ck_assert_int_eq(cudaPeekAtLastError(), cudaSuccess);
  ck_assert_int_eq(gattn_synchronize(context), GATTN_SUCCESS);
}
END_TEST

START_TEST(capture_is_seen) {
  cudaGraph_t graph;
  ck_assert(!gattn_device_capturing(context, stream));
  ck_assert(!gattn_device_capturing(context, NULL));
  ck_assert_int_eq(
      cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), 0);
  ck_assert(gattn_device_capturing(context, stream));
  ck_assert_int_eq(cudaStreamEndCapture(stream, &graph), 0);
  ck_assert(!gattn_device_capturing(context, stream));
  ck_assert_int_eq(cudaGraphDestroy(graph), 0);
}
END_TEST

START_TEST(statuses_of_cuda_errors) {
  ck_assert_int_eq(gattn_device_check(context, cudaSuccess, "x"), 0);
  ck_assert_int_eq(
      gattn_device_check(context, cudaErrorMemoryAllocation, "rows"),
      GATTN_ERROR_MEMORY);
  ck_assert_int_eq(gattn_device_check(context, cudaErrorLaunchFailure, "merge"),
                   GATTN_ERROR_DEVICE);
  ck_assert_ptr_nonnull(
      strstr(gattn_context_message(context), "merge: cuda:0: "));
  ck_assert_ptr_nonnull(
      strstr(gattn_context_message(context), "cudaErrorLaunchFailure"));
}
END_TEST

/* ------------------------------------------------------------ operands */

START_TEST(operands_live_where_the_context_computes) {
  const int64_t shape[] = {2, 2};
  void *memory = NULL;
  gattn_graph *graph = NULL;
  gattn_tensor here, there;
  ck_assert_int_eq(gattn_memory_allocate(context, 16, &memory), 0);
  ck_assert_int_eq(
      gattn_tensor_dense(context, memory, GATTN_FLOAT32, 2, shape, &there), 0);
  ck_assert_int_eq(there.device, GATTN_CUDA(0));
  here = there;
  here.device = GATTN_CPU;
  ck_assert_int_eq(gattn_mask_parse(context, "full", 2, 2, &graph), 0);
  gattn_attention_args args = {.struct_size = sizeof args, .q = &here,
                               .k = &there, .v = &there, .o = &there};
  ck_assert_int_eq(gattn_attention(context, graph, GATTN_ALL, &args),
                   GATTN_ERROR_DEVICE);
  ck_assert_str_eq(gattn_context_message(context),
                   "q: lives on cpu, the context on cuda:0");
  gattn_graph_release(graph);
  gattn_memory_release(context, memory, 16);
}
END_TEST

START_TEST(files_are_the_hosts) {
  const int64_t shape[] = {3, 2};
  gattn_tensor tensor;
  gattn_npy *npy = NULL;
  ck_assert_int_eq(gattn_npy_create(context, "device.tmp.npy", GATTN_FLOAT32, 2,
                                    shape, &tensor, &npy), 0);
  ck_assert_int_eq(tensor.device, GATTN_CPU);
  ((float *)tensor.data)[5] = 1;
  gattn_npy_close(npy);
}
END_TEST

/* ------------------------------------------------------------ allocators */

typedef struct counted {
  int64_t live, asked, bytes, fail_at;
  size_t alignment;
} counted;

static void *counted_allocate(void *user, size_t bytes, size_t alignment) {
  counted *heap = user;
  void *memory = NULL;
  heap->alignment = alignment;
  if (heap->asked++ == heap->fail_at) return NULL;
  if (cudaMalloc(&memory, bytes)) return NULL;
  heap->live++;
  heap->bytes += (int64_t)bytes;
  return memory;
}

static void counted_release(void *user, void *memory, size_t bytes) {
  counted *heap = user;
  heap->live--;
  heap->bytes -= (int64_t)bytes;
  cudaFree(memory);
}

START_TEST(the_callers_allocator) {
  counted heap = {.fail_at = 2};
  gattn_context *own = NULL;
  gattn_context_options options = on_device();
  options.device_allocator =
      (gattn_allocator){&heap, counted_allocate, counted_release};
  ck_assert_int_eq(gattn_context_create(&options, &own), GATTN_SUCCESS);
  ck_assert_int_eq(heap.asked, 0);
  void *first = NULL, *second = NULL, *third = own;
  ck_assert_int_eq(gattn_memory_allocate(own, 1000, &first), GATTN_SUCCESS);
  ck_assert_int_eq(heap.alignment, 256);
  ck_assert_int_eq(gattn_memory_allocate(own, 0, &second), GATTN_SUCCESS);
  ck_assert_int_eq(heap.live, 2);
  ck_assert_int_eq(gattn_memory_allocate(own, 24, &third), GATTN_ERROR_MEMORY);
  ck_assert_ptr_eq(third, own);
  ck_assert_str_eq(gattn_context_message(own),
                   "memory: no device memory for 24 bytes");
  gattn_memory_release(own, first, 1000);
  gattn_memory_release(own, second, 0);
  ck_assert_int_eq(heap.live, 0);
  ck_assert_int_eq(heap.bytes, 0);
  gattn_context_destroy(own);
}
END_TEST

static gattn_status do_nothing(gattn_context *brutal, void *user) {
  (void)user;
  return gattn_on_device(brutal) ? GATTN_SUCCESS : GATTN_ERROR_DEVICE;
}

START_TEST(creation_survives_refusal) {
  const gattn_context_options options = on_device();
  ck_assert_int_eq(brutal_run_with(&options, do_nothing, NULL), 2);
}
END_TEST

START_TEST(devices_that_are_not_there) {
  gattn_context_options options = on_device();
  gattn_context *none = NULL;
  options.device = GATTN_CUDA(gattn_device_count());
  ck_assert_int_eq(gattn_context_create(&options, &none), GATTN_ERROR_DEVICE);
  ck_assert_ptr_null(none);
  ck_assert_int_eq(cudaPeekAtLastError(), cudaSuccess);
}
END_TEST

/* With two devices: the current one of the thread stays what it was. */
START_TEST(the_current_device_stays) {
  const int last = gattn_device_count() - 1;
  int current = -1;
  gattn_context *other = NULL;
  gattn_context_options options = on_device();
  options.device = GATTN_CUDA(last);
  ck_assert_int_eq(gattn_context_create(&options, &other), GATTN_SUCCESS);
  void *memory = NULL;
  ck_assert_int_eq(gattn_memory_allocate(other, 4, &memory), GATTN_SUCCESS);
  struct cudaPointerAttributes where;
  ck_assert_int_eq(cudaPointerGetAttributes(&where, memory), 0);
  ck_assert_int_eq(where.device, last);
  ck_assert_int_eq(cudaGetDevice(&current), 0);
  ck_assert_int_eq(current, 0);
  gattn_memory_release(other, memory, 4);
  gattn_context_destroy(other);
}
END_TEST

static Suite *make_device_suite(void) {
  Suite *suite = suite_create("device");
  TCase *tcase = tcase_create("memory");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, the_context_knows_its_device);
  tcase_add_test(tcase, copies_there_and_back);
  tcase_add_test(tcase, no_bytes);
  tcase_add_test(tcase, copies_follow_the_stream);
  tcase_add_test(tcase, exhausted_memory);
  tcase_add_test(tcase, a_pointer_that_is_none);
  tcase_add_test(tcase, capture_is_seen);
  tcase_add_test(tcase, statuses_of_cuda_errors);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("operands");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, operands_live_where_the_context_computes);
  tcase_add_test(tcase, files_are_the_hosts);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("allocators");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, the_callers_allocator);
  tcase_add_test(tcase, creation_survives_refusal);
  tcase_add_test(tcase, devices_that_are_not_there);
  tcase_add_test(tcase, the_current_device_stays);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  Suite *(*const makers[])(void) = {make_device_suite};
  return test_device_main(makers, 1);
}
