/* The machine's limits, measured with the context's threads and kernels.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <gattn/limits.h>

#include <string.h>
#include <time.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "lib/device.h"
#include "operators/cpu/kernels.h"
#include "operators/limits/device.h"

enum { REPEATS = 5 };
static const int64_t copy_size = INT64_C(1) << 28; /* bytes of each array */
static const int64_t fma_iterations = 1 << 21;

typedef struct bench {
  const gattn_kernels *kernels;
  int32_t threads;
  char *from, *to;      /* copy */
  int64_t bytes;
  const float *table;   /* random rows */
  const int64_t *order; /* [rows] a permutation */
  int64_t rows, floats;
  float sink;
} bench;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Share t of [0, n). */
static int64_t share(int64_t n, int64_t t, int64_t threads) {
  return n / threads * t + n % threads * t / threads;
}

static void copy_share(bench *bench, int64_t begin, int64_t end) {
  memcpy(bench->to + begin, bench->from + begin, (size_t)(end - begin));
}

static void fill_share(bench *bench, int64_t begin, int64_t end) {
  memset(bench->from + begin, 1, (size_t)(end - begin));
  memset(bench->to + begin, 2, (size_t)(end - begin));
}

static void add_share(bench *bench, int64_t begin, int64_t end) {
  (void)begin, (void)end;
  float sum = bench->kernels->multiply_add(fma_iterations);
#pragma omp atomic
  bench->sink += sum;
}

static void read_share(bench *bench, int64_t begin, int64_t end) {
  float sum = bench->kernels->read_rows(bench->table, bench->floats,
                                        bench->order + begin, end - begin);
#pragma omp atomic
  bench->sink += sum;
}

/* Seconds that all threads together take for their shares of [0, n). */
static double time_shares(bench *bench, int64_t n,
                          void (*run)(struct bench *, int64_t, int64_t)) {
  double start = seconds();
#pragma omp parallel for num_threads(bench->threads) schedule(static, 1)
  for (int64_t t = 0; t < bench->threads; t++)
    run(bench, share(n, t, bench->threads), share(n, t + 1, bench->threads));
  return seconds() - start;
}

/* The median of repeated runs, after one that does not count. */
static double median_time(bench *bench, int64_t n,
                          void (*run)(struct bench *, int64_t, int64_t)) {
  double times[REPEATS];
  time_shares(bench, n, run);
  for (int r = 0; r < REPEATS; r++) {
    double time = time_shares(bench, n, run);
    int at = r;
    for (; at > 0 && times[at - 1] > time; at--) times[at] = times[at - 1];
    times[at] = time;
  }
  return times[REPEATS / 2];
}

static gattn_status measure_copy(gattn_context *context, bench *bench,
                                 double *rate) {
  bench->bytes = copy_size;
  gattn_status status = gattn_allocate(context, "limits", bench->bytes, 2,
                                       (void **)&bench->from);
  if (status) return status;
  bench->to = bench->from + bench->bytes;
  time_shares(bench, bench->bytes, fill_share);
  *rate = 2.0 * (double)bench->bytes /
          median_time(bench, bench->bytes, copy_share);
  gattn_free(context, bench->from, bench->bytes, 2);
  return GATTN_SUCCESS;
}

/* A permutation of [0, n) by a linear congruential shuffle. */
static void shuffle(int64_t n, int64_t *order) {
  uint64_t state = 88172645463325252u;
  for (int64_t r = 0; r < n; r++) order[r] = r;
  for (int64_t r = n - 1; r > 0; r--) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    int64_t other = (int64_t)((state >> 11) % (uint64_t)(r + 1));
    int64_t swap = order[r];
    order[r] = order[other];
    order[other] = swap;
  }
}

static gattn_status measure_rows(gattn_context *context, bench *bench,
                                 int64_t rows, int64_t row_bytes,
                                 double *rate) {
  int64_t bytes;
  if (!gattn_multiply(rows, row_bytes, &bytes))
    return gattn_fail(context, GATTN_ERROR_OVERFLOW,
                      "rows: %lld rows of %lld bytes overflow",
                      (long long)rows, (long long)row_bytes);
  int64_t *order = NULL;
  gattn_status status =
      gattn_allocate(context, "limits", bytes, 1, (void **)&bench->from);
  if (status) return status;
  status = gattn_allocate(context, "limits", rows, sizeof *order,
                          (void **)&order);
  if (status) goto free_table;
  memset(bench->from, 0, (size_t)bytes);
  shuffle(rows, order);
  bench->table = (const float *)bench->from;
  bench->order = order;
  bench->floats = row_bytes / (int64_t)sizeof(float);
  *rate = (double)bytes / median_time(bench, rows, read_share);
  gattn_free(context, order, rows, sizeof *order);
free_table:
  gattn_free(context, bench->from, bytes, 1);
  return status;
}

static gattn_status measure_cpu(gattn_context *context, int64_t rows,
                                int64_t row_bytes, gattn_limits *limits) {
  bench bench = {.kernels = gattn_kernels_for(context->isa),
                 .threads = context->threads};
  gattn_status status = measure_copy(context, &bench, &limits->copy_bytes);
  if (!status)
    status = measure_rows(context, &bench, rows, row_bytes,
                          &limits->random_row_bytes);
  if (status) return status;
  limits->multiply_add = 2.0 * 16.0 * (double)bench.kernels->vector *
                         (double)fma_iterations * bench.threads /
                         median_time(&bench, bench.threads, add_share);
  return GATTN_SUCCESS;
}

static gattn_status measure(gattn_context *context, int64_t rows,
                            int64_t row_bytes, gattn_limits *limits) {
#ifdef GATTN_HAVE_CUDA
  if (gattn_on_device(context))
    return gattn_measure_device(context, rows, row_bytes, limits);
#endif
  return measure_cpu(context, rows, row_bytes, limits);
}

/* Structures of version 0.1 ended before the matrix rates. */
static bool size_known(size_t size) {
  return size == offsetof(gattn_limits, mma_sync) ||
         size == sizeof(gattn_limits);
}

gattn_status gattn_measure_limits(gattn_context *context, int64_t rows,
                                  int64_t row_bytes, gattn_limits *limits) {
  if (!context) return GATTN_ERROR_NULL;
  if (!limits) return gattn_fail_null(context, "limits");
  if (!size_known(limits->struct_size))
    return gattn_fail(context, GATTN_ERROR_STRUCT_SIZE,
                      "limits.struct_size: %zu is not %zu",
                      limits->struct_size, sizeof *limits);
  if (rows < 0 || row_bytes < 0 || row_bytes % 64)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "rows, row_bytes: %lld rows of %lld bytes, which must "
                      "be a multiple of 64",
                      (long long)rows, (long long)row_bytes);
  if (rows == 0) rows = INT64_C(1) << 18;
  if (row_bytes == 0) row_bytes = 256;
  gattn_limits got = {.struct_size = limits->struct_size};
  gattn_status status = measure(context, rows, row_bytes, &got);
  if (!status) memcpy(limits, &got, got.struct_size);
  return status;
}
