/* Filter and top-k from inside: what they select becomes a graph.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_FILTER_H
#define GATTN_OPERATORS_FILTER_H

#include "operators/checks.h"

/* What both are given: edge values of batch 1, or none. */
typedef struct gattn_selection {
  gattn_edges edges; /* with offsets; to be closed */
  gattn_view values; /* [1, heads, edges]; data may be null */
  int64_t heads;
  gattn_frontier *frontier; /* of a device: the copy on the host, retained */
  void *copy;               /* of a device: the values' memory; [copy_bytes] */
  int64_t copy_bytes;
} gattn_selection;

/* Edges chosen for one head, as coordinates. */
typedef struct gattn_chosen {
  int64_t capacity, count;
  int64_t *rows, *columns; /* [capacity] */
} gattn_chosen;

/* Everything is on the host then, copied from the device if there is one.
 * GATTN_ERROR_UNSUPPORTED for a batch, GATTN_ERROR_DUPLICATE for a frontier
 * that is no set; values may be null. */
gattn_status gattn_selection_open(gattn_context *context, gattn_graph *graph,
                                  gattn_frontier *frontier,
                                  const gattn_tensor *values,
                                  gattn_selection *selection);
void gattn_selection_close(gattn_context *context, gattn_selection *selection);

/* Chooses among the edges of head h, at most chosen->capacity of them. */
typedef gattn_status (*gattn_choose)(gattn_context *context,
                                     const gattn_selection *selection,
                                     int64_t h, const void *how,
                                     gattn_chosen *chosen);

/* The graph of what `choose` takes, at most capacity edges a head: plain for
 * one head, else a stack. */
gattn_status gattn_selection_graph(gattn_context *context,
                                   const gattn_selection *selection,
                                   int64_t capacity, gattn_choose choose,
                                   const void *how, gattn_graph **out);

/* The edges of every head that stay, chosen on the device: the k of largest
 * value, or for k = 0 those of at least threshold. */
gattn_status gattn_select_device(gattn_context *context, gattn_graph *graph,
                                 gattn_frontier *frontier,
                                 const gattn_tensor *values, int64_t k,
                                 float threshold, gattn_graph **out);

/* What both begin with: a set, and the values' batch and heads, where there
 * are values. */
gattn_status gattn_selection_check(gattn_context *context,
                                   const gattn_graph *graph,
                                   const gattn_frontier *frontier,
                                   const gattn_tensor *values,
                                   gattn_selection *selection);

static inline float gattn_selection_value(const gattn_selection *selection,
                                          int64_t h, int64_t edge) {
  if (!selection->values.data) return 0;
  return *(const float *)gattn_view_row(&selection->values, 0, h, edge);
}

#endif
