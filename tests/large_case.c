/* Attention over operands too large for the host.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/large_case.h"

#include <cuda_runtime_api.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t shifts[] = {0, 333, 77777};

/* ------------------------------------------------------------ operands */

int64_t large_case_bytes(int64_t n, int64_t dim, bool over_q) {
  return n * ((over_q ? 3 : 4) * dim * 2 + 4);
}

static double value_of(const large_case *x, int operand, int64_t element) {
  return x->pattern[(element + shifts[operand]) % LARGE_PERIOD];
}

static void copy(void *to, const void *from, size_t bytes) {
  if (test_on_device())
    ck_assert_int_eq(cudaMemcpy(to, from, bytes, cudaMemcpyDefault), 0);
  else
    memcpy(to, from, bytes);
}

/* The first period from the host, the rest from what is there already. */
static void fill(large_case *x, int operand) {
  const int64_t elements = x->n * x->dim;
  uint16_t *period = malloc(LARGE_PERIOD * sizeof *period);
  char *to = x->operands[operand];
  int64_t done = elements < LARGE_PERIOD ? elements : LARGE_PERIOD;
  for (int64_t e = 0; e < LARGE_PERIOD; e++)
    period[e] = gattn_float16_from_float((float)value_of(x, operand, e));
  ck_success(x->context,
             gattn_memory_upload(x->context, to, period, (size_t)done * 2));
  free(period);
  while (done < elements) {
    const int64_t count = done < elements - done ? done : elements - done;
    copy(to + 2 * done, to, (size_t)count * 2);
    done += count;
  }
}

void large_case_create(gattn_context *context, int64_t n, int64_t dim,
                       bool over_q, large_case *x) {
  uint64_t seed = 5;
  void *lse;
  *x = (large_case){
      .context = context, .n = n, .dim = dim, .over_q = over_q};
  x->pattern = malloc(LARGE_PERIOD * sizeof *x->pattern);
  for (int e = 0; e < LARGE_PERIOD; e++)
    x->pattern[e] = (double)(oracle_random(&seed) % 256) / 64 - 2;
  for (int a = 0; a < (over_q ? 3 : 4); a++)
    ck_success(context, gattn_memory_allocate(context, (size_t)(n * dim) * 2,
                                              &x->operands[a]));
  if (over_q) x->operands[LARGE_O] = x->operands[LARGE_Q];
  ck_success(context, gattn_memory_allocate(context, (size_t)n * 4, &lse));
  x->lse = lse;
  for (int a = 0; a < 3; a++) fill(x, a);
}

void large_case_release(large_case *x) {
  for (int a = 0; a < (x->over_q ? 3 : 4); a++)
    gattn_memory_release(x->context, x->operands[a],
                         (size_t)(x->n * x->dim) * 2);
  gattn_memory_release(x->context, x->lse, (size_t)x->n * 4);
  free(x->pattern);
}

void large_case_attend(large_case *x, gattn_graph *graph) {
  const int64_t shape[] = {x->n, x->dim};
  gattn_tensor tensors[4], sums;
  for (int a = 0; a < 4; a++)
    ck_success(x->context,
               gattn_tensor_dense(x->context, x->operands[a], GATTN_FLOAT16, 2,
                                  shape, &tensors[a]));
  ck_success(x->context, gattn_tensor_dense(x->context, x->lse, GATTN_FLOAT32,
                                            1, shape, &sums));
  gattn_attention_args args = {
      .struct_size = sizeof args, .q = &tensors[LARGE_Q],
      .k = &tensors[LARGE_K],     .v = &tensors[LARGE_V],
      .o = &tensors[LARGE_O],     .lse = &sums};
  ck_success(x->context, gattn_attention(x->context, graph, GATTN_ALL, &args));
  ck_success(x->context, gattn_synchronize(x->context));
}

/* ------------------------------------------------------------ one row */

static double score(const large_case *x, int64_t i, int64_t key) {
  double dot = 0;
  for (int64_t c = 0; c < x->dim; c++)
    dot += value_of(x, LARGE_Q, i * x->dim + c) *
           value_of(x, LARGE_K, key * x->dim + c);
  return dot / sqrt((double)x->dim);
}

