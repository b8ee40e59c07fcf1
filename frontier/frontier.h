/* The frontier from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_FRONTIER_FRONTIER_H
#define GATTN_FRONTIER_FRONTIER_H

#include <stdatomic.h>
#include <stdbool.h>

#include <gattn/frontier.h>

#include "lib/context.h"

/* Either a range (vertices null) or a list. Immutable once it is handed out;
 * until then gattn_frontier_append makes it grow. */
struct gattn_frontier {
  gattn_context *context; /* retained */
  atomic_llong references;
  int64_t n, size;
  int64_t begin;     /* range: the first vertex */
  int64_t *vertices; /* list: [size]; null for a range */
  int64_t capacity;  /* list: vertices allocated */
  int64_t duplicate; /* a vertex that stands twice, when not unique */
  bool ascending;    /* strictly */
  bool unique;       /* no vertex stands twice */
};

/* An empty frontier over [0, n), one reference. GATTN_ERROR_SIZE. */
gattn_status gattn_frontier_new(gattn_context *context, int64_t n,
                                gattn_frontier **frontier);

/* Appends begin, begin + 1, …, end - 1 to a frontier that nobody else holds
 * yet. It stays a range, and stores nothing, as long as it can. */
gattn_status gattn_frontier_append(gattn_frontier *frontier, int64_t begin,
                                   int64_t end);

/* Fills in `unique` and `duplicate` after appends that were not ascending. */
gattn_status gattn_frontier_settle(gattn_frontier *frontier);

/* Hands *out the frontier when `status`, that of its making, is success, else
 * releases it. Returns status. */
static inline gattn_status gattn_frontier_finish(gattn_status status,
                                                 gattn_frontier *frontier,
                                                 gattn_frontier **out) {
  if (status)
    gattn_frontier_release(frontier);
  else
    *out = frontier;
  return status;
}

/* (*sorted)[size]: the vertices of a list, ascending; for the caller to free
 * through the same context. */
gattn_status gattn_frontier_sorted(gattn_context *context,
                                   const gattn_frontier *list,
                                   int64_t **sorted);

/* The maximal run of consecutive vertices from position p < size on: returns
 * the position behind it. */
int64_t gattn_frontier_run(const gattn_frontier *frontier, int64_t p,
                           int64_t *begin, int64_t *end);

/* The vertex at position p, 0 <= p < size. */
static inline int64_t gattn_frontier_vertex(const gattn_frontier *frontier,
                                            int64_t p) {
  return frontier->vertices ? frontier->vertices[p] : frontier->begin + p;
}

#endif
