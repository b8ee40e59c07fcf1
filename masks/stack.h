/* Per-head stacks of graphs. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_STACK_H
#define GATTN_MASKS_STACK_H

#include "masks/graph.h"

/* A stack has no rows of its own: whoever takes a graph asks gattn_is_stack
 * first, and then for the head it needs. */
typedef struct gattn_stack {
  gattn_graph graph;
  int64_t heads;
  gattn_graph *head[]; /* [heads], none of them a stack */
} gattn_stack;

extern const gattn_graph_class gattn_stack_class;

static inline bool gattn_is_stack(const gattn_graph *graph) {
  return graph->class_ == &gattn_stack_class;
}

static inline const gattn_stack *gattn_stack_of(const gattn_graph *graph) {
  return (const gattn_stack *)graph;
}

/* The graph of head h, borrowed: its own in a stack, else the one graph. */
static inline gattn_graph *gattn_head_of(gattn_graph *graph, int64_t h) {
  return gattn_is_stack(graph) ? gattn_stack_of(graph)->head[h] : graph;
}

#endif
