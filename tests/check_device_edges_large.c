/* Attention past 2^31 edges on a CUDA device, drawn there and given as CSR:
 * sampled rows against float64. SPDX-License-Identifier: Apache-2.0
 *
 * `make check-large`. Needs 64 GiB of device memory; SKIP with less. */
#include <check.h>
#include <gattn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/attend_case.h"

/* 2^26 tokens and some: a whole number of blocks of rows. */
enum {
  BLOCK = 1 << 15, /* rows that repeat in the CSR */
  DEGREE = 40,
  DIM = 8,
  PERIOD = 1048573, /* a prime: no two elements 2^k apart are alike */
  SAMPLES = 60
};
#define N       (INT64_C(67108864) + BLOCK)
#define NEEDED  (INT64_C(64) << 30)
#define EDGES   (N * DEGREE) /* 2.7e9 */
#define OPERAND ((size_t)N * DIM * 2)

static gattn_context *context;

/* Element e of an operand is pattern[(e + shift) mod PERIOD]. */
static uint16_t *pattern;
static const int64_t shifts[] = {0, 333, 77777};
static void *operands[4], *lse; /* q, k, v, o */

static double value_of(int operand, int64_t element) {
  return (double)gattn_float16_to_float(
      pattern[(element + shifts[operand]) % PERIOD]);
}

static void fill(int operand) {
  int64_t done = 0;
  while (done < N * DIM) {
    const int64_t begin = (done + shifts[operand]) % PERIOD;
    int64_t count = PERIOD - begin;
    if (count > N * DIM - done) count = N * DIM - done;
    ck_success(context, gattn_memory_upload(
                            context, (char *)operands[operand] + 2 * done,
                            pattern + begin, (size_t)count * 2));
    done += count;
  }
}

static void create(void) {
  uint64_t seed = 5;
  context = test_context(NULL);
  pattern = malloc(PERIOD * sizeof *pattern);
  for (int e = 0; e < PERIOD; e++)
    pattern[e] = gattn_float16_from_float(
        (float)(oracle_random(&seed) % 256) / 64 - 2);
  for (int a = 0; a < 4; a++)
    ck_success(context, gattn_memory_allocate(context, OPERAND, &operands[a]));
  ck_success(context, gattn_memory_allocate(context, N * 4, &lse));
  for (int a = 0; a < 3; a++) fill(a);
}

static void destroy(void) {
  for (int a = 0; a < 4; a++)
    gattn_memory_release(context, operands[a], OPERAND);
  gattn_memory_release(context, lse, N * 4);
  free(pattern);
  gattn_context_destroy(context);
  test_settle();
}

/* ------------------------------------------------------------ one row */

static double expected_row(int64_t i, const int64_t *neighbours, double *o) {
  double scores[DEGREE], most = -INFINITY, sum = 0;
  for (int e = 0; e < DEGREE; e++) {
    double dot = 0;
    for (int c = 0; c < DIM; c++)
      dot += value_of(0, i * DIM + c) * value_of(1, neighbours[e] * DIM + c);
    scores[e] = dot / sqrt(DIM);
    most = fmax(most, scores[e]);
  }
  for (int c = 0; c < DIM; c++) o[c] = 0;
  for (int e = 0; e < DEGREE; e++) {
    const double weight = exp(scores[e] - most);
    sum += weight;
    for (int c = 0; c < DIM; c++)
      o[c] += weight * value_of(2, neighbours[e] * DIM + c);
  }
  for (int c = 0; c < DIM; c++) o[c] /= sum;
  return most + log(sum);
}

static void check_row(const char *what, int64_t i, const int64_t *neighbours) {
  uint16_t got[DIM];
  float got_lse;
  double o[DIM];
  const double sum = expected_row(i, neighbours, o);
  ck_success(context, gattn_memory_download(
                          context, got, (char *)operands[3] + 2 * i * DIM,
                          sizeof got));
  ck_success(context, gattn_memory_download(context, &got_lse,
                                            (float *)lse + i, sizeof got_lse));
  if (!(fabs((double)got_lse - sum) <= 1e-4))
    test_fail("%s: lse of row %lld is %g, not %g", what, (long long)i,
              (double)got_lse, sum);
  for (int c = 0; c < DIM; c++)
    if (!(fabs((double)gattn_float16_to_float(got[c]) - o[c]) <= 4e-3))
      test_fail("%s: row %lld, column %d is %g, not %g", what, (long long)i, c,
                (double)gattn_float16_to_float(got[c]), o[c]);
}

