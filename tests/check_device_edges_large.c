/* Attention past 2^31 edges on a CUDA device, drawn there and given as CSR:
 * sampled rows against float64. SPDX-License-Identifier: Apache-2.0
 *
 * `make check-large`. Needs 64 GiB of device memory; SKIP with less. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/large_case.h"

/* 2^26 tokens and some: a whole number of blocks of rows. */
enum {
  BLOCK = 1 << 15, /* rows that repeat in the CSR */
  DEGREE = 40,
  DIM = 8,
  SAMPLES = 60
};
static int64_t n; /* tokens */

static gattn_context *context;
static large_case operands;

/* GATTN_TEST_DEVICE=cpu tests the test. */
static void create(void) {
  n = BLOCK + (test_on_device() ? INT64_C(67108864) : 0);
  context = test_context(NULL);
  large_case_create(context, n, DIM, false, &operands);
}

static void destroy(void) {
  large_case_release(&operands);
  gattn_context_destroy(context);
  test_settle();
}

/* The ends, where edges pass 2^31, and some between. */
static int64_t sampled(int number) {
  const int64_t past = (INT64_C(1) << 31) / DEGREE;
  const int64_t wide[] = {0, n - 1, past - 1, past, past + 1};
  uint64_t seed = (uint64_t)number;
  if (number < 5) return wide[number] % n;
  return (int64_t)(oracle_random(&seed) % (uint64_t)n);
}

START_TEST(drawn) {
  gattn_graph *graph;
  ck_success(context,
             gattn_mask_parse(context, "random(40, 7)", n, n, &graph));
  large_case_attend(&operands, graph);
  for (int s = 0; s < SAMPLES; s++)
    large_case_check_row(&operands, "drawn", graph, sampled(s));
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ CSR */

/* Neighbour e of row i: ascending, spread over all keys, by blocks of rows. */
static int64_t given(int64_t i, int e) {
  return (i % BLOCK * 7919 + (int64_t)e * 12345) % (n / DEGREE) +
         e * (n / DEGREE);
}

static void *upload_offsets(void) {
  int64_t *offsets = malloc((size_t)(n + 1) * 8);
  void *memory;
  for (int64_t i = 0; i <= n; i++) offsets[i] = i * DEGREE;
  ck_success(context,
             gattn_memory_allocate(context, (size_t)(n + 1) * 8, &memory));
  ck_success(context, gattn_memory_upload(context, memory, offsets,
                                          (size_t)(n + 1) * 8));
  free(offsets);
  return memory;
}

static void *upload_columns(void) {
  const size_t bytes = (size_t)BLOCK * DEGREE * 8;
  int64_t *columns = malloc(bytes);
  void *memory;
  for (int64_t i = 0; i < BLOCK; i++)
    for (int e = 0; e < DEGREE; e++) columns[i * DEGREE + e] = given(i, e);
  ck_success(context, gattn_memory_allocate(context, (size_t)(n * DEGREE) * 8,
                                            &memory));
  for (int64_t b = 0; b < n / BLOCK; b++)
    ck_success(context, gattn_memory_upload(context,
                                            (char *)memory + (size_t)b * bytes,
                                            columns, bytes));
  free(columns);
  return memory;
}

static gattn_graph *make_stored(void) {
  const int64_t entries = n + 1, edges = n * DEGREE;
  void *o = upload_offsets(), *c = upload_columns();
  gattn_tensor offsets, columns;
  gattn_graph *graph = NULL;
  ck_success(context, gattn_tensor_dense(context, o, GATTN_INT64, 1, &entries,
                                         &offsets));
  ck_success(context, gattn_tensor_dense(context, c, GATTN_INT64, 1, &edges,
                                         &columns));
  ck_success(context, gattn_graph_from_csr_tensors(context, n, n, &offsets,
                                                   &columns, &graph));
  gattn_memory_release(context, c, (size_t)edges * 8);
  gattn_memory_release(context, o, (size_t)entries * 8);
  return graph;
}

START_TEST(stored) {
  gattn_graph *graph = make_stored();
  char text[64], wanted[64];
  snprintf(wanted, sizeof wanted, "csr(%lld edges)", (long long)(n * DEGREE));
  ck_success(context, gattn_graph_describe(context, graph, text, sizeof text));
  ck_assert_str_eq(text, wanted);
  large_case_attend(&operands, graph);
  for (int s = 0; s < SAMPLES; s++) {
    int64_t neighbours[DEGREE];
    for (int e = 0; e < DEGREE; e++) neighbours[e] = given(sampled(s), e);
    large_case_check_listed(&operands, "stored", sampled(s), neighbours,
                            DEGREE);
  }
  gattn_graph_release(graph);
}
END_TEST

static Suite *make_edges_large_suite(void) {
  Suite *suite = suite_create("device edges large");
  TCase *tcase = tcase_create("past 2^31 edges");
  tcase_add_unchecked_fixture(tcase, create, destroy);
  tcase_add_test(tcase, drawn);
  tcase_add_test(tcase, stored);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) { return large_main(make_edges_large_suite, 64); }
