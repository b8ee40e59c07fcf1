/* Which numbering each closed form runs in, by the key tiles it would visit.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>

#include "masks/fixed.h"
#include "plan/device/lowering.h"

static const gattn_numbering linear = {.kind = GATTN_NUMBER_LINEAR};

static bool same_numbering(const gattn_numbering *a, const gattn_numbering *b) {
  return a->kind == b->kind && a->stride == b->stride &&
         a->grid_w == b->grid_w && a->grid_h == b->grid_h;
}

bool gattn_device_may_renumber(const gattn_device_lowering *lowering) {
  const gattn_attend_problem *problem = lowering->problem;
  return gattn_is_consecutive(problem->frontier) && !lowering->lowered->rows &&
         problem->n_f >= lowering->lowered->geometry.n_q / 2;
}

/* The numbering in which a term's edges are dense. */
gattn_numbering gattn_device_numbering(const gattn_device_lowering *lowering,
                                       const gattn_graph *term) {
  const gattn_shape shape = gattn_shape_of(term);
  const int64_t n_q = term->n_q, n_kv = term->n_kv;
  int64_t s, c;
  if (!gattn_device_may_renumber(lowering)) return linear;
  if (shape.form == GATTN_FORM_GRID && n_q == n_kv &&
      n_q == shape.grid_h * shape.grid_w)
    return (gattn_numbering){.kind = GATTN_NUMBER_PATCHES,
                             .grid_h = shape.grid_h,
                             .grid_w = shape.grid_w};
  if (gattn_tails_parameters(term, &s, &c) && s < n_q && s < n_kv)
    return (gattn_numbering){.kind = GATTN_NUMBER_CLASSES, .stride = s};
  if (shape.stride > 1 && shape.stride < n_q && shape.stride < n_kv)
    return (gattn_numbering){.kind = GATTN_NUMBER_CLASSES,
                             .stride = shape.stride};
  return linear;
}

/* The seconds of a pass over the graph; infinite without a formula. */
static double cost_of(const gattn_device_lowering *lowering,
                      const gattn_graph *graph,
                      const gattn_numbering *numbering) {
  gattn_formula_arrays arrays;
  gattn_tile_pass pass = gattn_device_pass(
      lowering, numbering, gattn_device_lanes(lowering, GATTN_TILE_KEYS));
  if (!gattn_key_formula_of(graph, &pass.formula, &arrays)) return INFINITY;
  const gattn_pass_measure measure =
      gattn_pass_measured(&lowering->lowered->geometry, &pass);
  return gattn_device_pass_seconds(lowering, &pass, false, &measure);
}

/* ------------------------------------------------------------ groups */

/* Adds a term to the group of its numbering; open where no formula holds the
 * two, or all groups are taken. */
static gattn_status add_to_group(gattn_device_lowering *lowering,
                                 const gattn_numbering *numbering, int t) {
  gattn_graph *term = lowering->closed[t];
  const uint32_t bit = 1u << lowering->closed_term[t];
  const gattn_open_term left = {term, bit, GATTN_WAY_ANY};
  gattn_formula formula;
  gattn_formula_arrays arrays;
  int g = 0;
  while (g < lowering->n_groups &&
         !same_numbering(&lowering->groups[g].numbering, numbering))
    g++;
  if (g == GATTN_DEVICE_GROUPS) {
    lowering->open[lowering->n_open++] = left;
    gattn_graph_retain(term);
    return GATTN_SUCCESS;
  }
  gattn_graph *both = g < lowering->n_groups
                          ? gattn_graph_retain(lowering->groups[g].graph)
                          : NULL;
  gattn_status status = gattn_unite(lowering->context, &both, term);
  if (status || !gattn_key_formula_of(both, &formula, &arrays)) {
    gattn_graph_release(both);
    if (status) return status;
    lowering->open[lowering->n_open++] = left;
    gattn_graph_retain(term);
    return GATTN_SUCCESS;
  }
  if (g == lowering->n_groups)
    lowering->groups[lowering->n_groups++].numbering = *numbering;
  else
    gattn_graph_release(lowering->groups[g].graph);
  lowering->groups[g].graph = both;
  lowering->groups[g].terms |= bit;
  return GATTN_SUCCESS;
}

/* All closed terms together; the whole, where there is nothing else, may be
 * simpler than its terms put together again. */
static gattn_status unite_closed(gattn_device_lowering *lowering,
                                 gattn_graph **all) {
  gattn_status status = GATTN_SUCCESS;
  *all = NULL;
  if (!lowering->n_open && !lowering->n_hubs) {
    *all = gattn_graph_retain(lowering->graph);
    return GATTN_SUCCESS;
  }
  for (int t = 0; t < lowering->n_closed && !status; t++)
    status = gattn_unite(lowering->context, all, lowering->closed[t]);
  if (status) {
    gattn_graph_release(*all);
    *all = NULL;
  }
  return status;
}

/* The cheapest numbering for all terms in one pass, and the cost of it. */
static double best_of_one(const gattn_device_lowering *lowering,
                          const gattn_graph *all,
                          const gattn_numbering *numberings,
                          gattn_numbering *best) {
  double least = cost_of(lowering, all, &linear);
  *best = linear;
  for (int t = 0; t < lowering->n_closed; t++) {
    if (numberings[t].kind == GATTN_NUMBER_LINEAR) continue;
    const double cost = cost_of(lowering, all, &numberings[t]);
    if (cost >= least) continue;
    least = cost;
    *best = numberings[t];
  }
  return least;
}

