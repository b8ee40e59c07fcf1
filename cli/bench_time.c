/* Timing of gattn bench. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/bench_time.h"

#include <stdlib.h>

enum { MOST_LAPS = 1000 };

static int by_time(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void take_median(double *times, int64_t laps, bench_result *result) {
  qsort(times, (size_t)laps, sizeof *times, by_time);
  result->seconds = (times[(laps - 1) / 2] + times[laps / 2]) / 2;
  result->fastest = times[0];
  result->repeats = laps;
}

static int64_t between(double x, int64_t least, int64_t most) {
  return x < (double)least ? least : x > (double)most ? most : (int64_t)x;
}

/* ------------------------------------------------------------ plans */

/* The seconds of laps of `runs` executions each; nothing waits in between. */
static gattn_status time_laps(const bench_execution *x, gattn_timer *timer,
                              int64_t laps, int64_t runs, double *seconds) {
  gattn_status status = gattn_timer_mark(timer, NULL);
  for (int64_t lap = 0; lap < laps && !status; lap++) {
    for (int64_t run = 0; run < runs && !status; run++)
      status = gattn_plan_execute(x->plan, x->bindings, BENCH_ARRAYS,
                                  x->workspace, x->bytes, NULL);
    if (!status) status = gattn_timer_mark(timer, NULL);
  }
  if (!status) status = gattn_timer_read(timer, seconds);
  for (int64_t lap = 0; lap < laps && !status; lap++)
    seconds[lap] /= (double)runs;
  return status;
}

/* Laps until the median is worth something, when a run takes `seconds`. */
static int64_t laps_of(bool device, double seconds) {
  static const double enough = 0.25, slow = 0.4;
  if (device) return between(0.1 / seconds, 10, 50);
  return between(enough / seconds, seconds > slow ? 3 : 5, MOST_LAPS);
}

/* On a device short runs share a lap, which is then long beside its marks. */
static gattn_status time_enough(const bench_execution *x, gattn_timer *timer,
                                int64_t repeat, bench_result *result) {
  static const double long_enough = 5e-4;
  double times[MOST_LAPS];
  gattn_status status = time_laps(x, timer, x->device ? 3 : 1, 1, times);
  if (status) return status;
  const double once = times[x->device ? 2 : 0];
  const int64_t runs = x->device ? between(long_enough / once, 1, 50) : 1;
  const int64_t laps = repeat ? repeat : laps_of(x->device, once);
  status = time_laps(x, timer, laps, runs, times);
  if (!status) take_median(times, laps, result);
  return status;
}

gattn_status bench_time_plan(gattn_context *context, const bench_execution *x,
                             int64_t repeat, bench_result *result) {
  gattn_timer *timer;
  gattn_status status = gattn_timer_create(context, MOST_LAPS + 1, &timer);
  if (status) return status;
  status = time_enough(x, timer, repeat, result);
  gattn_timer_destroy(timer);
  return status;
}

/* ------------------------------------------------------------ calls */

static gattn_status call_once(const bench_call *x, gattn_timer *timer,
                              double *seconds) {
  const gattn_tensor *view = x->arrays->view;
  const gattn_attention_args args = {
      .struct_size = sizeof args, .q = &view[BENCH_Q],
      .k = &view[BENCH_K],        .v = &view[BENCH_V],
      .o = &view[BENCH_O],        .lse = &view[BENCH_LSE]};
  gattn_status status = bench_arrays_draw(x->arrays, BENCH_Q);
  if (!status) status = gattn_timer_mark(timer, NULL);
  if (!status)
    status = gattn_attention(x->context, x->graph, x->frontier, &args);
  if (!status) status = gattn_timer_mark(timer, NULL);
  return status ? status : gattn_timer_read(timer, seconds);
}

gattn_status bench_time_call(const bench_call *x, int64_t repeat,
                             bench_result *result) {
  const int64_t laps = repeat ? repeat : 5;
  double times[MOST_LAPS], warm;
  gattn_timer *timer;
  gattn_status status = gattn_timer_create(x->context, 2, &timer);
  if (status) return status;
  status = call_once(x, timer, &warm);
  for (int64_t lap = 0; lap < laps && !status; lap++)
    status = call_once(x, timer, &times[lap]);
  gattn_timer_destroy(timer);
  if (!status) take_median(times, laps, result);
  return status;
}
