/* A graph's edges as the device finds them. SPDX-License-Identifier: Apache-2.0
 */
#ifndef GATTN_PLAN_DEVICE_SOURCE_H
#define GATTN_PLAN_DEVICE_SOURCE_H

#include "frontier/frontier.h"
#include "masks/graph.h"
#include "operators/cuda/lists/source.h"
#include "plan/device/formula.h"

/* A source and what its pointers are to. Rows that are stored on the device
 * are lent; valid as long as the graph. */
typedef struct gattn_source_made {
  gattn_context *context;
  gattn_edge_source source; /* its pointers are the device's */
  gattn_device_rows rows[GATTN_SOURCE_LEAVES];
  gattn_formula_arrays arrays[GATTN_SOURCE_LEAVES];
  const int64_t *orders[GATTN_SOURCE_LEAVES]; /* host [n_kv]: of buckets */
  char *memory; /* device: the arrays */
  int64_t bytes;
} gattn_source_made;

/* The edges of the frontier's vertices (null: all; not one of the device),
 * whose positions are those of gattn_query_lane. *made is large, and zero
 * before; free it also when this has failed. Waits; as
 * gattn_device_rows_make. */
gattn_status gattn_source_make(gattn_context *context, gattn_graph *graph,
                               gattn_frontier *frontier,
                               gattn_source_made *made);
void gattn_source_free(gattn_source_made *made);

/* Whether a source of the graph would join leaves, or stand for blocks, and its
 * edges would all be stored rows': what is known before it is made. */
bool gattn_source_joins(const gattn_graph *graph);

/* Whether no closed form is in the cover. */
bool gattn_source_is_stored(const gattn_edge_source *source);

#endif
