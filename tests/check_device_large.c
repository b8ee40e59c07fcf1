/* Attention past 2^31 and 2^32 elements on a CUDA device: sampled rows against
 * float64, and how much memory it takes. SPDX-License-Identifier: Apache-2.0
 *
 * `make check-large`. Needs 48 GiB of device memory; SKIP with less. */
#include <check.h>
#include <gattn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/attend_case.h"
#include "tests/device_heap.h"

/* 2^26 tokens and some, so that no size is a power of two: 2^32 elements. */
#define N (INT64_C(67108864) + 4321)
enum {
  DIM = 64,
  PERIOD = 1048573, /* a prime: no two elements 2^k apart are alike */
  SAMPLES = 40,
  MOST = 512 /* neighbours of a sampled row */
};
#define NEEDED    (INT64_C(48) << 30)
#define ALLOWANCE (INT64_C(64) << 20) /* beside the operands */

static gattn_context *context;
static device_heap *heap;

/* Element e of an operand is pattern[(e + shift) mod PERIOD]. */
static uint16_t *pattern;
static const int64_t shifts[] = {0, 333, 77777};
static void *operands[4], *lse; /* q, k, v, o */

static double value_of(int operand, int64_t element) {
  const int64_t at = (element + shifts[operand]) % PERIOD;
  return (double)gattn_float16_to_float(pattern[at]);
}

static void fill(int operand) {
  char *to = operands[operand];
  const int64_t elements = N * DIM;
  int64_t done = 0;
  while (done < elements) {
    const int64_t begin = (done + shifts[operand]) % PERIOD;
    int64_t count = PERIOD - begin;
    if (count > elements - done) count = elements - done;
    ck_success(context, gattn_memory_upload(context, to + 2 * done,
                                            pattern + begin,
                                            (size_t)count * 2));
    done += count;
  }
}

static void create(void) {
  uint64_t seed = 5;
  heap = device_heap_create();
  gattn_context_options options = {
      .struct_size = sizeof options,
      .device_allocator = device_heap_allocator(heap)};
  context = test_context(&options);
  pattern = malloc(PERIOD * sizeof *pattern);
  for (int e = 0; e < PERIOD; e++)
    pattern[e] = gattn_float16_from_float(
        (float)(oracle_random(&seed) % 256) / 64 - 2);
  for (int a = 0; a < 4; a++)
    ck_success(context,
               gattn_memory_allocate(context, N * DIM * 2, &operands[a]));
  ck_success(context, gattn_memory_allocate(context, N * 4, &lse));
  for (int a = 0; a < 3; a++) fill(a);
}

static void destroy(void) {
  for (int a = 0; a < 4; a++)
    gattn_memory_release(context, operands[a], N * DIM * 2);
  gattn_memory_release(context, lse, N * 4);
  free(pattern);
  gattn_context_destroy(context);
  device_heap_destroy(heap);
}

/* One row in float64; returns its lse. */
static double expected_row(int64_t i, const int64_t *neighbours, int64_t degree,
                           double *o) {
  double scores[MOST], most = -INFINITY, sum = 0;
  for (int64_t e = 0; e < degree; e++) {
    double dot = 0;
    for (int c = 0; c < DIM; c++)
      dot += value_of(0, i * DIM + c) * value_of(1, neighbours[e] * DIM + c);
    scores[e] = dot / sqrt(DIM);
    most = fmax(most, scores[e]);
  }
  for (int c = 0; c < DIM; c++) o[c] = 0;
  for (int64_t e = 0; e < degree; e++) {
    const double weight = exp(scores[e] - most);
    sum += weight;
    for (int c = 0; c < DIM; c++)
      o[c] += weight * value_of(2, neighbours[e] * DIM + c);
  }
  for (int c = 0; c < DIM && degree; c++) o[c] /= sum;
  return degree ? most + log(sum) : -INFINITY;
}

