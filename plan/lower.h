/* Lowering: cutting a mask into disjoint parts, each in its best form.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_LOWER_H
#define GATTN_PLAN_LOWER_H

#include "operators/attend/lowered.h"
#include "plan/attend.h"

/* Lowers one graph (no stack) for the problem's frontier and dimensions. *taken
 * is the way of every term; lowering by it does the same. n_terms = 0 where
 * there is one way. On failure nothing is written. */
gattn_status gattn_lower(gattn_context *context,
                         const gattn_attend_problem *problem,
                         gattn_graph *graph, gattn_lowered *lowered,
                         gattn_choice *taken);
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

gattn_way gattn_candidate_way(const gattn_candidate *candidate);

/* The ways to run the sample's edges, the cheapest first, linear tiles among
 * them. `renumbered` allows an order other than the linear one. Returns their
 * number. */
enum { GATTN_CANDIDATES = 5 };
int gattn_candidates(const gattn_sample *sample, bool renumbered,
                     gattn_candidate candidates[GATTN_CANDIDATES]);

/* The cheapest; of those of a way and of so many lanes, where there are any.
 * GATTN_WAY_ANY and 0 leave it open. */
gattn_candidate gattn_candidate_best(const gattn_sample *sample,
                                     bool renumbered, gattn_way way,
                                     int64_t lanes);

/* The sample of a problem, without frontier order. */
gattn_sample gattn_sample_of(const gattn_context *context,
                             const gattn_attend_problem *problem,
                             const gattn_graph *graph);

/* Whether tiles of the graph may have an order of their own. */
bool gattn_may_renumber(const gattn_attend_problem *problem,
                        const gattn_graph *graph);

/* ------------------------------------------------------- moves (moves.c) */

/* What of the choice might be better otherwise, the most promising first.
 * Returns their number. */
int gattn_cpu_moves(gattn_context *context, const gattn_attend_problem *problem,
                    gattn_graph *graph, const gattn_choice *choice,
                    gattn_move moves[GATTN_MOVES]);

#endif