/* The ends, where edges pass 2^31, and some between. */
static int64_t sampled(int number) {
  const int64_t past = (INT64_C(1) << 31) / DEGREE;
  const int64_t wide[] = {0, N - 1, past - 1, past, past + 1};
  uint64_t seed = (uint64_t)number;
  if (number < 5) return wide[number];
  return (int64_t)(oracle_random(&seed) % (uint64_t)N);
}

static void attend(gattn_graph *graph) {
  const int64_t shape[] = {N, DIM};
  gattn_tensor tensors[4], sums;
  for (int a = 0; a < 4; a++)
    ck_success(context, gattn_tensor_dense(context, operands[a], GATTN_FLOAT16,
                                           2, shape, &tensors[a]));
  ck_success(context,
             gattn_tensor_dense(context, lse, GATTN_FLOAT32, 1, shape, &sums));
  gattn_attention_args args = {.struct_size = sizeof args,
                               .q = &tensors[0], .k = &tensors[1],
                               .v = &tensors[2], .o = &tensors[3],
                               .lse = &sums};
  ck_success(context, gattn_attention(context, graph, GATTN_ALL, &args));
  ck_success(context, gattn_synchronize(context));
}

START_TEST(drawn) {
  gattn_graph *graph;
  int64_t neighbours[DEGREE], degree;
  ck_success(context,
             gattn_mask_parse(context, "random(40, 7)", N, N, &graph));
  attend(graph);
  for (int s = 0; s < SAMPLES; s++) {
    ck_success(context, gattn_graph_row(context, graph, sampled(s), 0, DEGREE,
                                        neighbours, &degree));
    ck_assert_int_eq(degree, DEGREE);
    check_row("drawn", sampled(s), neighbours);
  }
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ CSR */

/* Neighbour e of row i: ascending, spread over all keys, by blocks of rows. */
static int64_t given(int64_t i, int e) {
  return (i % BLOCK * 7919 + (int64_t)e * 12345) % (N / DEGREE) +
         e * (N / DEGREE);
}

static void *upload_offsets(void) {
  int64_t *offsets = malloc((size_t)(N + 1) * 8);
  void *memory;
  for (int64_t i = 0; i <= N; i++) offsets[i] = i * DEGREE;
  ck_success(context,
             gattn_memory_allocate(context, (size_t)(N + 1) * 8, &memory));
  ck_success(context, gattn_memory_upload(context, memory, offsets,
                                          (size_t)(N + 1) * 8));
  free(offsets);
  return memory;
}

static void *upload_columns(void) {
  const size_t bytes = (size_t)BLOCK * DEGREE * 8;
  int64_t *columns = malloc(bytes);
  void *memory;
  for (int64_t i = 0; i < BLOCK; i++)
    for (int e = 0; e < DEGREE; e++) columns[i * DEGREE + e] = given(i, e);
  ck_success(context,
             gattn_memory_allocate(context, (size_t)EDGES * 8, &memory));
  for (int64_t b = 0; b < N / BLOCK; b++)
    ck_success(context, gattn_memory_upload(context,
                                            (char *)memory + (size_t)b * bytes,
                                            columns, bytes));
  free(columns);
  return memory;
}

START_TEST(stored) {
  const int64_t entries = N + 1, edges = EDGES;
  void *o = upload_offsets(), *c = upload_columns();
  gattn_tensor offsets, columns;
  gattn_graph *graph = NULL;
  char text[64], wanted[64];
  ck_success(context, gattn_tensor_dense(context, o, GATTN_INT64, 1, &entries,
                                         &offsets));
  ck_success(context, gattn_tensor_dense(context, c, GATTN_INT64, 1, &edges,
                                         &columns));
  ck_success(context, gattn_graph_from_csr_tensors(context, N, N, &offsets,
                                                   &columns, &graph));
  gattn_memory_release(context, c, (size_t)EDGES * 8);
  gattn_memory_release(context, o, (size_t)(N + 1) * 8);
  snprintf(wanted, sizeof wanted, "csr(%lld edges)", (long long)EDGES);
  ck_success(context, gattn_graph_describe(context, graph, text, sizeof text));
  ck_assert_str_eq(text, wanted);
  attend(graph);
  for (int s = 0; s < SAMPLES; s++) {
    int64_t neighbours[DEGREE];
    for (int e = 0; e < DEGREE; e++) neighbours[e] = given(sampled(s), e);
    check_row("stored", sampled(s), neighbours);
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

int main(void) {
  static Suite *(*const makers[])(void) = {make_edges_large_suite};
  gattn_device_description device = {.struct_size = sizeof device};
  if (gattn_device_describe(GATTN_CUDA(0), &device) ||
      device.memory_bytes < NEEDED) {
    printf("SKIP: less than 64 GiB of device memory\n");
    return TEST_SKIPPED;
  }
  return test_device_main(makers, 1);
}
