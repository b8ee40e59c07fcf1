/* Graphs: masks as sets of edges. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_GRAPH_H
#define GATTN_GRAPH_H

#include <gattn/tensor.h>

GATTN_BEGIN_DECLS

/* An immutable, reference-counted set of edges i -> j from query vertices
 * [0, n_q) to key vertices [0, n_kv). Opaque. Most graphs store nothing: they
 * are generators that answer for any row when asked. */
typedef struct gattn_graph gattn_graph;

/* Most vertices on either side; sums of two positions then never overflow. */
#define GATTN_MAX_VERTICES ((int64_t)1 << 62)

/* ------------------------------------------------------------ lifetime */

/* One reference more, one less; null is allowed. A graph made of others (a
 * union, a stack) keeps its own references to them. */
GATTN_API gattn_graph *gattn_graph_retain(gattn_graph *graph);
GATTN_API void gattn_graph_release(gattn_graph *graph);

/* ------------------------------------------------------------ inquiry */

/* Query vertices, key vertices, and graphs in a per-head stack (1 for a graph
 * that all heads share). 0 for null. */
GATTN_API int64_t gattn_graph_queries(const gattn_graph *graph);
GATTN_API int64_t gattn_graph_keys(const gattn_graph *graph);
GATTN_API int64_t gattn_graph_heads(const gattn_graph *graph);

/* *next = the smallest neighbour >= j of row i, or n_kv when there is none.
 * 0 <= i < n_q and 0 <= j <= n_kv, else GATTN_ERROR_INDEX. A per-head stack is
 * GATTN_ERROR_UNSUPPORTED here and below: ask gattn_graph_head. */
GATTN_API gattn_status gattn_graph_next(gattn_context *context,
                                        const gattn_graph *graph, int64_t i,
                                        int64_t j, int64_t *next);

/* For a neighbour j of row i, *end = an end (exclusive) of a run of
 * consecutive neighbours that starts at j: j < *end <= n_kv and every key in
 * [j, *end) is a neighbour. It may stop early, never late.
 * GATTN_ERROR_INDEX, also when j is no neighbour of i. */
GATTN_API gattn_status gattn_graph_stretch(gattn_context *context,
                                           const gattn_graph *graph, int64_t i,
                                           int64_t j, int64_t *end);

/* *contains = 1 when i -> j is an edge, else 0. GATTN_ERROR_INDEX. */
GATTN_API gattn_status gattn_graph_contains(gattn_context *context,
                                            const gattn_graph *graph,
                                            int64_t i, int64_t j,
                                            int *contains);

/* *degree = the number of neighbours of row i, in closed form where the mask
 * has one, else by walking the row's runs. GATTN_ERROR_INDEX;
 * GATTN_ERROR_TOO_LARGE where only walking an endless row could tell. */
GATTN_API gattn_status gattn_graph_degree(gattn_context *context,
                                          const gattn_graph *graph, int64_t i,
                                          int64_t *degree);

/* The first `capacity` neighbours of row i that are >= from, ascending, into
 * columns[]; *count = how many were written. GATTN_ERROR_INDEX,
 * GATTN_ERROR_SIZE. */
GATTN_API gattn_status gattn_graph_row(gattn_context *context,
                                       const gattn_graph *graph, int64_t i,
                                       int64_t from, int64_t capacity,
                                       int64_t *columns, int64_t *count);

/* What can be said of a range of rows. Edges may exceed 2^63: full over 2^40
 * tokens has 2^80. */
typedef struct gattn_graph_stats {
  size_t struct_size;  /* sizeof(gattn_graph_stats), set by the caller */
  int64_t queries;     /* rows counted */
  int64_t keys;        /* n_kv */
  uint64_t edges_low;  /* edges = edges_high · 2^64 + edges_low */
  uint64_t edges_high;
  int64_t min_degree;  /* 0 when there are no rows */
  int64_t max_degree;
  int64_t empty_rows;  /* rows without a neighbour */
} gattn_graph_stats;

/* Counts rows [row_begin, row_end). Closed forms answer at any size without
 * enumerating. Where only walking rows can answer, rows are walked when there
 * are at most GATTN_WALK_LIMIT of rows and runs together (estimated before the
 * walk), else GATTN_ERROR_TOO_LARGE comes at once. GATTN_ERROR_INDEX. */
