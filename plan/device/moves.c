/* What might be tried on a device besides what the costs choose.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>

#include "plan/device/lowering.h"
#include "plan/device/moves.h"

/* Predictions differ from times by less than this. */
static const double worth = 4;

/* What a plan may keep of edges and lists, of the device's memory: operands are
 * there, too. */
static const double share_of_memory = 0.25;

typedef struct moving {
  const gattn_device_lowering *lowering;
  const gattn_choice *choice;
  double most_bytes;
  gattn_move *moves;
  int n;
} moving;

static void add_move(moving *moving, gattn_move move) {
  if (moving->n < GATTN_MOVES) moving->moves[moving->n++] = move;
}

/* A term that is stored anyhow may be split, whatever is predicted of it. */
static void add_split(moving *moving, gattn_graph *term, int t) {
  gattn_formula formula;
  gattn_formula_arrays arrays;
  const gattn_way way = (gattn_way)moving->choice->way[t];
  if ((way == GATTN_WAY_LIST || way == GATTN_WAY_EDGES) &&
      gattn_device_may_look(moving->lowering) &&
      !gattn_key_formula_of(term, &formula, &arrays))
    add_move(moving, (gattn_move){.term = t, .way = GATTN_WAY_SPLIT});
}

/* Other terms' classes or patches, which this one may join. */
static gattn_numbering numbering_of_others(const moving *moving,
                                           gattn_graph *const *terms,
                                           int64_t n) {
  gattn_numbering numbering = {.kind = GATTN_NUMBER_LINEAR};
  for (int64_t t = 0; t < n && numbering.kind == GATTN_NUMBER_LINEAR; t++)
    numbering = gattn_device_numbering(moving->lowering, terms[t]);
  return numbering;
}

/* Whole rows beside all others, as any other pass has them. */
static void add_hub_term(moving *moving, int t) {
  add_move(moving, (gattn_move){.term = t, .way = GATTN_WAY_BAND});
}

static void add_ways(moving *moving, const gattn_device_candidate *candidates,
                     int n, int t) {
  uint32_t seen = 1u << moving->choice->way[t];
  for (int c = 0; c < n; c++) {
    const gattn_way way = candidates[c].way;
    if (seen >> way & 1 || candidates[c].bytes > moving->most_bytes ||
        candidates[c].seconds > worth * candidates[0].seconds)
      continue;
    seen |= 1u << way;
    add_move(moving, (gattn_move){.term = t, .way = way});
  }
}

static void add_term(moving *moving, gattn_graph *const *terms, int64_t n,
                     int t) {
  gattn_device_candidate candidates[GATTN_DEVICE_CANDIDATES], joined;
  if (moving->choice->way[t] == GATTN_WAY_HUBS) {
    add_hub_term(moving, t);
    return;
  }
  const int count =
      gattn_device_candidates(moving->lowering, terms[t], candidates);
  add_ways(moving, candidates, count, t);
  add_split(moving, terms[t], t);
  const gattn_numbering others = numbering_of_others(moving, terms, n);
  if (others.kind == GATTN_NUMBER_LINEAR ||
      gattn_device_numbering(moving->lowering, terms[t]).kind !=
          GATTN_NUMBER_LINEAR ||
      !gattn_device_formula_candidate(moving->lowering, terms[t], &others,
                                      &joined))
    return;
  joined.way = GATTN_WAY_JOINED;
  if (joined.seconds <= worth * candidates[0].seconds)
    add_ways(moving, &joined, 1, t);
}

static void add_terms(moving *moving) {
  gattn_graph *terms[GATTN_DEVICE_TERMS];
  int64_t n;
  if (gattn_device_terms(moving->lowering, terms, &n)) return;
  for (int64_t t = 0; t < n && n == moving->choice->n_terms; t++)
    add_term(moving, terms, n, (int)t);
  for (int64_t t = 0; t < n; t++) gattn_graph_release(terms[t]);
}

static void add_widths(moving *moving) {
  static const int32_t widths[] = {64, 128};
  const gattn_attend_problem *problem = moving->lowering->problem;
  const int32_t most = moving->lowering->target->tile_lanes(
      (int32_t)problem->type, problem->dim, problem->dim_v, INFINITY);
  for (int w = 0; w < 2 && most > widths[0]; w++)
    add_move(moving, (gattn_move){.term = -1, .lanes = widths[w]});
}

/* Where tiles do not fill the device, into how many pieces keys are cut. */
static void add_pieces(moving *moving) {
  static const int32_t pieces[] = {1, 4, 16, 64, 256};
  for (int p = 0; p < 5 && moving->lowering->few; p++)
    add_move(moving, (gattn_move){.term = -1, .pieces = pieces[p]});
}

int gattn_device_moves(gattn_context *context,
                       const gattn_attend_problem *problem,
                       const gattn_device_target *target,
                       double memory_bytes, gattn_graph *graph,
                       const gattn_choice *choice,
                       gattn_move moves[GATTN_MOVES]) {
  gattn_device_lowered lowered = {
      .geometry = gattn_device_geometry(problem, graph)};
  const gattn_device_lowering lowering = gattn_device_lowering_of(
      context, problem, target, graph, problem->heads, &lowered);
  const double bound = (double)problem->planning.effort_bytes;
  moving moving = {.lowering = &lowering,
                   .choice = choice,
                   .most_bytes = share_of_memory * memory_bytes,
                   .moves = moves};
  if (bound && bound < moving.most_bytes) moving.most_bytes = bound;
  add_terms(&moving);
  add_widths(&moving);
  add_pieces(&moving);
  return moving.n;
}
