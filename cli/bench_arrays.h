/* The operands of a workload, where its context computes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_CLI_BENCH_ARRAYS_H
#define GATTN_CLI_BENCH_ARRAYS_H

#include "cli/bench.h"

typedef struct bench_arrays {
  gattn_context *context;
  gattn_type type;
  int64_t heads, n_f, n, d;
  size_t bytes[BENCH_ARRAYS];
  gattn_tensor view[BENCH_ARRAYS]; /* [heads, rows, d], lse [heads, rows];
                                    * without heads where there is one */
} bench_arrays;

/* Allocates all, and fills Q, K and V with reproducible numbers; over_q: O is Q,
 * n_f rows where K has n. Released by bench_arrays_release, also after a
 * failure. */
gattn_status bench_arrays_create(gattn_context *context, gattn_type type,
                                 int64_t heads, int64_t n_f, int64_t n,
                                 int64_t d, bool over_q, bench_arrays *arrays);
/* Q, K or V, drawn again. */
gattn_status bench_arrays_draw(const bench_arrays *arrays, int array);
void bench_arrays_release(bench_arrays *arrays);

/* Outputs as views of the rank that the program gives them. */
gattn_status bench_arrays_shape(gattn_program *program,
                                const gattn_value *value, bench_arrays *arrays);

/* The largest error over a sample of rows; rows are taken until they have a
 * million edges. Of several, rows of more than four million are passed over.
 * frontier may be null. */
gattn_status bench_arrays_error(const bench_arrays *arrays,
                                const gattn_graph *graph,
                                const gattn_frontier *frontier, double *error);

#endif