GATTN_API gattn_status gattn_graph_count(gattn_context *context,
                                         const gattn_graph *graph,
                                         int64_t row_begin, int64_t row_end,
                                         gattn_graph_stats *stats);
#define GATTN_WALK_LIMIT ((int64_t)1 << 31)

/* *edges = the edges of all rows. As gattn_graph_count; and
 * GATTN_ERROR_OVERFLOW above 2^63 - 1. */
GATTN_API gattn_status gattn_graph_edges(gattn_context *context,
                                         const gattn_graph *graph,
                                         int64_t *edges);

/* The graph as a mask expression, as far as it can be said in one, into
 * text[size]; always terminated when size > 0. GATTN_NOTE_TRUNCATED. */
GATTN_API gattn_status gattn_graph_describe(gattn_context *context,
                                            const gattn_graph *graph,
                                            char *text, size_t size);

/* ------------------------------------------------------------ algebra */

/* The union, intersection, and difference (left without right) of two graphs
 * of the same size. Nothing is stored: an edge in both counts once because the
 * rows are walked in order. GATTN_ERROR_SHAPE when sizes differ;
 * GATTN_ERROR_UNSUPPORTED for per-head stacks. */
GATTN_API gattn_status gattn_graph_union(gattn_context *context,
                                         gattn_graph *left, gattn_graph *right,
                                         gattn_graph **graph);
GATTN_API gattn_status gattn_graph_intersection(gattn_context *context,
                                                gattn_graph *left,
                                                gattn_graph *right,
                                                gattn_graph **graph);
GATTN_API gattn_status gattn_graph_difference(gattn_context *context,
                                              gattn_graph *left,
                                              gattn_graph *right,
                                              gattn_graph **graph);

/* The edges j -> i: closed form where the mask has one, else materialised once
 * (then GATTN_ERROR_TOO_LARGE as in gattn_graph_materialize). */
GATTN_API gattn_status gattn_graph_transpose(gattn_context *context,
                                             gattn_graph *graph,
                                             gattn_graph **transpose);

/* The same edges stored as CSR. GATTN_ERROR_TOO_LARGE above GATTN_WALK_LIMIT
 * rows and edges together. */
GATTN_API gattn_status gattn_graph_materialize(gattn_context *context,
                                               gattn_graph *graph,
                                               gattn_graph **csr);

/* A graph per head: head h of the queries uses graphs[h]. All of one size.
 * GATTN_ERROR_SIZE (n_heads < 1), GATTN_ERROR_SHAPE,
 * GATTN_ERROR_UNSUPPORTED (a stack of stacks). */
GATTN_API gattn_status gattn_graph_stack(gattn_context *context,
                                         gattn_graph *const *graphs,
                                         int64_t n_heads, gattn_graph **stack);

/* The graph of one head, with a reference of its own for the caller. A graph
 * that all heads share answers for every head. GATTN_ERROR_INDEX. */
GATTN_API gattn_status gattn_graph_head(gattn_context *context,
                                        gattn_graph *graph, int64_t head,
                                        gattn_graph **out);

/* ------------------------------------------------------------ explicit edges */

/* Compressed sparse rows: the neighbours of row i are
 * columns[offsets[i]] … columns[offsets[i+1] - 1], in any order; a column named
 * twice in a row counts once. Arrays are copied (and sorted where they must
 * be). offsets has n_q + 1 entries, the first 0.
 * GATTN_ERROR_SIZE, GATTN_ERROR_OFFSETS, GATTN_ERROR_INDEX. */
GATTN_API gattn_status gattn_graph_from_csr(gattn_context *context,
                                            int64_t n_q, int64_t n_kv,
                                            const int64_t *offsets,
                                            const int64_t *columns,
                                            gattn_graph **graph);

/* Coordinates: edges rows[e] -> columns[e] for e in [0, n_edges), in any order;
 * one named twice counts once. GATTN_ERROR_SIZE, GATTN_ERROR_INDEX. */
