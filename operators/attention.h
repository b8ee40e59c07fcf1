/* Attention's operands as the fused engine's problem.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_ATTENTION_H
#define GATTN_OPERATORS_ATTENTION_H

#include "operators/edges.h"
#include "plan/attend.h"

/* Fills all of *problem but scale, score and edge_values, from operands that
 * agree. */
static inline void gattn_attend_problem_of(const gattn_edges *edges,
                                           const gattn_view *q,
                                           const gattn_view *k,
                                           const gattn_view *v,
                                           gattn_attend_problem *problem) {
  problem->graph = edges->graph;
  problem->frontier = edges->frontier;
  problem->type = q->type;
  problem->batch = q->shape[0];
  problem->heads = q->shape[1];
  problem->kv_heads = k->shape[1];
  problem->n_f = edges->n_f;
  problem->n_kv = edges->n_kv;
  problem->dim = q->shape[3];
  problem->dim_v = v->shape[3];
}

#endif