/* times[k]: how many neighbours are key k, modulo the period. Returns lse, and
 * o[dim]. */
static double expected_row(const large_case *x, int64_t i, const int64_t *times,
                           double *o) {
  double *scores = malloc(LARGE_PERIOD * sizeof *scores);
  double most = -INFINITY, sum = 0;
  for (int64_t k = 0; k < LARGE_PERIOD; k++)
    if (times[k]) most = fmax(most, scores[k] = score(x, i, k));
  for (int64_t c = 0; c < x->dim; c++) o[c] = 0;
  for (int64_t k = 0; k < LARGE_PERIOD; k++) {
    if (!times[k]) continue;
    const double weight = (double)times[k] * exp(scores[k] - most);
    sum += weight;
    for (int64_t c = 0; c < x->dim; c++)
      o[c] += weight * value_of(x, LARGE_V, k * x->dim + c);
  }
  for (int64_t c = 0; c < x->dim && sum > 0; c++) o[c] /= sum;
  free(scores);
  return sum > 0 ? most + log(sum) : -INFINITY;
}

static void check_counted(const large_case *x, const char *what, int64_t i,
                          const int64_t *times) {
  enum { MOST_DIM = 256 };
  uint16_t got[MOST_DIM];
  float got_lse;
  double o[MOST_DIM];
  ck_assert_int_le(x->dim, MOST_DIM);
  const double sum = expected_row(x, i, times, o);
  ck_success(x->context,
             gattn_memory_download(
                 x->context, got,
                 (char *)x->operands[LARGE_O] + 2 * i * x->dim,
                 (size_t)x->dim * 2));
  ck_success(x->context, gattn_memory_download(x->context, &got_lse, x->lse + i,
                                               sizeof got_lse));
  if (!(fabs((double)got_lse - sum) <= 1e-4))
    test_fail("%s: lse of row %lld is %.9g, not %.9g", what, (long long)i,
              (double)got_lse, sum);
  for (int64_t c = 0; c < x->dim; c++) {
    const double value = (double)gattn_float16_to_float(got[c]);
    if (fabs(value - o[c]) <= 4e-3) continue;
    test_fail("%s: row %lld, column %lld is %g, not %g", what, (long long)i,
              (long long)c, value, o[c]);
    break;
  }
}

void large_case_check_listed(const large_case *x, const char *what, int64_t i,
                             const int64_t *neighbours, int64_t n) {
  int64_t *times = calloc(LARGE_PERIOD, sizeof *times);
  for (int64_t e = 0; e < n; e++) times[neighbours[e] % LARGE_PERIOD]++;
  check_counted(x, what, i, times);
  free(times);
}

void large_case_check_row(const large_case *x, const char *what,
                          const gattn_graph *graph, int64_t i) {
  enum { CHUNK = 1 << 16 };
  int64_t *times = calloc(LARGE_PERIOD, sizeof *times);
  int64_t *neighbours = malloc(CHUNK * sizeof *neighbours);
  int64_t from = 0, count;
  do {
    ck_success(x->context, gattn_graph_row(x->context, graph, i, from, CHUNK,
                                           neighbours, &count));
    for (int64_t e = 0; e < count; e++) times[neighbours[e] % LARGE_PERIOD]++;
    if (count) from = neighbours[count - 1] + 1;
  } while (count == CHUNK && from < x->n);
  check_counted(x, what, i, times);
  free(neighbours);
  free(times);
}

int large_main(Suite *(*maker)(void), int64_t gib) {
  Suite *(*const makers[])(void) = {maker};
  gattn_device_description device = {.struct_size = sizeof device};
  if (!getenv("GATTN_TEST_DEVICE") &&
      (gattn_device_describe(GATTN_CUDA(0), &device) ||
       device.memory_bytes < gib << 30)) {
    printf("SKIP: less than %lld GiB of device memory\n", (long long)gib);
    return TEST_SKIPPED;
  }
  return test_device_main(makers, 1);
}
