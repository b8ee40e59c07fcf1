/* Loops over the rows of a frontier. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/rows.h"

#ifdef _OPENMP
#include <omp.h>
#endif

/* Rows in a block: enough that taking one costs nothing beside it, few enough
 * that threads end together. */
enum { BLOCK_ROWS = 32, REPORTS = 256 };

typedef struct row_loop {
  gattn_context *context;
  int64_t heads, n_f, row_blocks, total;
  gattn_row_body body;
  const void *job;
  int64_t reported; /* of done; the calling thread's own */
  atomic_llong done;
  atomic_int stop; /* the status to stop with, or 0 */
} row_loop;

static bool calling_thread(void) {
#ifdef _OPENMP
  return omp_get_thread_num() == 0;
#else
  return true;
#endif
}

static void run_block(row_loop *loop, int64_t number) {
  int64_t row = number % loop->row_blocks * BLOCK_ROWS;
  int64_t plane = number / loop->row_blocks;
  gattn_row_block block = {
      .b = plane / loop->heads,
      .h = plane % loop->heads,
      .begin = row,
      .end = loop->n_f - row < BLOCK_ROWS ? loop->n_f : row + BLOCK_ROWS};
  if (!loop->body(loop->job, &block))
    atomic_store(&loop->stop, GATTN_ERROR_CALLBACK);
  int64_t done = atomic_fetch_add(&loop->done, 1) + 1;
  if (!calling_thread() || done - loop->reported <= loop->total / REPORTS)
    return;
  loop->reported = done;
  if (gattn_progress_report(loop->context, done, loop->total))
    atomic_store(&loop->stop, GATTN_ERROR_CANCELLED);
}

static gattn_status row_loop_status(row_loop *loop) {
  switch (atomic_load(&loop->stop)) {
    case GATTN_ERROR_CALLBACK:
      return gattn_fail(loop->context, GATTN_ERROR_CALLBACK,
                        "graph: a row has other edges than its degree says");
    case GATTN_ERROR_CANCELLED:
      return gattn_fail(loop->context, GATTN_ERROR_CANCELLED,
                        "progress: asked to stop after %lld of %lld blocks",
                        (long long)atomic_load(&loop->done),
                        (long long)loop->total);
    default:
      return GATTN_SUCCESS;
  }
}

gattn_status gattn_for_row_blocks(gattn_context *context, int64_t batch,
                                  int64_t heads, int64_t n_f,
                                  gattn_row_body body, const void *job) {
  row_loop loop = {
      .context = context, .heads = heads, .n_f = n_f, .body = body, .job = job};
  loop.row_blocks = n_f / BLOCK_ROWS + (n_f % BLOCK_ROWS != 0);
  loop.total = batch * heads * loop.row_blocks;
  atomic_init(&loop.done, 0);
  atomic_init(&loop.stop, 0);
  row_loop *shared = &loop;
#pragma omp parallel for schedule(dynamic) \
    num_threads(gattn_team(context)) if (shared->total > 1)
  for (int64_t number = 0; number < shared->total; number++)
    if (!atomic_load_explicit(&shared->stop, memory_order_relaxed))
      run_block(shared, number);
  return row_loop_status(&loop);
}
