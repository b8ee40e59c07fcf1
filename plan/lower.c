/* Lowering: cutting a mask into disjoint parts. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/lower.h"

#include "masks/terms.h"
#include "plan/hubs.h"

enum {
  TERMS_MAX = GATTN_CHOICE_TERMS, /* a union of more is lowered as one graph */
  PIECE_KEYS = 2048, /* the least of a piece */
  PIECES_MAX = 64,
  FEW_TILES = 32     /* a problem of fewer tiles is split along the keys */
};

/* ------------------------------------------------------------ groups of terms */

/* Terms of the union that run together. */
typedef struct group {
  gattn_candidate candidate;
  gattn_graph *graph; /* the union of its terms; a reference */
} group;

typedef struct lowering {
  gattn_context *context;
  const gattn_attend_problem *problem;
  gattn_lowered *lowered;
  gattn_choice taken;
  int64_t n_groups;
  group groups[GATTN_PARTS_MAX];
} lowering;

gattn_sample gattn_sample_of(const gattn_context *context,
                             const gattn_attend_problem *problem,
                             const gattn_graph *graph) {
  return (gattn_sample){.kernels = gattn_kernels_for(context->isa),
                        .graph = graph,
                        .frontier = problem->frontier,
                        .n_f = problem->n_f,
                        .n_kv = problem->n_kv,
                        .dim = problem->dim,
                        .dim_v = problem->dim_v};
}

static gattn_sample sample_of(const lowering *lowering,
                              const gattn_graph *graph) {
  gattn_sample sample =
      gattn_sample_of(lowering->context, lowering->problem, graph);
  sample.order = lowering->lowered->order;
  return sample;
}

/* Patches need all the rows of their grid. */
bool gattn_may_renumber(const gattn_attend_problem *problem,
                        const gattn_graph *graph) {
  return gattn_shape_of(graph).form == GATTN_FORM_GRID
             ? gattn_is_everything(problem)
             : gattn_is_consecutive(problem->frontier);
}

/* Terms go together when one pass can visit them: linear tiles and patches of
 * one grid, classes of one stride, edge lists. */
static bool same_pass(const gattn_candidate *a, const gattn_candidate *b) {
  if (a->form != b->form) return false;
  if (a->form == GATTN_PART_EDGES) return true;
  if (a->stride != b->stride) return false;
  bool classes_a = a->order == GATTN_ORDER_CLASSES;
  bool classes_b = b->order == GATTN_ORDER_CLASSES;
  bool patches = a->order == GATTN_ORDER_PATCHES &&
                 b->order == GATTN_ORDER_PATCHES;
  return classes_a == classes_b && (!patches || a->grid_w == b->grid_w);
}

/* Adds a term to the group of its pass. Where there is no room for another
 * group the last one takes the term too, as linear tiles: that form can run
 * every graph. */
static gattn_status add_term(lowering *lowering, gattn_graph *term,
                             const gattn_candidate *candidate) {
  int64_t g = 0;
  while (g < lowering->n_groups &&
         !same_pass(&lowering->groups[g].candidate, candidate))
    g++;
  if (g == GATTN_PARTS_MAX) {
    g--;
    lowering->groups[g].candidate = (gattn_candidate){.stride = 1};
  } else if (g == lowering->n_groups) {
    lowering->groups[g] = (group){.candidate = *candidate};
    lowering->n_groups++;
  }
  if (candidate->order == GATTN_ORDER_PATCHES)
    lowering->groups[g].candidate = *candidate;
  return gattn_unite(lowering->context, &lowering->groups[g].graph, term);
}

/* ------------------------------------------------------------ split rows */

static int64_t pieces(int64_t n_kv) {
  int64_t splits = (n_kv + PIECE_KEYS - 1) / PIECE_KEYS;
  return splits < 1 ? 1 : splits > PIECES_MAX ? PIECES_MAX : splits;
}

