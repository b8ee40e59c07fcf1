/* The ways in which a set of edges could run on the device, and what each is
 * predicted to take. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>

#include "masks/count.h"
#include "masks/device_csr.h"
#include "masks/walk.h"
#include "plan/device/lowering.h"

enum { DEGREE_SAMPLES = 64, DEGREE_WORK = 1 << 12 };

/* ------------------------------------------------------------ degrees */

bool gattn_device_may_look(const gattn_device_lowering *lowering) {
  return !gattn_frontier_on_device(lowering->problem->frontier);
}

gattn_status gattn_device_survey(const gattn_device_lowering *lowering,
                                 const gattn_tile_pass *pass,
                                 gattn_graph *graph,
                                 gattn_tile_sample *sample) {
  return lowering->target->list_survey(
      lowering->context, lowering->problem->frontier,
      &lowering->lowered->geometry, pass, graph,
      gattn_device_dense(lowering, pass), sample);
}

/* The seconds of so many more key tiles in a list, and of so many edges. */
int64_t gattn_device_dense(const gattn_device_lowering *lowering,
                           const gattn_tile_pass *pass) {
  const gattn_pass_measure few = {.average = 100}, many = {.average = 200};
  const double pairs =
      (many.average - few.average) * (double)pass->n_tiles;
  const double edges = 1024 * (double)lowering->problem->n_f;
  if (pairs <= 0 || edges <= 0) return 1;
  const double pair =
      (gattn_device_pass_seconds(lowering, pass, true, &many) -
       gattn_device_pass_seconds(lowering, pass, true, &few)) / pairs;
  const double edge =
      gattn_edges_seconds(&lowering->costs, &lowering->work, edges) / edges;
  const double most = (double)pass->lanes * GATTN_TILE_KEYS;
  const double dense = ceil(pair / edge);
  return dense < 1 ? 1 : dense < most ? (int64_t)dense : (int64_t)most;
}

/* The degree of row i, or INFINITY. */
static double degree_of(const gattn_graph *graph, int64_t i) {
  int64_t degree;
  if (gattn_row_work(graph, i) <= DEGREE_WORK)
    return (double)gattn_degree(graph, i);
  return gattn_degree_expression(graph, i, &degree) ? (double)degree : INFINITY;
}

static int64_t sampled_vertex(const gattn_device_lowering *lowering,
                              const gattn_graph *graph, int64_t n,
                              int64_t s) {
  const gattn_frontier *frontier = lowering->problem->frontier;
  const int64_t at = (int64_t)((double)n * (2 * (double)s + 1) /
                               (2 * (double)DEGREE_SAMPLES));
  if (!frontier || gattn_frontier_on_device(frontier))
    return at < graph->n_q ? at : graph->n_q - 1;
  return gattn_frontier_vertex(frontier, at);
}

double gattn_device_degree(const gattn_device_lowering *lowering,
                           const gattn_graph *graph) {
  const int64_t n = lowering->problem->n_f;
  double sum = 0;
  if (n == 0 || graph->n_q == 0) return 0;
  if (gattn_is_device_csr(graph))
    return (double)gattn_device_csr_of(graph)->capacity / (double)graph->n_q;
  if (gattn_has_device_csr(graph)) return INFINITY;
  for (int64_t s = 0; s < DEGREE_SAMPLES && isfinite(sum); s++)
    sum += degree_of(graph, sampled_vertex(lowering, graph, n, s));
  return sum / DEGREE_SAMPLES;
}

/* ------------------------------------------------------------ candidates */

static gattn_rows_order order_of(const gattn_numbering *numbering) {
  switch (numbering->kind) {
    case GATTN_NUMBER_CLASSES:
      return GATTN_ROWS_CLASSES;
    case GATTN_NUMBER_PATCHES:
      return GATTN_ROWS_PATCHES;
    case GATTN_NUMBER_TABLE:
      return GATTN_ROWS_TABLE;
    default:
      return GATTN_ROWS_LINEAR;
  }
}

/* Whether tiles meet the formula only pair by pair: steps that are not the
 * classes' own. */
static bool is_pair_by_pair(const gattn_tile_pass *pass) {
  const bool classes = pass->numbering.kind == GATTN_NUMBER_CLASSES;
  for (int32_t a = 0; a < pass->formula.n_atoms; a++) {
    const gattn_key_atom *atom = &pass->formula.atoms[a];
    const bool steps = atom->kind == GATTN_KEYS_COMB ||
                       atom->kind == GATTN_KEYS_STRIDE ||
                       atom->kind == GATTN_KEYS_TAIL;
    if (steps && !(classes && atom->modulus == pass->numbering.stride))
      return true;
  }
  return false;
}