static void check_row(gattn_graph *graph, const char *mask, int64_t i) {
  int64_t neighbours[MOST], degree;
  uint16_t got[DIM];
  float got_lse;
  double o[DIM];
  ck_success(context, gattn_graph_row(context, graph, i, 0, MOST, neighbours,
                                      &degree));
  ck_assert_int_lt(degree, MOST);
  const double sum = expected_row(i, neighbours, degree, o);
  ck_success(context,
             gattn_memory_download(context, got,
                                   (char *)operands[3] + 2 * i * DIM,
                                   sizeof got));
  ck_success(context, gattn_memory_download(context, &got_lse,
                                            (float *)lse + i, sizeof got_lse));
  if (!(fabs((double)got_lse - sum) <= 1e-4))
    test_fail("%s: lse of row %lld is %g, not %g", mask, (long long)i,
              (double)got_lse, sum);
  for (int c = 0; c < DIM; c++) {
    const double value = (double)gattn_float16_to_float(got[c]);
    if (fabs(value - o[c]) <= 4e-3) continue;
    test_fail("%s: row %lld, column %d is %g, not %g", mask, (long long)i, c,
              value, o[c]);
    break;
  }
}

/* The ends, both sides of 2^31 and 2^32 elements, and some between. */
static int64_t sampled(int number) {
  const int64_t wide[] = {0, N - 1, INT64_C(1) << 25, (INT64_C(1) << 25) - 1,
                          INT64_C(1) << 26, (INT64_C(1) << 26) - 1};
  uint64_t seed = (uint64_t)number;
  if (number < 6) return wide[number];
  return (int64_t)(oracle_random(&seed) % (uint64_t)N);
}

static const char *const masks[] = {"local(50)", "local(3)", "dilated(20, 7)",
                                    "documents(0, 33554500) & local(9)",
                                    "streaming(4, 60)"};
enum { MASKS_OF_ALL = sizeof masks / sizeof *masks };

START_TEST(tensors_past_32_bits) {
  gattn_graph *graph;
  const int64_t shape[] = {N, DIM};
  gattn_tensor tensors[4], sums;
  for (int a = 0; a < 4; a++)
    ck_success(context, gattn_tensor_dense(context, operands[a], GATTN_FLOAT16,
                                           2, shape, &tensors[a]));
  ck_success(context,
             gattn_tensor_dense(context, lse, GATTN_FLOAT32, 1, shape, &sums));
  ck_success(context, gattn_mask_parse(context, masks[_i], N, N, &graph));
  gattn_attention_args args = {.struct_size = sizeof args,
                               .q = &tensors[0], .k = &tensors[1],
                               .v = &tensors[2], .o = &tensors[3],
                               .lse = &sums};
  device_heap_arm(heap, -1, false);
  const int64_t before = heap->bytes;
  ck_success(context, gattn_attention(context, graph, GATTN_ALL, &args));
  ck_success(context, gattn_synchronize(context));
  if (heap->peak - before > ALLOWANCE)
    test_fail("%s: %lld bytes beside the operands", masks[_i],
              (long long)(heap->peak - before));
  for (int s = 0; s < SAMPLES; s++) check_row(graph, masks[_i], sampled(s));
  gattn_graph_release(graph);
}
END_TEST

static Suite *make_large_suite(void) {
  Suite *suite = suite_create("device large");
  TCase *tcase = tcase_create("past 2^32 elements");
  tcase_add_unchecked_fixture(tcase, create, destroy);
  tcase_add_checked_fixture(tcase, NULL, test_settle);
  tcase_add_loop_test(tcase, tensors_past_32_bits, 0, MASKS_OF_ALL);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  static Suite *(*const makers[])(void) = {make_large_suite};
  gattn_device_description device = {.struct_size = sizeof device};
  if (gattn_device_describe(GATTN_CUDA(0), &device) ||
      device.memory_bytes < NEEDED) {
    printf("SKIP: less than 48 GiB of device memory\n");
    return TEST_SKIPPED;
  }
  return test_device_main(makers, 1);
}
