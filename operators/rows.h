/* Loops over the rows of a frontier, and over the edges of a row.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_ROWS_H
#define GATTN_OPERATORS_ROWS_H

#include <stdbool.h>

#include "lib/context.h"
#include "lib/tensor.h"
#include "masks/graph.h"

/* Frontier rows begin … end - 1 of head h of batch b. */
typedef struct gattn_row_block {
  int64_t b, h, begin, end;
} gattn_row_block;

/* Computes a block; false when a generator's answers contradict each other. */
typedef bool (*gattn_row_body)(const void *job, const gattn_row_block *block);

/* Calls body for blocks that cover [batch, heads, n_f], on the context's
 * threads, in no particular order; a row is in one block. Reports progress.
 * GATTN_ERROR_CALLBACK, GATTN_ERROR_CANCELLED. */
gattn_status gattn_for_row_blocks(gattn_context *context, int64_t batch,
                                  int64_t heads, int64_t n_f,
                                  gattn_row_body body, const void *job);

/* The runs of one row, one after the other, never more than `left` edges. */
enum { GATTN_WALK_RUNS = 32 };
typedef struct gattn_row_walk {
  const gattn_graph *graph;
  int64_t i, upto, left;
  int64_t count, at; /* runs held, and of those handed out */
  gattn_run runs[GATTN_WALK_RUNS];
} gattn_row_walk;

/* A walk of row i, which has `degree` edges. */
static inline void gattn_row_walk_start(gattn_row_walk *walk,
                                        const gattn_graph *graph, int64_t i,
                                        int64_t degree) {
  walk->graph = graph;
  walk->i = i;
  walk->upto = 0;
  walk->left = degree;
  walk->count = walk->at = 0;
}

/* The next run; false at the row's end. */
static inline bool gattn_row_walk_next(gattn_row_walk *walk, gattn_run *run) {
  int64_t n_kv = walk->graph->n_kv;
  while (walk->at == walk->count) {
    if (walk->upto >= n_kv) return false;
    walk->count = gattn_runs(walk->graph, walk->i, 1, walk->upto, n_kv,
                             walk->runs, GATTN_WALK_RUNS, &walk->upto);
    walk->at = 0;
  }
  *run = walk->runs[walk->at++];
  walk->left -= run->end - run->begin;
  if (walk->left >= 0) return true;
  walk->upto = n_kv;
  walk->at = walk->count;
  return false;
}

/* After the last run: whether the row had the edges its degree promised. */
static inline bool gattn_row_walk_agrees(const gattn_row_walk *walk) {
  return walk->left == 0;
}

/* count elements from `from` as float32: in place where they lie so already,
 * else converted into buffer[count]. */
static inline const float *gattn_floats(const char *from, gattn_type type,
                                        int64_t stride, int64_t count,
                                        float *buffer) {
  if (type == GATTN_FLOAT32 && stride == 1) return (const float *)from;
  gattn_load_floats(from, type, stride, count, buffer);
  return buffer;
}

/* Elements of a row that a stack buffer holds; wider rows go in pieces. */
enum { GATTN_PIECE = 256 };

#endif
