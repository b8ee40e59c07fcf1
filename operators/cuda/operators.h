/* The operators standing alone on the device: launchers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * They return a CUDA error code (0 for success), allocate nothing, wait for
 * nothing and put everything on `stream`, a cudaStream_t. Their workspace is
 * aligned to 256 bytes; how many it has is told by gattn_X_workspace, which is
 * UINT64_MAX where the number overflows. Sums are in one order whatever the
 * device does meanwhile. */
#ifndef GATTN_OPERATORS_CUDA_OPERATORS_H
#define GATTN_OPERATORS_CUDA_OPERATORS_H

#include "operators/cuda/attention.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The edges of a frontier's rows, and which planes of them there are. Heads
 * that each have a graph of their own have rows of their own. */
typedef struct gattn_device_edges {
  int64_t n_f;              /* positions of the frontier */
  int64_t batch, heads;     /* planes of edge values */
  int64_t graphs;           /* 1, or one a head */
  int64_t edges;            /* the most of any graph, or more */
  gattn_device_rows rows;   /* of one graph */
  const gattn_device_rows *head_rows; /* device [heads]; null: rows */
  int64_t begin;            /* position p is vertex vertices[p], or begin + p */
  const int64_t *vertices;  /* device [n_f], or null */
  const int64_t *size;      /* device; null: n_f. Rows at and past it are
                             * neither read nor written, and have no edges */
  int32_t multiprocessors;
} gattn_device_edges;

/* ------------------------------------------------------------ advance */

typedef struct gattn_device_advance {
  gattn_device_edges edges;
  int32_t type; /* of q and k */
  int64_t kv_heads, dim;
  float scale;
  gattn_device_score score;
  gattn_operand q, k, edge_values, out;
} gattn_device_advance;

uint64_t gattn_advance_workspace(const gattn_device_edges *edges);
int gattn_advance_launch(const gattn_device_advance *job, void *workspace,
                         void *stream);

/* ------------------------------------------------ segmented reduce, softmax */

typedef struct gattn_device_reduce {
  gattn_device_edges edges;
  int32_t monoid; /* gattn_monoid */
  gattn_operand values, out;
} gattn_device_reduce;

uint64_t gattn_segmented_reduce_workspace(const gattn_device_edges *edges);
int gattn_segmented_reduce_launch(const gattn_device_reduce *job,
                                  void *workspace, void *stream);

/* weights, or lse, or both may be null; weights may be scores. */
typedef struct gattn_device_softmax {
  gattn_device_edges edges;
  gattn_operand scores, weights, lse;
} gattn_device_softmax;

uint64_t gattn_segmented_softmax_workspace(const gattn_device_edges *edges);
int gattn_segmented_softmax_launch(const gattn_device_softmax *job,
                                   void *workspace, void *stream);

/* ------------------------------------------------------------ gather */

typedef struct gattn_device_gather {
  gattn_device_edges edges;
  int32_t type; /* of v and o */
  int64_t kv_heads, dim;
  gattn_operand weights, v, o;
} gattn_device_gather;

uint64_t gattn_gather_workspace(const gattn_device_edges *edges, int64_t dim);
int gattn_gather_launch(const gattn_device_gather *job, void *workspace,
                        void *stream);

/* ------------------------------------------------------------ selection */

/* The edges of one head that stay, as the rows of a graph: out_offsets
 * [n_q + 1], out_columns[capacity] as wide as those that come in. Vertices of
 * the frontier are distinct. */
typedef struct gattn_device_select {
  gattn_device_edges edges; /* batch and heads 1 */
  int64_t n_q;
  gattn_operand values;
  int64_t k;       /* top k of a row; 0: those that reach threshold */
  float threshold;
  int64_t *out_offsets;
  void *out_columns;
} gattn_device_select;

uint64_t gattn_select_workspace(const gattn_device_edges *edges, int64_t n_q);
int gattn_select_launch(const gattn_device_select *job, void *workspace,
                        void *stream);

/* ------------------------------------------------------------ merge */

/* o's [batch, heads, rows, dim] of one type, lse's [batch, heads, rows]. */
typedef struct gattn_device_merge {
  int32_t type;
  int64_t batch, heads, rows, dim;
  gattn_operand o_a, lse_a, o_b, lse_b, o, lse;
} gattn_device_merge;

int gattn_merge_states_launch(const gattn_device_merge *job, void *stream);

#ifdef __cplusplus
}
#endif

#endif