double gattn_device_pass_seconds(const gattn_device_lowering *lowering,
                                 const gattn_tile_pass *pass, bool listed,
                                 const gattn_pass_measure *measure) {
  const gattn_tile_work tiles = {.order = order_of(&pass->numbering),
                                 .lanes = pass->lanes,
                                 .pieces = pass->pieces,
                                 .tiles = (double)pass->n_tiles,
                                 .key_tiles = measure->average,
                                 .most = (double)measure->most,
                                 .listed = listed,
                                 .pair_by_pair =
                                     !listed && is_pair_by_pair(pass)};
  return gattn_tiles_seconds(&lowering->costs, &lowering->work, &tiles);
}

bool gattn_device_formula_candidate(const gattn_device_lowering *lowering,
                                    gattn_graph *graph,
                                    const gattn_numbering *numbering,
                                    gattn_device_candidate *candidate) {
  gattn_formula formula;
  gattn_formula_arrays arrays;
  if (!gattn_key_formula_of(graph, &formula, &arrays)) return false;
  gattn_tile_pass pass =
      gattn_device_pass(lowering, numbering,
                        gattn_device_formula_lanes(lowering, numbering,
                                                   &formula));
  pass.formula = formula;
  const gattn_pass_measure measure =
      gattn_pass_measured(&lowering->lowered->geometry, &pass);
  pass.pieces = gattn_device_pieces(lowering, &pass, measure.most);
  *candidate = (gattn_device_candidate){
      .way = numbering->kind == GATTN_NUMBER_LINEAR ? GATTN_WAY_BAND
                                                    : GATTN_WAY_RENUMBERED,
      .numbering = *numbering,
      .lanes = pass.lanes,
      .seconds = gattn_device_pass_seconds(lowering, &pass, false, &measure)};
  return true;
}

gattn_status gattn_device_list_candidate(const gattn_device_lowering *lowering,
                                         gattn_graph *graph,
                                         const gattn_numbering *numbering,
                                         gattn_device_candidate *candidate,
                                         gattn_tile_sample *out) {
  enum { ENTRY = 12 }; /* bytes: a key tile and its word, patterns aside */
  gattn_tile_sample sample = {0};
  gattn_tile_pass pass = gattn_device_pass(
      lowering, numbering, gattn_device_lanes(lowering, GATTN_TILE_KEYS));
  gattn_status status = gattn_device_survey(lowering, &pass, graph, &sample);
  if (status) return status;
  const gattn_pass_measure measure = {.average = sample.key_tiles};
  pass.pieces = gattn_device_pieces(lowering, &pass, (int64_t)measure.average);
  *candidate = (gattn_device_candidate){
      .way = numbering->kind == GATTN_NUMBER_LINEAR ? GATTN_WAY_LIST
                                                    : GATTN_WAY_RENUMBERED,
      .numbering = *numbering,
      .lanes = pass.lanes,
      .seconds = gattn_device_pass_seconds(lowering, &pass, true, &measure),
      .bytes = (double)pass.n_tiles * (8 + ENTRY * measure.average)};
  if (out) *out = sample;
  return GATTN_SUCCESS;
}

gattn_device_candidate gattn_device_edges_candidate(
    const gattn_device_lowering *lowering, double degree) {
  const double edges = degree * (double)lowering->problem->n_f;
  return (gattn_device_candidate){
      .way = GATTN_WAY_EDGES,
      .seconds =
          gattn_edges_seconds(&lowering->costs, &lowering->work, edges),
      .bytes = gattn_edges_bytes(&lowering->work, edges)};
}

/* Keeps the least first; what takes for ever is no candidate. */
static void insert(gattn_device_candidate *candidates, int *n,
                   const gattn_device_candidate *candidate) {
  if (!isfinite(candidate->seconds)) return;
  int at = (*n)++;
  for (; at > 0 && candidates[at - 1].seconds > candidate->seconds; at--)
    candidates[at] = candidates[at - 1];
  candidates[at] = *candidate;
}

int gattn_device_candidates(const gattn_device_lowering *lowering,
                            gattn_graph *graph,
                            gattn_device_candidate *candidates) {
  static const gattn_numbering linear = {.kind = GATTN_NUMBER_LINEAR};
  gattn_device_candidate candidate;
  gattn_tile_sample sample = {0};
  int n = 0;
  if (gattn_device_lanes(lowering, 0)) {
    const gattn_numbering own = gattn_device_numbering(lowering, graph);
    if (gattn_device_formula_candidate(lowering, graph, &linear, &candidate))
      insert(candidates, &n, &candidate);
    if (own.kind != GATTN_NUMBER_LINEAR &&
        gattn_device_formula_candidate(lowering, graph, &own, &candidate))
      insert(candidates, &n, &candidate);
    if (gattn_device_may_look(lowering) &&
        !gattn_device_list_candidate(lowering, graph, &linear, &candidate,
                                     &sample))
      insert(candidates, &n, &candidate);
  }
  const double degree =
      gattn_has_device_csr(graph) && sample.rows > 0
          ? sample.edges / sample.rows
          : gattn_device_degree(lowering, graph);
  candidate = gattn_device_edges_candidate(lowering, degree);
  insert(candidates, &n, &candidate);
  return n;
}