static gattn_status split_hubs(lowering *lowering, gattn_graph *const *hubs,
                               int64_t n_hubs) {
  gattn_lowered *lowered = lowering->lowered;
  gattn_hubs made;
  gattn_status status = gattn_hubs_make(lowering->context, lowering->problem,
                                        hubs, n_hubs, &made);
  if (status) return status;
  lowered->split_vertices = made.vertices;
  lowered->n_split_ranges = made.n_ranges;
  lowered->split_capacity = made.capacity;
  lowered->split_positions = made.positions;
  lowered->n_split = made.count;
  lowered->splits = made.count ? pieces(lowering->problem->n_kv) : 0;
  return GATTN_SUCCESS;
}

/* ------------------------------------------------------------ parts */

/* A group's graph less what earlier groups own. One group that has all terms
 * is the whole, which may be simpler than its terms put together again. */
static gattn_status own_edges(lowering *lowering, int64_t g,
                              gattn_graph *earlier, gattn_graph **out) {
  gattn_graph *graph = lowering->groups[g].graph;
  if (earlier)
    return gattn_graph_difference(lowering->context, graph, earlier, out);
  if (lowering->n_groups == 1 && lowering->lowered->n_split_ranges == 0)
    graph = lowering->lowered->graph;
  *out = gattn_graph_retain(graph);
  return GATTN_SUCCESS;
}

static gattn_status make_part(lowering *lowering, int64_t g,
                              gattn_graph *earlier) {
  gattn_lowered *lowered = lowering->lowered;
  gattn_part *part = lowered->parts + lowered->n_parts;
  gattn_candidate candidate = lowering->groups[g].candidate;
  gattn_graph *graph;
  gattn_status status = own_edges(lowering, g, earlier, &graph);
  if (status) return status;
  gattn_sample sample = sample_of(lowering, graph);
  if (candidate.form == GATTN_PART_TILES &&
      candidate.order == GATTN_ORDER_LINEAR)
    candidate =
        gattn_candidate_best(&sample, false, GATTN_WAY_BAND,
                             lowering->problem->planning.choice.lanes);
  else
    gattn_candidate_measure(&sample, &candidate);
  *part = (gattn_part){.form = candidate.form,
                       .order = candidate.order,
                       .graph = graph,
                       .stride = candidate.stride,
                       .lanes = candidate.lanes,
                       .grid_w = candidate.grid_w,
                       .patch_h = candidate.patch_h,
                       .patch_w = candidate.patch_w,
                       .density = candidate.form == GATTN_PART_EDGES
                                      ? 1 : candidate.density,
                       .degree = candidate.degree,
                       .cost = candidate.cost};
  lowered->n_parts++;
  const int64_t span = gattn_candidate_span(&candidate);
  if (span > lowered->span) lowered->span = span;
  return GATTN_SUCCESS;
}

/* Dense passes first: what they own, the edge lists need not visit. */
static int pass_rank(const gattn_candidate *candidate) {
  if (candidate->form == GATTN_PART_EDGES) return 2;
  return candidate->order == GATTN_ORDER_CLASSES;
}

static gattn_status make_parts(lowering *lowering) {
  gattn_graph *earlier = NULL;
  gattn_status status = GATTN_SUCCESS;
  for (int rank = 0; rank <= 2 && !status; rank++)
    for (int64_t g = 0; g < lowering->n_groups && !status; g++) {
      if (pass_rank(&lowering->groups[g].candidate) != rank) continue;
      status = make_part(lowering, g, earlier);
      if (!status && lowering->lowered->n_parts < lowering->n_groups)
        status = gattn_unite(lowering->context, &earlier,
                             lowering->groups[g].graph);
    }
  gattn_graph_release(earlier);
  return status;
}

