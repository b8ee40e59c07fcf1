/* The frontier from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_FRONTIER_FRONTIER_H
#define GATTN_FRONTIER_FRONTIER_H

#include <stdatomic.h>
#include <stdbool.h>

#include <gattn/frontier.h>

#include "lib/context.h"

/* Either a range (vertices null) or a list. Immutable. */
struct gattn_frontier {
  gattn_context *context; /* retained */
  atomic_llong references;
  int64_t n, size;
  int64_t begin;     /* range: the first vertex */
  int64_t *vertices; /* list: [size]; null for a range */
  bool unique;       /* no vertex stands twice */
};

/* The vertex at position p, 0 <= p < size. */
static inline int64_t gattn_frontier_vertex(const gattn_frontier *frontier,
                                            int64_t p) {
  return frontier->vertices ? frontier->vertices[p] : frontier->begin + p;
}

#endif
