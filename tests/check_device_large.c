/* Attention past 2^31 and 2^32 elements on a CUDA device: sampled rows against
 * float64, and how much memory it takes. SPDX-License-Identifier: Apache-2.0
 *
 * `make check-large`. Needs 48 GiB of device memory; SKIP with less. Tokens
 * that only larger devices hold are left out on smaller ones. */
#include <stdio.h>

#include "tests/device_heap.h"
#include "tests/large_case.h"

enum { DIM = 64, SAMPLES = 40 };
#define ALLOWANCE (INT64_C(64) << 20) /* beside the operands */

/* 2^26 tokens and some, so that no size is a power of two: 2^32 elements. */
#define N (INT64_C(67108864) + 4321)

static const struct {
  const char *mask;
  int64_t n;
  bool over_q;
} cases[] = {{"local(50)", N, false},
             {"local(3)", N, false},
             {"dilated(20, 7)", N, false},
             {"documents(0, 33500) & local(9)", N, false},
             {"streaming(4, 60)", N, false},
             {"dilated(50, 4)", 100000000, false},
             {"longformer(50, 64)", 100000000, false},
             {"local(50)", 160000000, false},
             {"local(50)", 200000000, true}};
enum { CASES = sizeof cases / sizeof *cases };

/* The ends, both sides of 2^31 and 2^32 elements, and some between. */
static int64_t sampled(int64_t n, int number) {
  const int64_t wide[] = {0, n - 1, INT64_C(1) << 25, (INT64_C(1) << 25) - 1,
                          INT64_C(1) << 26, (INT64_C(1) << 26) - 1};
  uint64_t seed = (uint64_t)number;
  if (number < 6) return wide[number] % n;
  return (int64_t)(oracle_random(&seed) % (uint64_t)n);
}

/* GATTN_TEST_DEVICE=cpu tests the test. */
static int64_t tokens_of(int number) {
  return test_on_device() ? cases[number].n : cases[number].n / 1000;
}

static bool fits(int number) {
  gattn_device_description device = {.struct_size = sizeof device};
  const int64_t bytes =
      large_case_bytes(cases[number].n, DIM, cases[number].over_q);
  if (!test_on_device() || gattn_device_describe(GATTN_CUDA(0), &device) ||
      bytes + (INT64_C(2) << 30) <= device.memory_bytes)
    return true;
  printf("left out for want of memory: %s over %lld tokens\n",
         cases[number].mask, (long long)cases[number].n);
  return false;
}

static void compare(large_case *x, device_heap *heap, int number) {
  const char *mask = cases[number].mask;
  gattn_graph *graph;
  ck_success(x->context,
             gattn_mask_parse(x->context, mask, x->n, x->n, &graph));
  device_heap_arm(heap, -1, false);
  const int64_t before = heap->bytes;
  large_case_attend(x, graph);
  if (heap->peak - before > ALLOWANCE)
    test_fail("%s: %lld bytes beside the operands", mask,
              (long long)(heap->peak - before));
  for (int s = 0; s < SAMPLES; s++)
    large_case_check_row(x, mask, graph, sampled(x->n, s));
  gattn_graph_release(graph);
}

START_TEST(tensors_past_32_bits) {
  device_heap *heap;
  large_case x;
  if (!fits(_i)) return;
  heap = device_heap_create();
  gattn_context *context = test_context(&(gattn_context_options){
      .struct_size = sizeof(gattn_context_options),
      .device_allocator = device_heap_allocator(heap)});
  large_case_create(context, tokens_of(_i), DIM, cases[_i].over_q, &x);
  compare(&x, heap, _i);
  large_case_release(&x);
  gattn_context_destroy(context);
  device_heap_destroy(heap);
}
END_TEST

static Suite *make_large_suite(void) {
  Suite *suite = suite_create("device large");
  TCase *tcase = tcase_create("past 2^32 elements");
  tcase_add_checked_fixture(tcase, NULL, test_settle);
  tcase_add_loop_test(tcase, tensors_past_32_bits, 0, CASES);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) { return large_main(make_large_suite, 48); }