GATTN_API gattn_status gattn_graph_from_coo(gattn_context *context,
                                            int64_t n_q, int64_t n_kv,
                                            int64_t n_edges,
                                            const int64_t *rows,
                                            const int64_t *columns,
                                            gattn_graph **graph);

/* The same from int64 tensors of one axis that live where the context computes,
 * offsets [n_q + 1] and columns [edges]; copied, with any stride. On a device
 * they are checked, sorted and made sets there, after what stands on the
 * context's stream, and stay there: nothing but the number of edges and an error
 * is read back. Questions about such a graph on the host (all of "inquiry")
 * copy it there once.
 * GATTN_ERROR_NULL, GATTN_ERROR_TYPE, GATTN_ERROR_DEVICE, GATTN_ERROR_SHAPE
 * (rank, the length of offsets, fewer columns than the last offset), and those of
 * gattn_graph_from_csr. */
GATTN_API gattn_status gattn_graph_from_csr_tensors(
    gattn_context *context, int64_t n_q, int64_t n_kv,
    const gattn_tensor *offsets, const gattn_tensor *columns,
    gattn_graph **graph);

/* Likewise coordinates: rows [edges] and columns [edges]. */
GATTN_API gattn_status gattn_graph_from_coo_tensors(
    gattn_context *context, int64_t n_q, int64_t n_kv,
    const gattn_tensor *rows, const gattn_tensor *columns,
    gattn_graph **graph);

/* A Matrix Market file (coordinate; pattern, real or integer; general or
 * symmetric; 1-based). *graph has the size the file states.
 * GATTN_ERROR_FILE, GATTN_ERROR_FORMAT (naming the line), GATTN_ERROR_INDEX. */
GATTN_API gattn_status gattn_graph_from_mtx(gattn_context *context,
                                            const char *path,
                                            gattn_graph **graph);

/* The same from text in memory; name stands for the path in messages. */
GATTN_API gattn_status gattn_graph_from_mtx_text(gattn_context *context,
                                                 const char *name,
                                                 const char *text,
                                                 size_t length,
                                                 gattn_graph **graph);

/* The arrays of a graph that is stored as CSR (from_csr, from_coo, from_mtx,
 * materialize), copied out: offsets[n_q + 1] and columns[edges], sorted in each
 * row; either may be null. GATTN_ERROR_UNSUPPORTED for any other graph. */
GATTN_API gattn_status gattn_graph_csr(gattn_context *context,
                                       const gattn_graph *graph,
                                       int64_t *offsets, int64_t *columns);

/* ------------------------------------------------------------ own generators */

/* A mask of the caller's own: callbacks over a state. They are called from
 * many threads at once, with 0 <= i < n_q and 0 <= j <= n_kv, must not change
 * the state, and must be pure: the same answer each time.
 * Answers are checked where they are used: one that breaks the contract ends
 * the call with GATTN_ERROR_CALLBACK, never with a wrong access. */
typedef struct gattn_generator {
  size_t struct_size; /* sizeof(gattn_generator) */
  const char *name;   /* for explain and messages; copied; may be null */
  void *state;
  /* The smallest neighbour >= j of row i, or n_kv when there is none. */
  int64_t (*next)(const void *state, int64_t i, int64_t j);
  /* Optional: for a neighbour j, an end (exclusive) of the run of neighbours
   * that starts there. Null: j + 1. */
  int64_t (*stretch)(const void *state, int64_t i, int64_t j);
  /* Optional: the number of neighbours of row i. */
  int64_t (*degree)(const void *state, int64_t i);
  /* Optional: the number of edges in rows before i, for 0 <= i <= n_q. With
   * it gattn_graph_edges answers without walking. */
  int64_t (*edges_before)(const void *state, int64_t i);
  /* Optional: called once when the last reference to the graph goes; not
   * called when gattn_graph_from_generator fails. */
  void (*release)(void *state);
} gattn_generator;

/* GATTN_ERROR_STRUCT_SIZE, GATTN_ERROR_SIZE; GATTN_ERROR_NULL (next). */
GATTN_API gattn_status gattn_graph_from_generator(
    gattn_context *context, int64_t n_q, int64_t n_kv,
    const gattn_generator *generator, gattn_graph **graph);

GATTN_END_DECLS

#endif
