/* Timing of gattn bench. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_CLI_BENCH_TIME_H
#define GATTN_CLI_BENCH_TIME_H

#include "cli/bench_arrays.h"

/* A plan with all that it needs. */
typedef struct bench_execution {
  gattn_plan *plan;
  const gattn_binding *bindings; /* [BENCH_ARRAYS] */
  void *workspace;
  size_t bytes;
  bool device;
} bench_execution;

/* Median and fastest of `repeat` laps, 0 for enough of them, into the
 * result. */
gattn_status bench_time_plan(gattn_context *context, const bench_execution *x,
                             int64_t repeat, bench_result *result);

/* What one call of gattn_attention gets. */
typedef struct bench_call {
  gattn_context *context;
  gattn_graph *graph;
  gattn_frontier *frontier; /* null: all */
  const bench_arrays *arrays;
} bench_call;

/* The same of gattn_attention, planning and all. Q is drawn again before every
 * call, outside the time. */
gattn_status bench_time_call(const bench_call *x, int64_t repeat,
                             bench_result *result);

#endif
