/* Attention in one call, and merging partial states. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_ATTENTION_H
#define GATTN_ATTENTION_H

#include <gattn/frontier.h>
#include <gattn/score.h>

GATTN_BEGIN_DECLS

/* Zero every field that is not needed. Let n_f be the frontier's vertices (all
 * query vertices when the frontier is null). */
typedef struct gattn_attention_args {
  size_t struct_size;        /* sizeof(gattn_attention_args) */
  const gattn_tensor *q;     /* [batch, heads, n_f, dim] */
  const gattn_tensor *k;     /* [batch, kv_heads, n_kv, dim] */
  const gattn_tensor *v;     /* [batch, kv_heads, n_kv, dim_v] */
  const gattn_tensor *edge_values; /* [batch, heads, edges], float32, aligned
                              * with the row order of the frontier; only with a
                              * score that reads them; null otherwise */
  const double *scale;       /* null: 1/sqrt(dim) */
  const gattn_score *score;  /* null: identity */
  const gattn_tensor *o;     /* out: [batch, heads, n_f, dim_v] */
  const gattn_tensor *lse;   /* out, may be null: [batch, heads, n_f], float32 */
} gattn_attention_args;

/* For every vertex i of the frontier, head h and batch b, with N(i) the
 * neighbours of i in the graph:
 *
 *     s_ij  = score(scale · q_i·k_j)
 *     o_i   = Σ exp(s_ij) v_j / Σ exp(s_ij)          over j in N(i)
 *     lse_i = ln Σ exp(s_ij)
 *
 * A row without neighbours, or whose every score is −inf, gives o = 0 and
 * lse = −inf. float32, float16 or bfloat16; q, k, v and o of one type;
 * accumulation in float32. Query head h uses key head h / (heads/kv_heads).
 * o may be q itself (same data and strides); otherwise no output may share
 * memory with another operand (GATTN_ERROR_ARGUMENT).
 * Bitwise the same output for the same arguments and context, whatever the
 * number of threads.
 *
 * GATTN_ERROR_TYPE, GATTN_ERROR_SHAPE (also heads that do not divide),
 * GATTN_ERROR_STRIDE (an output with a zero stride), GATTN_ERROR_DUPLICATE (a
 * vertex twice in the frontier), GATTN_ERROR_ARGUMENT (a scale that is not
 * finite), GATTN_ERROR_CALLBACK (a generator broke its contract; o and lse are
 * then partly written), and those of tensors and scores. On a device it returns
 * when the work is done; GATTN_ERROR_DEVICE, GATTN_ERROR_UNSUPPORTED (a score
 * that is a function, or dimensions beyond 1024). */
GATTN_API gattn_status gattn_attention(gattn_context *context,
                                       gattn_graph *graph,
                                       gattn_frontier *frontier,
                                       const gattn_attention_args *args);

/* Merges two partial states of the same rows over disjoint sets of keys:
 *
 *     o = (e^lse_a·o_a + e^lse_b·o_b) / (e^lse_a + e^lse_b)
 *     lse = ln(e^lse_a + e^lse_b)
 *
 * Two empty states (−inf) merge to an empty one. o's of one shape and type
 * [batch, heads, rows, dim], lse's float32 [batch, heads, rows]; outputs may be
 * inputs. GATTN_ERROR_TYPE, GATTN_ERROR_SHAPE. */
GATTN_API gattn_status gattn_merge_states(
    gattn_context *context, const gattn_tensor *o_a, const gattn_tensor *lse_a,
    const gattn_tensor *o_b, const gattn_tensor *lse_b, const gattn_tensor *o,
    const gattn_tensor *lse);

GATTN_END_DECLS

#endif