static void choose_span(const gattn_attend_problem *problem,
                        gattn_lowered *lowered) {
  const int64_t most = gattn_longest_span(problem->dim_v);
  const int64_t lanes = GATTN_TILE_LANES;
  int64_t span = lowered->span;
  if (span > most) span = most;
  if (span > problem->n_f) span = problem->n_f;
  lowered->span = span > lanes ? (span + lanes - 1) / lanes * lanes : lanes;
}

/* ------------------------------------------------------------ the whole */

/* A problem of few tiles and long rows: a decode step. */
static bool few_rows(const lowering *lowering) {
  const gattn_attend_problem *problem = lowering->problem;
  const int64_t tiles =
      (problem->n_f + GATTN_TILE_LANES - 1) / GATTN_TILE_LANES;
  if (tiles >= FEW_TILES || problem->batch >= FEW_TILES ||
      problem->heads >= FEW_TILES ||
      tiles * problem->batch * problem->heads >= FEW_TILES)
    return false;
  gattn_sample sample = sample_of(lowering, lowering->lowered->graph);
  gattn_candidate candidate = {.stride = 1};
  gattn_candidate_measure(&sample, &candidate);
  return candidate.degree >= PIECE_KEYS / 2;
}

/* Finds each term its group, or puts it among the hubs. */
static gattn_status sort_terms(lowering *lowering, gattn_graph *const *terms,
                               int64_t n) {
  gattn_graph *hubs[TERMS_MAX];
  const gattn_choice *choice = &lowering->problem->planning.choice;
  int64_t n_hubs = 0, rows_left = GATTN_HUB_ROWS;
  lowering->taken = (gattn_choice){.n_terms = (int32_t)n,
                                   .lanes = choice->lanes,
                                   .pieces = choice->pieces};
  for (int64_t t = 0; t < n; t++) {
    gattn_shape shape = gattn_shape_of(terms[t]);
    const gattn_way way = gattn_choice_way(choice, n, t);
    if ((way == GATTN_WAY_ANY || way == GATTN_WAY_HUBS) &&
        gattn_is_hub(lowering->problem, &shape, &rows_left)) {
      hubs[n_hubs++] = terms[t];
      lowering->taken.way[t] = GATTN_WAY_HUBS;
      continue;
    }
    gattn_sample sample = sample_of(lowering, terms[t]);
    const bool renumbered = !lowering->lowered->order &&
                            gattn_may_renumber(lowering->problem, terms[t]);
    const gattn_candidate best =
        gattn_candidate_best(&sample, renumbered, way, choice->lanes);
    lowering->taken.way[t] =
        (int8_t)(lowering->lowered->order && best.form == GATTN_PART_TILES
                     ? GATTN_WAY_RENUMBERED
                     : gattn_candidate_way(&best));
    gattn_status status = add_term(lowering, terms[t], &best);
    if (status) return status;
  }
  return split_hubs(lowering, hubs, n_hubs);
}

static gattn_status group_terms(lowering *lowering) {
  gattn_graph *terms[TERMS_MAX];
  gattn_lowered *lowered = lowering->lowered;
  int64_t n;
  gattn_status status = gattn_terms(lowering->context, lowered->graph,
                                    TERMS_MAX, terms, &n);
  if (status) return status;
  gattn_shape whole = gattn_shape_of(lowered->graph);
  const gattn_way way =
      gattn_choice_way(&lowering->problem->planning.choice, n, 0);
  if (whole.form == GATTN_FORM_BUCKETS && way != GATTN_WAY_BAND &&
      way != GATTN_WAY_EDGES && gattn_is_everything(lowering->problem))
    lowered->order = whole.order;
  status = sort_terms(lowering, terms, n);
  for (int64_t t = 0; t < n; t++) gattn_graph_release(terms[t]);
  return status;
}

