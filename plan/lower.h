/* Lowering: cutting a mask into disjoint parts, each in its best form.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_LOWER_H
#define GATTN_PLAN_LOWER_H

#include "operators/attend/lowered.h"
#include "plan/attend.h"

/* Lowers one graph (no stack) for the problem's frontier and dimensions. On
 * failure *lowered is as before. */
gattn_status gattn_lower(gattn_context *context,
                         const gattn_attend_problem *problem,
                         gattn_graph *graph, gattn_lowered *lowered);
void gattn_lowered_clear(gattn_context *context, int64_t n_f,
                         gattn_lowered *lowered);

/* ------------------------------------------------------- costs (cost.c) */

/* A way to run a set of edges, and what sampled tiles say of it. */
typedef struct gattn_candidate {
  gattn_part_form form;
  gattn_part_order order;
  int64_t stride, lanes;
  int64_t grid_w, patch_h, patch_w;
  double density; /* edges for each key and lane visited; 1 for EDGES */
  double degree;  /* edges a row */
  double cost;    /* vector operations an edge */
} gattn_candidate;

/* Positions in order that a part's tiles fill best; and the most of a span
 * whose state, with values of dim_v, stays in the caches. */
int64_t gattn_candidate_span(const gattn_candidate *candidate);
int64_t gattn_longest_span(int64_t dim_v);

/* What the samples are taken from. */
typedef struct gattn_sample {
  const gattn_kernels *kernels;
  const gattn_graph *graph;
  const gattn_frontier *frontier; /* null: all */
  const int64_t *order;           /* null: none */
  int64_t n_f, n_kv, dim, dim_v;
} gattn_sample;

/* Fills density, degree and cost of a candidate. */
void gattn_candidate_measure(const gattn_sample *sample,
                             gattn_candidate *candidate);

/* The cheapest way to run the sample's edges. `renumbered` allows an order
 * other than the linear one. */
gattn_candidate gattn_candidate_best(const gattn_sample *sample,
                                     bool renumbered);

/* The cheaper of the two widths of linear tiles. */
gattn_candidate gattn_candidate_linear(const gattn_sample *sample);

#endif
