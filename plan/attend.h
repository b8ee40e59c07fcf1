/* Fused attention: the lowered form of advance → softmax → gather on one
 * graph and frontier. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_ATTEND_H
#define GATTN_PLAN_ATTEND_H

#include "frontier/frontier.h"
#include "lib/tensor.h"
#include "lib/text.h"
#include "masks/graph.h"
#include "plan/choice.h"

#include <gattn/attention.h>

/* What is known when planning. Shapes have been checked against each other. */
typedef struct gattn_attend_problem {
  gattn_graph *graph;       /* may be a per-head stack of `heads` graphs */
  gattn_frontier *frontier; /* null: all */
  gattn_type type;          /* of q, k, v, o */
  int64_t batch, heads, kv_heads;
  int64_t n_f;   /* frontier vertices */
  int64_t n_kv;
  int64_t dim, dim_v;
  float scale;
  gattn_score score; /* kind IDENTITY where there is none */
  bool edge_values;  /* whether executions bind edge values */
  gattn_planning planning;
} gattn_attend_problem;

/* A plan for it. Opaque; immutable; holds references to graph and frontier. */
typedef struct gattn_attend gattn_attend;
/* problem->planning says how much is to be tried: see gattn_plan_create. */
gattn_status gattn_attend_create(gattn_context *context,
                                 const gattn_attend_problem *problem,
                                 gattn_attend **attend);
void gattn_attend_destroy(gattn_attend *attend);

/* Bytes of workspace an execution needs, aligned to 64. */
size_t gattn_attend_workspace(const gattn_attend *attend);

/* The way of every term of its graph, or of the first head's of a stack;
 * n_terms = 0 where there was nothing to choose. */
gattn_choice gattn_attend_taken(const gattn_attend *attend);

/* Parts, forms, tiles, predicted bytes and operations, and alternatives. */
void gattn_attend_explain(const gattn_attend *attend, gattn_text *text);

/* Operands as checked views; edge_values.data and lse.data may be null. */
typedef struct gattn_attend_operands {
  gattn_view q, k, v, edge_values, o, lse;
} gattn_attend_operands;

/* Runs it. Allocates nothing. On a device workspace is the device's, and the
 * execution is put on `stream`, null for the context's; on the CPU it is done
 * on return, and stream is not read. GATTN_ERROR_CALLBACK,
 * GATTN_ERROR_CANCELLED, GATTN_ERROR_DEVICE. */
gattn_status gattn_attend_execute(const gattn_attend *attend,
                                  const gattn_attend_operands *operands,
                                  void *workspace, void *stream);

#endif