/* The degree of a row by its edges: a user's generator may say otherwise. */
static int64_t walked_degree(const gattn_graph *graph, int64_t i) {
  enum { CHUNK = 64 };
  gattn_run runs[CHUNK];
  int64_t degree = 0;
  for (int64_t lo = 0; lo < graph->n_kv;) {
    int64_t n = gattn_runs(graph, i, 1, lo, graph->n_kv, runs, CHUNK, &lo);
    for (int64_t r = 0; r < n; r++) degree += runs[r].end - runs[r].begin;
  }
  return degree;
}

/* Degrees place edge values, so those that a callback has a part in are held
 * against the edges. */
static gattn_status check_degree(gattn_context *context,
                                 const gattn_graph *graph, int64_t i,
                                 int64_t degree) {
  if (!graph->class_->broken || walked_degree(graph, i) == degree)
    return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_CALLBACK,
                    "graph: row %lld has other edges than its degree of %lld "
                    "says",
                    (long long)i, (long long)degree);
}

/* The first edge of each position, for scores that read edge values. */
static gattn_status number_edges(lowering *lowering) {
  const gattn_attend_problem *problem = lowering->problem;
  gattn_lowered *lowered = lowering->lowered;
  gattn_status status = gattn_allocate(
      lowering->context, "edge offsets", problem->n_f + 1,
      sizeof *lowered->offsets, (void **)&lowered->offsets);
  if (status) return status;
  int64_t sum = 0;
  for (int64_t p = 0; p < problem->n_f; p++) {
    lowered->offsets[p] = sum;
    int64_t vertex =
        problem->frontier ? gattn_frontier_vertex(problem->frontier, p) : p;
    int64_t degree = gattn_degree(lowered->graph, vertex);
    status = check_degree(lowering->context, lowered->graph, vertex, degree);
    if (status) return status;
    sum += degree;
  }
  lowered->offsets[problem->n_f] = sum;
  gattn_candidate rows = {.form = GATTN_PART_EDGES, .stride = 1};
  return add_term(lowering, lowered->graph, &rows);
}

static gattn_status lower(lowering *lowering) {
  gattn_lowered *lowered = lowering->lowered;
  gattn_status status;
  if (lowering->problem->edge_values) {
    status = number_edges(lowering);
  } else if (few_rows(lowering)) {
    lowered->n_split = lowering->problem->n_f;
    lowered->splits = pieces(lowering->problem->n_kv);
    return GATTN_SUCCESS;
  } else {
    status = group_terms(lowering);
  }
  if (!status) status = make_parts(lowering);
  if (!status) choose_span(lowering->problem, lowered);
  return status;
}

gattn_status gattn_lower(gattn_context *context,
                         const gattn_attend_problem *problem,
                         gattn_graph *graph, gattn_lowered *out,
                         gattn_choice *taken) {
  gattn_lowered lowered = {.span = GATTN_TILE_LANES};
  lowering lowering = {.context = context,
                       .problem = problem,
                       .lowered = &lowered};
  lowered.graph = gattn_graph_retain(graph);
  gattn_status status = lower(&lowering);
  for (int64_t g = 0; g < lowering.n_groups; g++)
    gattn_graph_release(lowering.groups[g].graph);
  if (status) {
    gattn_lowered_clear(context, problem->n_f, &lowered);
    return status;
  }
  *out = lowered;
  *taken = lowering.taken;
  return GATTN_SUCCESS;
}

void gattn_lowered_clear(gattn_context *context, int64_t n_f,
                         gattn_lowered *lowered) {
  for (int64_t p = 0; p < lowered->n_parts; p++)
    gattn_graph_release(lowered->parts[p].graph);
  gattn_free(context, lowered->split_vertices, lowered->split_capacity,
             sizeof *lowered->split_vertices);
  gattn_free(context, lowered->split_positions, lowered->n_split,
             sizeof *lowered->split_positions);
  gattn_free(context, lowered->offsets, n_f + 1, sizeof *lowered->offsets);
  gattn_graph_release(lowered->graph);
  *lowered = (gattn_lowered){0};
}
