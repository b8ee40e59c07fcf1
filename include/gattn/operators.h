/* The operators standing alone: each runs at once and can be inspected.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_H
#define GATTN_OPERATORS_H

#include <gattn/attention.h>

GATTN_BEGIN_DECLS

/* EDGE VALUES. The edges of a frontier are ordered by its vertices and, within
 * a row, by key, ascending. A tensor of edge values is float32
 * [batch, heads, edges] (or [heads, edges], or [edges]); `edges` counts the
 * edges of the frontier's rows. For a per-head stack of graphs, whose heads
 * have different edges, `edges` is the largest count of any head and the tail
 * of the others is neither read nor written.
 *
 * Every operator takes a frontier that names a vertex twice, unless it says
 * otherwise. Outputs share no memory with inputs but where it is said
 * (GATTN_ERROR_ARGUMENT). GATTN_ERROR_TYPE, GATTN_ERROR_SHAPE,
 * GATTN_ERROR_STRIDE (an output with a zero stride), GATTN_ERROR_TOO_LARGE
 * (edges that cannot be counted), GATTN_ERROR_CALLBACK and
 * GATTN_ERROR_CANCELLED (outputs are then partly written) may come from all of
 * them. */

/* ON A DEVICE. Operands lie there, and operators are in the order of the
 * context's stream: a call may return before its work is done, and waits for it
 * where it has memory to give back. Where only the device knows how many edges
 * there are (graphs and frontiers computed there), gattn_edge_count says how
 * many there can be, and edge values have as many; those past the last edge are
 * neither read nor written, like rows past the last vertex of a frontier.
 * A score that is a C function is GATTN_ERROR_UNSUPPORTED. */

/* offsets[n_f + 1], in host memory: the edges of frontier row p are offsets[p] … offsets[p+1]-1
 * in the order above. For a stack, those of one head; else head is ignored.
 * GATTN_ERROR_SHAPE, GATTN_ERROR_TOO_LARGE. */
GATTN_API gattn_status gattn_edge_offsets(gattn_context *context,
                                          gattn_graph *graph,
                                          gattn_frontier *frontier,
                                          int64_t head, int64_t *offsets);

/* *edges as a tensor of edge values must have them. */
GATTN_API gattn_status gattn_edge_count(gattn_context *context,
                                        gattn_graph *graph,
                                        gattn_frontier *frontier,
                                        int64_t *edges);

/* Scores the edges: out[b, h, e] = score(scale · q_i·k_j) for edge e = (i, j).
 * q [batch, heads, n_f, dim], k [batch, kv_heads, n_kv, dim]; scale null means
 * 1/sqrt(dim); edge_values null unless the score reads them. */
GATTN_API gattn_status gattn_advance(
    gattn_context *context, gattn_graph *graph, gattn_frontier *frontier,
    const gattn_tensor *q, const gattn_tensor *k, const double *scale,
    const gattn_score *score, const gattn_tensor *edge_values,
    const gattn_tensor *out);

/* What segments of edge values reduce to. An empty row gives the identity:
 * −inf, +inf, 0, −inf, 0, −1. */
typedef enum gattn_monoid {
  GATTN_MAX = 0,
  GATTN_MIN = 1,
  GATTN_SUM = 2,
  GATTN_LOG_SUM_EXP = 3,
  GATTN_COUNT = 4,  /* of edges, whatever their values */
  GATTN_ARG_MAX = 5 /* the key of the largest value, the smallest such key */
} gattn_monoid;

/* out[b, h, p] = the reduction of row p's edge values. out is float32
 * [batch, heads, n_f], for COUNT and ARG_MAX int64. NaN wins a MAX, MIN or
 * ARG_MAX. GATTN_ERROR_ARGUMENT (monoid), GATTN_ERROR_TYPE,
 * GATTN_ERROR_SHAPE. */
GATTN_API gattn_status gattn_segmented_reduce(
    gattn_context *context, gattn_graph *graph, gattn_frontier *frontier,
    gattn_monoid monoid, const gattn_tensor *values, const gattn_tensor *out);

/* weights = exp(score − lse) per row; lse (may be null) float32
 * [batch, heads, n_f]. A row whose every score is −inf gets weights 0 and
 * lse −inf. weights may be scores. */
GATTN_API gattn_status gattn_segmented_softmax(
    gattn_context *context, gattn_graph *graph, gattn_frontier *frontier,
    const gattn_tensor *scores, const gattn_tensor *weights,
    const gattn_tensor *lse);

/* o[b, h, p] = Σ weight_e · v_j over row p's edges; an edge of weight 0 adds
 * nothing, whatever its value holds. v [batch, kv_heads, n_kv,
 * dim], o [batch, heads, n_f, dim] of one type. */
GATTN_API gattn_status gattn_gather(gattn_context *context, gattn_graph *graph,
                                    gattn_frontier *frontier,
                                    const gattn_tensor *weights,
                                    const gattn_tensor *v,
                                    const gattn_tensor *o);

/* Whether an edge stays: non-zero for yes. */
typedef int (*gattn_edge_predicate)(void *user, const gattn_edge *edge);

/* The graph of the edges that predicate keeps; edge.value is the edge's value
 * (values may be null: 0). Rows outside the frontier are empty. With one head
 * and batch 1 the result is a plain graph, with more heads a per-head stack;
 * batch > 1 is GATTN_ERROR_UNSUPPORTED, and a frontier with a vertex twice
 * GATTN_ERROR_DUPLICATE, as they are for top_k. The predicate is called from
 * one thread, head by head in edge order. */
GATTN_API gattn_status gattn_filter(gattn_context *context, gattn_graph *graph,
                                    gattn_frontier *frontier,
                                    const gattn_tensor *values,
                                    gattn_edge_predicate predicate, void *user,
                                    gattn_graph **out);

/* The graph of the edges whose value is at least threshold; a NaN is not kept.
 * values is not null. On a device the result is made and stays there, nothing
 * is read back, and the number of edges is known there alone; gattn_filter
 * copies values to the host for its predicate. */
GATTN_API gattn_status gattn_filter_threshold(gattn_context *context,
                                              gattn_graph *graph,
                                              gattn_frontier *frontier,
                                              const gattn_tensor *values,
                                              double threshold,
                                              gattn_graph **out);

/* The graph of each row's k edges of largest value (ties: the smaller key
 * first; NaN last), content-based sparsity for the next step. k >= 1. On a
 * device as gattn_filter_threshold. */
GATTN_API gattn_status gattn_top_k(gattn_context *context, gattn_graph *graph,
                                   gattn_frontier *frontier,
                                   const gattn_tensor *values, int64_t k,
                                   gattn_graph **out);

GATTN_END_DECLS

#endif
