/* What might be tried on the CPU besides what the costs choose.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/terms.h"
#include "plan/hubs.h"
#include "plan/lower.h"

/* Predicted costs differ from times by less than this. */
static const double worth = 4;

typedef struct moving {
  const gattn_choice *choice;
  gattn_move *moves;
  int n;
} moving;

static void add_move(moving *moving, gattn_move move) {
  if (moving->n < GATTN_MOVES) moving->moves[moving->n++] = move;
}

/* Each way once, the cheapest first: candidates are sorted. */
static void add_term(gattn_context *context,
                     const gattn_attend_problem *problem,
                     const gattn_graph *term, int t, moving *moving) {
  gattn_candidate candidates[GATTN_CANDIDATES];
  const gattn_sample sample = gattn_sample_of(context, problem, term);
  const int n = gattn_candidates(
      &sample, gattn_may_renumber(problem, term), candidates);
  uint32_t seen = 1u << moving->choice->way[t];
  for (int c = 0; c < n; c++) {
    const gattn_way way = gattn_candidate_way(&candidates[c]);
    if (seen >> way & 1 || candidates[c].cost > worth * candidates[0].cost)
      continue;
    seen |= 1u << way;
    add_move(moving, (gattn_move){.term = t, .way = way});
  }
}

int gattn_cpu_moves(gattn_context *context, const gattn_attend_problem *problem,
                    gattn_graph *graph, const gattn_choice *choice,
                    gattn_move moves[GATTN_MOVES]) {
  gattn_graph *terms[GATTN_CHOICE_TERMS];
  const int32_t vector = (int32_t)gattn_kernels_for(context->isa)->vector;
  moving moving = {choice, moves, 0};
  int64_t n;
  if (gattn_terms(context, graph, GATTN_CHOICE_TERMS, terms, &n)) return 0;
  for (int64_t t = 0; t < n; t++) {
    if (n == choice->n_terms)
      add_term(context, problem, terms[t], (int)t, &moving);
    gattn_graph_release(terms[t]);
  }
  for (int32_t lanes = vector; lanes <= 2 * vector; lanes += vector)
    add_move(&moving, (gattn_move){.term = -1, .lanes = lanes});
  return moving.n;
}
