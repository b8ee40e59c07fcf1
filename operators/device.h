/* The operators standing alone on a device, from the host.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_DEVICE_H
#define GATTN_OPERATORS_DEVICE_H

#include "operators/cuda/operators.h"
#include "operators/edges.h"
#include "operators/score.h"

/* The rows of some edges on the device. Made where allocating is allowed; no
 * execution allocates. */
typedef struct gattn_device_set {
  gattn_frontier *list;         /* on the device, retained; null: a range */
  gattn_device_rows *rows;      /* [graphs] */
  gattn_device_rows *head_rows; /* device [graphs]; null for one graph */
} gattn_device_set;

/* Fills edges->device and edges->edges of edges that gattn_edges_of gave. */
gattn_status gattn_device_set_open(gattn_context *context, gattn_edges *edges);
void gattn_device_set_close(gattn_context *context, gattn_edges *edges);

/* What gattn_device_set_open would count: the edges of edge values. */
gattn_status gattn_device_set_count(gattn_context *context, gattn_edges *edges);

/* offsets[n_f + 1] of one graph, read back. */
gattn_status gattn_device_set_offsets(gattn_context *context,
                                      const gattn_edges *edges, int64_t h,
                                      int64_t *offsets);

/* Edges as kernels see them, of so many planes. They need not be opened for a
 * workspace to be sized. */
gattn_device_edges gattn_device_edges_of(const gattn_context *context,
                                         const gattn_edges *edges,
                                         int64_t batch, int64_t heads);

gattn_operand gattn_operand_of(const gattn_view *view);

/* A score with its table on the device, for as long as *table is there: null,
 * or [*elements], to be given back with gattn_device_free. A C function is
 * GATTN_ERROR_UNSUPPORTED. */
gattn_status gattn_device_score_make(gattn_context *context,
                                     const gattn_score *score, int64_t heads,
                                     gattn_device_score *device,
                                     float **table, int64_t *elements);

/* The workspace of one call: none where the context is on the CPU. */
typedef struct gattn_call {
  gattn_context *context;
  int previous;
  void *workspace; /* [bytes] */
  int64_t bytes;
} gattn_call;

/* Makes the device current, and allocates. Bytes of SIZE_MAX overflow. */
gattn_status gattn_call_open(gattn_context *context, size_t bytes,
                             gattn_call *call);
void *gattn_call_stream(const gattn_call *call);
/* Waits, since memory goes. Returns status, or what failed on the device. */
gattn_status gattn_call_close(gattn_call *call, gattn_status status);

#endif
