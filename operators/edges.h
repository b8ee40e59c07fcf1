/* The edges of a frontier's rows, in row order.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_EDGES_H
#define GATTN_OPERATORS_EDGES_H

#include <gattn/operators.h>

#include "frontier/frontier.h"
#include "lib/tensor.h"
#include "masks/graph.h"

/* A graph and a frontier that belong together; both borrowed. Edges and
 * offsets are known only where a function says so. */
typedef struct gattn_edges {
  gattn_graph *graph;
  gattn_frontier *frontier; /* null: all */
  int64_t n_f, n_q, n_kv;
  int64_t graphs;   /* in a stack; 1 for a graph that all heads share */
  int64_t edges;    /* the largest count of any head */
  int64_t *offsets; /* [graphs, n_f + 1]; on a device null */
  struct gattn_device_set *device; /* on a device: what was opened there */
} gattn_edges;

/* Checks graph and frontier and fills all but edges (-1) and offsets.
 * GATTN_ERROR_NULL, GATTN_ERROR_SHAPE. */
gattn_status gattn_edges_of(gattn_context *context, gattn_graph *graph,
                            gattn_frontier *frontier, gattn_edges *edges);

/* Counts: edges->edges. Where only the device knows how many there are, the
 * most there can be. GATTN_ERROR_TOO_LARGE, GATTN_ERROR_CALLBACK. */
gattn_status gattn_edges_count(gattn_context *context, gattn_edges *edges);

/* gattn_edges_of, and counts, and allocates and fills offsets: on a device
 * everything that its kernels need of the edges. */
gattn_status gattn_edges_open(gattn_context *context, gattn_graph *graph,
                              gattn_frontier *frontier, gattn_edges *edges);
/* With offsets on the host, whatever the context computes on; the frontier is
 * on the host, too. */
gattn_status gattn_edges_open_host(gattn_context *context, gattn_graph *graph,
                                   gattn_frontier *frontier,
                                   gattn_edges *edges);
void gattn_edges_close(gattn_context *context, gattn_edges *edges);

/* Whether two are the same rows of the same graph. */
bool gattn_edges_equal(const gattn_edges *a, const gattn_edges *b);

/* GATTN_ERROR_CALLBACK when a generator among the graphs has broken its
 * contract. */
gattn_status gattn_edges_check_broken(gattn_context *context,
                                      const gattn_edges *edges);

/* The graph of query head h, borrowed. */
gattn_graph *gattn_edges_graph(const gattn_edges *edges, int64_t h);

static inline int64_t gattn_edges_vertex(const gattn_edges *edges, int64_t p) {
  return edges->frontier ? gattn_frontier_vertex(edges->frontier, p) : p;
}

/* offsets[n_f + 1] of query head h. */
static inline const int64_t *gattn_edges_offsets(const gattn_edges *edges,
                                                 int64_t h) {
  return edges->offsets + (edges->graphs > 1 ? h * (edges->n_f + 1) : 0);
}

#endif
