/* The workloads of gattn bench on the CPU.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/bench.h"

int bench_add(bench_workload *workloads, int count, bench_workload like,
              const char *format, ...) {
  bench_workload *w = &workloads[count];
  *w = like;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(w->mask, sizeof w->mask, format, arguments);
  va_end(arguments);
  return count + 1;
}

int bench_suite_limits(int64_t n, bench_workload *workloads) {
  (void)n;
  (void)workloads;
  return 0;
}

int64_t bench_grid_height(int64_t n) {
  int64_t h = (int64_t)sqrt((double)n);
  while (h > 1 && n % h) h--;
  return h;
}

int bench_suite_forward(int64_t n, bench_workload *w) {
  if (!n) n = 16384;
  const bench_workload like = {.n = n};
  int count = 0;
  count = bench_add(w, count, like, "local(256)");
  count = bench_add(w, count, like, "local(64)");
  count = bench_add(w, count, like, "dilated(64,4)");
  if (n >= 64) count = bench_add(w, count, like, "longformer(256,64)");
  if (n >= 128) count = bench_add(w, count, like, "bigbird(64,1,2,3,7)");
  const int64_t h = bench_grid_height(n);
  if (h >= 13)
    count = bench_add(w, count, like,
                      "neighborhood2d(%" PRId64 ",%" PRId64 ",13,13)", h,
                      n / h);
  if (n >= 16)
    count = bench_add(w, count, like,
                      "documents(0,%" PRId64 ",%" PRId64 ",%" PRId64
                      ",%" PRId64 ")",
                      n / 16, n / 8 + 1, n / 4 + 3, n / 2);
  if (n >= 4) count = bench_add(w, count, like, "streaming(4,512)");
  return bench_add(w, count, like, "causal");
}

int bench_suite_edges(int64_t n, bench_workload *w) {
  const bench_workload like = {.n = n ? n : 131072, .gathered = true};
  int count = 0;
  count = bench_add(w, count, like, "random(8,7)");
  count = bench_add(w, count, like, "random(32,7)");
  return bench_add(w, count, like, "random(128,7)");
}

int bench_suite_growth(int64_t n, bench_workload *w) {
  enum { MOST = 32 };
  const int64_t most = n ? n : (int64_t)1 << 21;
  int count = 0;
  for (int64_t size = 4096; size <= most && count < MOST; size *= 2)
    count = bench_add(w, count, (bench_workload){.n = size}, "local(256)");
  return count ? count
               : bench_add(w, 0, (bench_workload){.n = most}, "local(256)");
}

int bench_suite_tokens(int64_t n, bench_workload *w) {
  bench_workload like = {.n = n ? n : (int64_t)1 << 22};
  int count = 0;
  count = bench_add(w, count, like, "local(50)");
  count = bench_add(w, count, like, "dilated(50,4)");
  like.over_q = true;
  like.name = "local(50), O over Q";
  return bench_add(w, count, like, "local(50)");
}

double bench_exponent(const bench_result *results, int n) {
  double sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
  for (int r = 0; r < n; r++) {
    double x = log((double)results[r].edges), y = log(results[r].fastest);
    sum_x += x;
    sum_y += y;
    sum_xx += x * x;
    sum_xy += x * y;
  }
  double spread = n * sum_xx - sum_x * sum_x;
  return n > 1 && spread > 0 ? (n * sum_xy - sum_x * sum_y) / spread : 0;
}
