/* Checks of operands against each other: types and shapes, no data.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CHECKS_H
#define GATTN_OPERATORS_CHECKS_H

#include "operators/edges.h"
#include "operators/score.h"

/* Views here need no data: a program's values have none. `name` is how
 * messages call the operand. */

/* float32, float16 or bfloat16. GATTN_ERROR_TYPE. */
gattn_status gattn_check_real(gattn_context *context, const char *name,
                              const gattn_view *view);
/* GATTN_ERROR_TYPE. */
gattn_status gattn_check_type(gattn_context *context, const char *name,
                              const gattn_view *view, gattn_type type);
/* GATTN_ERROR_SHAPE unless [batch, heads, rows, dim]. */
gattn_status gattn_check_shape(gattn_context *context, const char *name,
                               const gattn_view *view, int64_t batch,
                               int64_t heads, int64_t rows, int64_t dim);

/* q [batch, heads, n_f, dim] for these edges: its type, rows, and heads. */
gattn_status gattn_check_queries(gattn_context *context,
                                 const gattn_edges *edges, const gattn_view *q);
/* k or v: the type, batch [batch, kv_heads, n_kv, any], and heads that divide
 * those of `heads`. */
gattn_status gattn_check_keys(gattn_context *context, const char *name,
                              const gattn_edges *edges, const gattn_view *view,
                              gattn_type type, int64_t batch, int64_t heads);
/* float32 [batch, heads, edges], edges counted; heads fit the graph. */
gattn_status gattn_check_edge_values(gattn_context *context, const char *name,
                                     const gattn_edges *edges,
                                     const gattn_view *view);
/* The same, of a batch and heads. */
gattn_status gattn_check_edge_values_of(gattn_context *context,
                                        const char *name,
                                        const gattn_edges *edges,
                                        const gattn_view *view, int64_t batch,
                                        int64_t heads);
/* What q and k have in common, and the score: type, batch, heads, dim. */
gattn_status gattn_check_advance(gattn_context *context,
                                 const gattn_edges *edges, const gattn_view *q,
                                 const gattn_view *k, const gattn_score *score,
                                 bool edge_values);

/* *scale from the caller's (null: 1/sqrt(dim)). GATTN_ERROR_ARGUMENT when it
 * is not finite. */
gattn_status gattn_check_scale(gattn_context *context, const double *given,
                               int64_t dim, float *scale);

/* Bytes from a view's data to its first byte, 0 or less, and past its last; for
 * a view with elements. */
void gattn_view_reach(const gattn_view *view, int64_t *below, int64_t *above);

/* GATTN_ERROR_ARGUMENT when an output shares memory with another operand.
 * same: the two may be one and the same view. */
gattn_status gattn_check_overlap(gattn_context *context, const char *output,
                                 const gattn_view *written, const char *name,
                                 const gattn_view *other, bool same);

#endif
