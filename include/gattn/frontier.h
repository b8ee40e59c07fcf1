/* Frontiers: sets of active query vertices. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_FRONTIER_H
#define GATTN_FRONTIER_H

#include <gattn/graph.h>

GATTN_BEGIN_DECLS

/* An immutable, reference-counted sequence of vertices of [0, n). Row p of Q,
 * O and lse belongs to vertex p of the frontier. Opaque. */
typedef struct gattn_frontier gattn_frontier;

/* Every query vertex in order: what a null frontier means everywhere. */
#define GATTN_ALL ((gattn_frontier *)0)

GATTN_API gattn_frontier *gattn_frontier_retain(gattn_frontier *frontier);
GATTN_API void gattn_frontier_release(gattn_frontier *frontier);

/* Positions of the frontier, which are the rows of Q, O and lse, and n, the
 * vertices it draws from. 0 for null. On the CPU every position has a vertex.
 * A frontier made on a device may have more positions than vertices: the first
 * gattn_frontier_count have one, and rows past them are neither read nor
 * written. */
GATTN_API int64_t gattn_frontier_size(const gattn_frontier *frontier);
GATTN_API int64_t gattn_frontier_universe(const gattn_frontier *frontier);

/* *count = the vertices in the frontier. When only the device knows, waits for
 * the context's stream and reads it back. GATTN_ERROR_NULL,
 * GATTN_ERROR_DEVICE. */
GATTN_API gattn_status gattn_frontier_count(gattn_context *context,
                                            const gattn_frontier *frontier,
                                            int64_t *count);

/* The vertices from position `first` on, at most `capacity`, into vertices[],
 * which is host memory; *count = how many were written. Reads back like
 * gattn_frontier_count. GATTN_ERROR_INDEX, GATTN_ERROR_SIZE,
 * GATTN_ERROR_DEVICE. */
GATTN_API gattn_status gattn_frontier_vertices(gattn_context *context,
                                               const gattn_frontier *frontier,
                                               int64_t first, int64_t capacity,
                                               int64_t *vertices,
                                               int64_t *count);

/* [0, n). GATTN_ERROR_SIZE. */
GATTN_API gattn_status gattn_frontier_all(gattn_context *context, int64_t n,
                                          gattn_frontier **frontier);
/* [begin, end), 0 <= begin <= end <= n. GATTN_ERROR_SIZE, GATTN_ERROR_INDEX. */
GATTN_API gattn_status gattn_frontier_range(gattn_context *context, int64_t n,
                                            int64_t begin, int64_t end,
                                            gattn_frontier **frontier);
/* The vertices of a list, in its order; copied. A vertex may stand in it
 * twice (an advance yields such lists): gattn_frontier_uniquify makes it a
 * set, and attention refuses it as it is. GATTN_ERROR_INDEX. */
GATTN_API gattn_status gattn_frontier_list(gattn_context *context, int64_t n,
                                           const int64_t *vertices,
                                           int64_t size,
                                           gattn_frontier **frontier);
/* Vertex v is in when bit v % 64 of words[v / 64] is set; copied.
 * GATTN_ERROR_INDEX when a bit at or past n is set. */
GATTN_API gattn_status gattn_frontier_bitmap(gattn_context *context, int64_t n,
                                             const uint64_t *words,
                                             gattn_frontier **frontier);
/* The same of tensors on the context's device, host memory for the CPU; int64
 * with one axis, copied, and so free to change when this returns.
 *
 * vertices[capacity]; size, int64 with one element, says how many of them there
 * are, and null that all are: a list whose length was computed on the device.
 * The frontier has `capacity` positions then. GATTN_ERROR_TYPE,
 * GATTN_ERROR_SHAPE, GATTN_ERROR_INDEX (a vertex), GATTN_ERROR_SIZE (a size
 * that is not within [0, capacity]), GATTN_ERROR_DEVICE. */
GATTN_API gattn_status gattn_frontier_from_list_tensor(
    gattn_context *context, int64_t n, const gattn_tensor *vertices,
    const gattn_tensor *size, gattn_frontier **frontier);
/* words[ceil(n / 64)], bits as in gattn_frontier_bitmap. On a device the
 * frontier has n positions. GATTN_ERROR_TYPE, GATTN_ERROR_SHAPE,
 * GATTN_ERROR_INDEX, GATTN_ERROR_DEVICE. */
GATTN_API gattn_status gattn_frontier_from_bitmap_tensor(
    gattn_context *context, int64_t n, const gattn_tensor *words,
    gattn_frontier **frontier);

/* all | range:a:b | last:k | list:i,j,… | file:ids.npy (int64, one axis).
 * Integers take the suffixes of the mask grammar; white space is free, and text
 * longer than 64 KiB refused, as there. GATTN_ERROR_SYNTAX, GATTN_ERROR_NAME,
 * GATTN_ERROR_INDEX (also a range that does not ascend, and last:k with k > n)
 * name the column or the position in the file. GATTN_ERROR_DUPLICATE,
 * GATTN_ERROR_OVERFLOW, GATTN_ERROR_FILE, GATTN_ERROR_FORMAT,
 * GATTN_ERROR_TYPE. */
GATTN_API gattn_status gattn_frontier_parse(gattn_context *context,
                                            const char *text, int64_t n,
                                            gattn_frontier **frontier);

/* Whether a vertex belongs: non-zero for yes. */
typedef int (*gattn_vertex_predicate)(void *user, int64_t vertex);

/* FRONTIERS FROM FRONTIERS. Of frontiers on a device the results are on the
 * device, with as many positions as there can be vertices, and nothing is read
 * back but for a predicate. A frontier on a device cannot be used with a
 * context of another one (GATTN_ERROR_DEVICE). */

/* The vertices for which predicate holds, in the frontier's order. Those of a
 * device are copied to the host for it, and the kept ones back. */
GATTN_API gattn_status gattn_frontier_filter(gattn_context *context,
                                             const gattn_frontier *frontier,
                                             gattn_vertex_predicate predicate,
                                             void *user,
                                             gattn_frontier **out);
/* The vertices in either, ascending, each once. GATTN_ERROR_SHAPE when they
 * draw from different n. */
GATTN_API gattn_status gattn_frontier_union(gattn_context *context,
                                            const gattn_frontier *left,
                                            const gattn_frontier *right,
                                            gattn_frontier **out);
/* Each vertex once, ascending. */
GATTN_API gattn_status gattn_frontier_uniquify(gattn_context *context,
                                               const gattn_frontier *frontier,
                                               gattn_frontier **out);
/* The vertices that have a neighbour in graph, in the frontier's order; a null
 * frontier is every row, here and below. GATTN_ERROR_SHAPE when n is not the
 * graph's query vertices, GATTN_ERROR_UNSUPPORTED for a per-head stack,
 * GATTN_ERROR_CALLBACK, GATTN_ERROR_CANCELLED. */
GATTN_API gattn_status gattn_frontier_compact(gattn_context *context,
                                              const gattn_frontier *frontier,
                                              const gattn_graph *graph,
                                              gattn_frontier **out);
/* The vertices that the frontier's rows reach: every j with an edge i -> j for
 * an i in the frontier, ascending, each once, as a frontier over n_kv. This is
 * the advance of graph analytics on vertices alone. Statuses as above. */
GATTN_API gattn_status gattn_frontier_neighbors(gattn_context *context,
                                                const gattn_frontier *frontier,
                                                const gattn_graph *graph,
                                                gattn_frontier **out);

GATTN_END_DECLS

#endif
