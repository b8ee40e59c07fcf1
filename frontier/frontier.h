/* The frontier from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_FRONTIER_FRONTIER_H
#define GATTN_FRONTIER_FRONTIER_H

#include <stdatomic.h>
#include <stdbool.h>

#include <gattn/frontier.h>

#include "lib/context.h"

/* Either a range (vertices null), a list, or a list on the device. Immutable
 * once it is handed out; until then gattn_frontier_append makes it grow.
 *
 * ON THE DEVICE (gattn_frontier_on_device). `size` is the number of positions,
 * those of Q, O and lse too: a capacity. The first *device_size of them are
 * vertices, the rest -1. Only the device knows how many: rows at and past it
 * are neither read nor written. vertices is null and begin 0; neither
 * gattn_frontier_vertex nor gattn_frontier_run may be asked. Its context
 * computes on the device that the memory is of. */
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
  int64_t *device_vertices; /* [size], on the device; else null */
  int64_t *device_size;     /* on the device, always beside device_vertices */
};

/* Whether its vertices are begin, begin + 1, …, of the host. */
static inline bool gattn_frontier_is_range(const gattn_frontier *frontier) {
  return !frontier->vertices && !frontier->device_vertices;
}

static inline bool gattn_frontier_on_device(const gattn_frontier *frontier) {
  return frontier && frontier->device_vertices;
}

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

/* ------------------------------------------------------------ on the device */

/* GATTN_ERROR_DEVICE for a frontier of a device that is not the context's. */
gattn_status gattn_frontier_check_device(gattn_context *context,
                                         const char *name,
                                         const gattn_frontier *frontier);

/* Room for `size` positions on the context's device, not filled in. */
gattn_status gattn_frontier_device_new(gattn_context *context, int64_t n,
                                       int64_t size,
                                       gattn_frontier **frontier);

/* The same frontier on the device and on the host; the frontier itself where
 * it is there already. */
gattn_status gattn_frontier_to_device(gattn_context *context,
                                      const gattn_frontier *frontier,
                                      gattn_frontier **out);
gattn_status gattn_frontier_to_host(gattn_context *context,
                                    const gattn_frontier *frontier,
                                    gattn_frontier **out);

/* What the public functions do on a device; a frontier of the host is taken,
 * too. They wait for the context's stream, since they free scratch. */
gattn_status gattn_frontier_list_device(gattn_context *context, int64_t n,
                                        const gattn_tensor *vertices,
                                        const gattn_tensor *size,
                                        gattn_frontier **out);
gattn_status gattn_frontier_bitmap_device(gattn_context *context, int64_t n,
                                          const gattn_tensor *words,
                                          gattn_frontier **out);
gattn_status gattn_frontier_uniquify_device(gattn_context *context,
                                            const gattn_frontier *frontier,
                                            gattn_frontier **out);
gattn_status gattn_frontier_union_device(gattn_context *context,
                                         const gattn_frontier *left,
                                         const gattn_frontier *right,
                                         gattn_frontier **out);

gattn_status gattn_frontier_compact_device(gattn_context *context,
                                           const gattn_frontier *frontier,
                                           const gattn_graph *graph,
                                           gattn_frontier **out);
gattn_status gattn_frontier_neighbors_device(gattn_context *context,
                                             const gattn_frontier *frontier,
                                             const gattn_graph *graph,
                                             gattn_frontier **out);

/* The vertex at position p, 0 <= p < size; not on the device. */
static inline int64_t gattn_frontier_vertex(const gattn_frontier *frontier,
                                            int64_t p) {
  return frontier->vertices ? frontier->vertices[p] : frontier->begin + p;
}

#endif