/* Each term in the better of its own numbering and the linear one: their cost
 * at most, for passes that share tiles visit them once. Passes between them
 * keep the rows' states. */
static double best_of_many(const gattn_device_lowering *lowering,
                           gattn_numbering *numberings) {
  double cost = 0;
  int passes = 0;
  for (int t = 0; t < lowering->n_closed; t++) {
    double least = cost_of(lowering, lowering->closed[t], &linear);
    if (numberings[t].kind != GATTN_NUMBER_LINEAR) {
      const double own = cost_of(lowering, lowering->closed[t], &numberings[t]);
      if (own < least)
        least = own;
      else
        numberings[t] = linear;
    }
    cost += least;
    int same = 0;
    while (same < t && !same_numbering(&numberings[same], &numberings[t]))
      same++;
    passes += same == t;
  }
  return cost + (passes - 1) * gattn_state_seconds(&lowering->costs,
                                                   &lowering->work);
}

/* Each term's numbering, where that is a choice at all. */
static gattn_status choose(gattn_device_lowering *lowering,
                           gattn_numbering *numberings) {
  gattn_graph *all;
  gattn_numbering one;
  gattn_status status = unite_closed(lowering, &all);
  if (status) return status;
  const double together = best_of_one(lowering, all, numberings, &one);
  gattn_graph_release(all);
  if (together <= best_of_many(lowering, numberings))
    for (int t = 0; t < lowering->n_closed; t++) numberings[t] = one;
  return GATTN_SUCCESS;
}

/* One group of all that there is takes the whole for its graph. */
static void take_the_whole(gattn_device_lowering *lowering) {
  gattn_formula formula;
  gattn_formula_arrays arrays;
  if (lowering->n_groups != 1 || lowering->n_open || lowering->n_hubs ||
      !gattn_key_formula_of(lowering->graph, &formula, &arrays))
    return;
  gattn_graph_release(lowering->groups[0].graph);
  lowering->groups[0].graph = gattn_graph_retain(lowering->graph);
}

/* What earlier groups own is taken from later ones. Tails in classes of their
 * own come first of all, so that their tiles stay whole. */
static int rank_of(const gattn_pass_group *group) {
  int64_t s, c;
  const bool classes = group->numbering.kind == GATTN_NUMBER_CLASSES;
  if (classes && gattn_tails_parameters(group->graph, &s, &c)) return 0;
  return group->numbering.kind == GATTN_NUMBER_LINEAR ? 1 : 2;
}

static void order_groups(gattn_device_lowering *lowering) {
  gattn_pass_group *groups = lowering->groups;
  for (int g = 1; g < lowering->n_groups; g++)
    for (int e = g; e > 0 && rank_of(&groups[e]) < rank_of(&groups[e - 1]);
         e--) {
      const gattn_pass_group later = groups[e - 1];
      groups[e - 1] = groups[e];
      groups[e] = later;
    }
}

/* The numbering that a chosen way means. */
static gattn_numbering numbering_by_way(const gattn_device_lowering *lowering,
                                        const gattn_numbering *numberings,
                                        int t) {
  if (lowering->closed_way[t] == GATTN_WAY_RENUMBERED) return numberings[t];
  if (lowering->closed_way[t] != GATTN_WAY_JOINED) return linear;
  for (int other = 0; other < lowering->n_closed; other++)
    if (lowering->closed_way[other] == GATTN_WAY_RENUMBERED &&
        numberings[other].kind != GATTN_NUMBER_LINEAR)
      return numberings[other];
  return linear;
}

gattn_way gattn_device_way_in(const gattn_device_lowering *lowering,
                              const gattn_graph *term,
                              const gattn_numbering *numbering) {
  const gattn_numbering own = gattn_device_numbering(lowering, term);
  if (numbering->kind == GATTN_NUMBER_LINEAR) return GATTN_WAY_BAND;
  return same_numbering(&own, numbering) ? GATTN_WAY_RENUMBERED
                                         : GATTN_WAY_JOINED;
}

static void follow_ways(const gattn_device_lowering *lowering,
                        gattn_numbering *numberings) {
  gattn_numbering chosen[GATTN_DEVICE_TERMS];
  for (int t = 0; t < lowering->n_closed; t++)
    chosen[t] = numbering_by_way(lowering, numberings, t);
  for (int t = 0; t < lowering->n_closed; t++) numberings[t] = chosen[t];
}

gattn_status gattn_device_arrange(gattn_device_lowering *lowering) {
  gattn_numbering numberings[GATTN_DEVICE_TERMS];
  bool open_to_choice = false, chosen = false;
  gattn_status status = GATTN_SUCCESS;
  for (int t = 0; t < lowering->n_closed; t++) {
    numberings[t] = gattn_device_numbering(lowering, lowering->closed[t]);
    open_to_choice |= numberings[t].kind != GATTN_NUMBER_LINEAR;
    chosen |= lowering->closed_way[t] != GATTN_WAY_ANY;
  }
  if (chosen)
    follow_ways(lowering, numberings);
  else if (open_to_choice)
    status = choose(lowering, numberings);
  for (int t = 0; t < lowering->n_closed && !status; t++)
    status = add_to_group(lowering, &numberings[t], t);
  if (status) return status;
  order_groups(lowering);
  take_the_whole(lowering);
  return GATTN_SUCCESS;
}
