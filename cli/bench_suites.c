/* The workloads of gattn bench. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/bench.h"

static int add(bench_workload *workloads, int count, int64_t n, bool gathered,
               const char *format, ...) {
  bench_workload *w = &workloads[count];
  w->n = n;
  w->gathered = gathered;
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

/* The largest h <= sqrt(n) that divides n. */
static int64_t grid_height(int64_t n) {
  int64_t h = (int64_t)sqrt((double)n);
  while (h > 1 && n % h) h--;
  return h;
}

int bench_suite_forward(int64_t n, bench_workload *w) {
  if (!n) n = 16384;
  int count = 0;
  count = add(w, count, n, false, "local(256)");
  count = add(w, count, n, false, "local(64)");
  count = add(w, count, n, false, "dilated(64,4)");
  if (n >= 64) count = add(w, count, n, false, "longformer(256,64)");
  if (n >= 128) count = add(w, count, n, false, "bigbird(64,1,2,3,7)");
  int64_t h = grid_height(n);
  if (h >= 13)
    count = add(w, count, n, false,
                "neighborhood2d(%" PRId64 ",%" PRId64 ",13,13)", h, n / h);
  if (n >= 16)
    count = add(w, count, n, false,
                "documents(0,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ")",
                n / 16, n / 8 + 1, n / 4 + 3, n / 2);
  if (n >= 4) count = add(w, count, n, false, "streaming(4,512)");
  return add(w, count, n, false, "causal");
}

int bench_suite_edges(int64_t n, bench_workload *w) {
  if (!n) n = 131072;
  int count = 0;
  count = add(w, count, n, true, "random(8,7)");
  count = add(w, count, n, true, "random(32,7)");
  return add(w, count, n, true, "random(128,7)");
}

int bench_suite_growth(int64_t n, bench_workload *w) {
  const int64_t most = n ? n : (int64_t)1 << 21;
  int count = 0;
  for (int64_t size = 4096; size <= most && count < BENCH_MOST_WORKLOADS;
       size *= 2)
    count = add(w, count, size, false, "local(256)");
  return count ? count : add(w, count, most, false, "local(256)");
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
