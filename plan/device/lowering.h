/* The state of one lowering for the device. SPDX-License-Identifier: Apache-2.0
 */
#ifndef GATTN_PLAN_DEVICE_LOWERING_H
#define GATTN_PLAN_DEVICE_LOWERING_H

#include "plan/device/cost.h"
#include "plan/device/lowered.h"

enum {
  GATTN_DEVICE_TERMS = 16, /* a union of more is lowered as one graph */
  GATTN_DEVICE_GROUPS = 5, /* numberings of closed forms */
  GATTN_DEVICE_OPEN = GATTN_DEVICE_TERMS + GATTN_DEVICE_GROUPS
};

/* Terms that one pass runs by their formula. */
typedef struct gattn_pass_group {
  gattn_numbering numbering;
  gattn_graph *graph; /* a reference */
  uint32_t terms;     /* bit t: the mask's term t is in it */
} gattn_pass_group;

/* A term, or what became of a group of them. */
typedef struct gattn_open_term {
  gattn_graph *graph; /* a reference */
  uint32_t terms;     /* as of a group */
  gattn_way way;      /* that it is to run in */
} gattn_open_term;

typedef struct gattn_device_lowering {
  gattn_context *context;
  const gattn_attend_problem *problem;
  const gattn_device_target *target;
  gattn_graph *graph; /* the whole */
  int64_t heads;      /* of one launch */
  bool few;           /* tiles do not fill the device: keys are cut up */
  gattn_device_costs costs;
  gattn_work work;
  gattn_device_lowered *lowered;

  /* References. */
  int n_closed, n_open, n_hubs, n_groups;
  gattn_graph *closed[GATTN_DEVICE_TERMS];
  int closed_term[GATTN_DEVICE_TERMS]; /* which of the mask's terms it is */
  gattn_way closed_way[GATTN_DEVICE_TERMS];
  gattn_graph *hubs[GATTN_DEVICE_TERMS];
  gattn_open_term open[GATTN_DEVICE_OPEN]; /* no formula, or none that pays */
  gattn_pass_group groups[GATTN_DEVICE_GROUPS]; /* in their passes' order */
  gattn_graph *earlier; /* what the parts made so far own */
} gattn_device_lowering;

/* A pass without edges yet, over the frontier's rows. */
gattn_tile_pass gattn_device_pass(const gattn_device_lowering *lowering,
                                  const gattn_numbering *numbering,
                                  int32_t lanes);

/* Lanes for windows of about `degree` keys: of a pass over so many rows; of one
 * over the frontier. */
int32_t gattn_device_lanes_for(const gattn_device_lowering *lowering,
                               int64_t rows, double degree);
int32_t gattn_device_lanes(const gattn_device_lowering *lowering,
                           double degree);

/* Pieces for the query tiles of a pass of which the longest visits `most` key
 * tiles. */
int32_t gattn_device_pieces(const gattn_device_lowering *lowering,
                            const gattn_tile_pass *pass, int64_t most);

/* The numbering in which a term's edges are dense: LINEAR, CLASSES or PATCHES
 * (arrange.c). */
gattn_numbering gattn_device_numbering(const gattn_device_lowering *lowering,
                                       const gattn_graph *term);

/* The way of a closed term in a numbering: band, renumbered or joined. */
gattn_way gattn_device_way_in(const gattn_device_lowering *lowering,
                              const gattn_graph *term,
                              const gattn_numbering *numbering);

/* The predicted seconds of a pass whose query tiles visit so many key tiles. */
double gattn_device_pass_seconds(const gattn_device_lowering *lowering,
                                 const gattn_tile_pass *pass, bool listed,
                                 const gattn_pass_measure *measure);

/* Sizes, begin and vertices (host) of a problem on one graph. */
gattn_device_attention gattn_device_geometry(
    const gattn_attend_problem *problem, const gattn_graph *graph);

/* A state for lowering the problem, with nothing lowered yet; *lowered has the
 * geometry. */
gattn_device_lowering gattn_device_lowering_of(
    gattn_context *context, const gattn_attend_problem *problem,
    const gattn_device_target *target, gattn_graph *graph, int64_t heads,
    gattn_device_lowered *lowered);

/* Notes that all of `terms` run in a way. */
void gattn_device_take(gattn_device_lowering *lowering, uint32_t terms,
                       gattn_way way);

/* ------------------------------------------------ candidates (candidates.c) */

/* A way to run a set of edges, and what that is predicted to take. */
typedef struct gattn_device_candidate {
  gattn_way way;
  gattn_numbering numbering;
  int32_t lanes;
  double seconds;
  double bytes; /* that the plan keeps */
} gattn_device_candidate;

/* Edges a row on average, from closed forms or a sample; INFINITY where only
 * walking too long would tell. */
double gattn_device_degree(const gattn_device_lowering *lowering,
                           const gattn_graph *graph);

/* Whether lists can be looked at and made: only the device knows the rows of a
 * frontier of its own, and only when they run. */
bool gattn_device_may_look(const gattn_device_lowering *lowering);

/* The edges of a query tile and a key tile from which on the tile takes no more
 * time than the edges one by one. */
int64_t gattn_device_dense(const gattn_device_lowering *lowering,
                           const gattn_tile_pass *pass);

/* The target's list_survey of the frontier's rows. */
gattn_status gattn_device_survey(const gattn_device_lowering *lowering,
                                 const gattn_tile_pass *pass,
                                 gattn_graph *graph,
                                 gattn_tile_sample *sample);

/* Lanes for a formula, from what it visits with some other number of them
 * (parts.c). */
int32_t gattn_device_formula_lanes(const gattn_device_lowering *lowering,
                                   const gattn_numbering *numbering,
                                   const gattn_formula *formula);

/* A formula in a numbering; false where the graph has none. */
bool gattn_device_formula_candidate(const gattn_device_lowering *lowering,
                                    gattn_graph *graph,
                                    const gattn_numbering *numbering,
                                    gattn_device_candidate *candidate);
/* *sample, where it is wanted, is what the list's prediction comes from. */
gattn_status gattn_device_list_candidate(const gattn_device_lowering *lowering,
                                         gattn_graph *graph,
                                         const gattn_numbering *numbering,
                                         gattn_device_candidate *candidate,
                                         gattn_tile_sample *sample);
gattn_device_candidate gattn_device_edges_candidate(
    const gattn_device_lowering *lowering, double degree);

/* All of them, the least seconds first; returns their number. */
enum { GATTN_DEVICE_CANDIDATES = 4 };
int gattn_device_candidates(const gattn_device_lowering *lowering,
                            gattn_graph *graph,
                            gattn_device_candidate *candidates);

/* The mask's terms, terms[GATTN_DEVICE_TERMS], each a reference of the
 * caller's. */
gattn_status gattn_device_terms(const gattn_device_lowering *lowering,
                                gattn_graph **terms, int64_t *n);

/* Numberings other than the linear one have tiles of vertices from everywhere,
 * which pays if most of those are in the frontier. */
bool gattn_device_may_renumber(const gattn_device_lowering *lowering);

/* Puts the closed terms into groups (arrange.c); terms for which no formula
 * pays become open. */
gattn_status gattn_device_arrange(gattn_device_lowering *lowering);

/* Parts for the groups, then for the open terms (parts.c). */
gattn_status gattn_device_make_parts(gattn_device_lowering *lowering);

#endif
