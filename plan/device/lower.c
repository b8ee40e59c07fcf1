/* Lowering for the device: terms, hubs, and the rows that passes have.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "masks/fixed.h"
#include "masks/terms.h"
#include "plan/device/lowering.h"

enum {
  /* Blocks that a multiprocessor should have at the least, else keys are cut
   * up; and how often pieces then fill the device. A last turn that is not full
   * costs as much as a full one: one query over 2^20 keys, 8 heads, d = 64,
   * float16, three blocks a multiprocessor, took 0.58 ms in 99 pieces (two turns
   * of 396 blocks), 0.59 in 49, 0.78 in 66 (H200). */
  BLOCKS_WANTED = 2,
  TURNS = 2,
  PIECE_TILES = 2, /* key tiles of a piece, at the least */
  PIECES_MOST = 512
};

/* ------------------------------------------------------------ passes */

static int64_t quotient_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

gattn_tile_pass gattn_device_pass(const gattn_device_lowering *lowering,
                                  const gattn_numbering *numbering,
                                  int32_t lanes) {
  const gattn_device_lowered *lowered = lowering->lowered;
  const gattn_device_attention *geometry = &lowered->geometry;
  gattn_tile_pass pass = {.numbering = *numbering, .lanes = lanes, .pieces = 1};
  if (lowered->rows) {
    pass.rows = lowered->rows;
    pass.n_rows = lowered->n_rows;
    pass.n_tiles = quotient_up(lowered->n_rows, lanes);
    return pass;
  }
  pass.skip = lowered->skip;
  pass.n_skip = lowered->skip ? (int32_t)lowered->hubs.n_ranges : 0;
  if (!gattn_is_consecutive(lowering->problem->frontier)) {
    pass.row_all = 1;
    pass.n_tiles = quotient_up(geometry->n_f, lanes);
  } else if (numbering->kind == GATTN_NUMBER_LINEAR) {
    pass.first_tile = geometry->begin / lanes;
    pass.n_tiles =
        quotient_up(geometry->begin + geometry->n_f, lanes) - pass.first_tile;
  } else {
    pass.n_tiles = gattn_tiles_of(numbering, lanes, geometry->n_q);
  }
  return pass;
}

/* As many lanes, or as few as it takes for a block's shared memory to be there;
 * 0 where no kernel of tiles fits the device. */
static int32_t lanes_that_fit(const gattn_device_lowering *lowering,
                              int32_t lanes) {
  enum { NARROW = 64 };
  const gattn_attend_problem *problem = lowering->problem;
  const gattn_device_target *target = lowering->target;
  while (lanes && target->tile_shared_bytes(problem->type, problem->dim,
                                            problem->dim_v, lanes) >
                      target->shared_bytes)
    lanes = lanes > NARROW ? NARROW : 0;
  return lanes;
}

/* Whether Hopper's own kernel takes passes of so many lanes. */
static bool is_hoppers(const gattn_device_lowering *lowering, int32_t lanes) {
  enum { HOPPER = 90, WIDE = 128 };
  return lowering->target->capability == HOPPER && lanes == WIDE &&
         lowering->problem->type != GATTN_FLOAT32;
}

/* Lanes that no row can fill cost as much as others: one query over 2^20 keys,
 * 8 heads, d = 64, float16 took 1.48 ms in tiles of 128 and 0.84 in tiles of 64
 * (H200). Hopper's own kernel has 128, also where windows fill only half of
 * them: there local(64) takes 0.32 ms, in tiles of 64 without it 0.46. Of its two
 * groups of 64 rows one has nothing to do where there are no more, and yet
 * longformer(256, 64), 64 of whose rows attend to everything, takes 0.765 ms
 * with 128 lanes for these and 0.803 with 64. */
int32_t gattn_device_lanes_for(const gattn_device_lowering *lowering,
                               int64_t rows, double degree) {
  enum { NARROW = 64 };
  const gattn_attend_problem *problem = lowering->problem;
  const gattn_device_target *target = lowering->target;
  const int32_t lanes = target->tile_lanes(problem->type, problem->dim,
                                           problem->dim_v, degree);
  const int32_t most = target->tile_lanes(problem->type, problem->dim,
                                          problem->dim_v, INFINITY);
  const int32_t chosen = problem->planning.choice.lanes;
  if (most && (chosen == NARROW || chosen == most))
    return lanes_that_fit(lowering, chosen);
  if (is_hoppers(lowering, most)) return rows > NARROW / 2 ? most : NARROW;
  return lanes_that_fit(lowering,
                        rows <= NARROW && lanes > NARROW ? NARROW : lanes);
}

int32_t gattn_device_lanes(const gattn_device_lowering *lowering,
                           double degree) {
  return gattn_device_lanes_for(lowering, lowering->problem->n_f, degree);
}

static double blocks_of(const gattn_device_lowering *lowering,
                        int64_t n_tiles) {
  return (double)n_tiles * (double)lowering->heads *
         (double)lowering->problem->batch;
}

/* Of the kernel that takes passes of so many lanes; Hopper's own has two up to
 * dimension 64. */
static int64_t blocks_at_once(const gattn_device_lowering *lowering,
                              int32_t lanes) {
  const gattn_attend_problem *problem = lowering->problem;
  const gattn_device_target *target = lowering->target;
  if (is_hoppers(lowering, lanes))
    return problem->dim > 64 || problem->dim_v > 64 ? 1 : 2;
  return target->tile_blocks(problem->type, problem->dim, problem->dim_v,
                             lanes, target->shared_bytes);
}

int32_t gattn_device_pieces(const gattn_device_lowering *lowering,
                            const gattn_tile_pass *pass, int64_t most) {
  const double processors = lowering->target->multiprocessors;
  const double blocks = blocks_of(lowering, pass->n_tiles);
  const int32_t chosen = lowering->problem->planning.choice.pieces;
  if (pass->n_tiles == 0) return 1;
  if (!chosen && blocks >= BLOCKS_WANTED * processors) return 1;
  if (pass->n_skip) return 1; /* the merge would not skip them */
  const double turn =
      processors * (double)blocks_at_once(lowering, pass->lanes);
  double wanted = TURNS * turn / blocks;
  int64_t pieces = quotient_up(most, PIECE_TILES);
  if (chosen) {
    wanted = chosen;
    pieces = most;
  }
  if ((double)pieces > wanted) pieces = (int64_t)wanted;
  if (pieces > PIECES_MOST) pieces = PIECES_MOST;
  return pieces < 1 ? 1 : (int32_t)pieces;
}

/* ------------------------------------------------------------ rows */

typedef struct placed {
  int64_t vertex, position;
} placed;

static int by_vertex(const void *a, const void *b) {
  const int64_t x = ((const placed *)a)->vertex;
  const int64_t y = ((const placed *)b)->vertex;
  return (x > y) - (x < y);
}

/* The frontier's positions that are no hubs; hubs->positions ascend. */
static int64_t list_rows(const gattn_device_lowering *lowering, placed *rows) {
  const gattn_device_lowered *lowered = lowering->lowered;
  const gattn_frontier *frontier = lowering->problem->frontier;
  int64_t n = 0, hub = 0;
  for (int64_t p = 0; p < lowering->problem->n_f; p++) {
    if (hub < lowered->hubs.count && lowered->hubs.positions[hub] == p) {
      hub++;
      continue;
    }
    rows[n].position = p;
    rows[n++].vertex = frontier ? gattn_frontier_vertex(frontier, p) : p;
  }
  return n;
}

/* Tile passes have their rows as a list where the frontier's vertices do not
 * ascend, for tiles of neighbours; and where there are few and hubs among them,
 * so that none need be skipped. */
static gattn_status choose_rows(gattn_device_lowering *lowering) {
  gattn_device_lowered *lowered = lowering->lowered;
  const gattn_frontier *frontier = lowering->problem->frontier;
  const int64_t n_f = lowering->problem->n_f;
  const bool unsorted = frontier && frontier->vertices && !frontier->ascending;
  if (!unsorted && !(lowering->few && lowered->hubs.count))
    return GATTN_SUCCESS;
  placed *rows;
  gattn_status status = gattn_allocate(lowering->context, "rows", n_f,
                                       sizeof *rows, (void **)&rows);
  if (status) return status;
  const int64_t n = list_rows(lowering, rows);
  if (unsorted && n) qsort(rows, (size_t)n, sizeof *rows, by_vertex);
  status = gattn_allocate(lowering->context, "rows", n, sizeof *lowered->rows,
                          (void **)&lowered->rows);
  if (!status) lowered->n_rows = n;
  for (int64_t r = 0; r < n && !status; r++)
    lowered->rows[r] = rows[r].position;
  gattn_free(lowering->context, rows, n_f, sizeof *rows);
  return status;
}

/* ------------------------------------------------------------ hubs */

static gattn_status make_skip(gattn_device_lowering *lowering) {
  gattn_device_lowered *lowered = lowering->lowered;
  const gattn_hubs *hubs = &lowered->hubs;
  if (hubs->count == 0 || lowered->rows) return GATTN_SUCCESS;
  gattn_status status =
      gattn_allocate(lowering->context, "hub rows", hubs->n_ranges,
                     sizeof *lowered->skip, (void **)&lowered->skip);
  if (status) return status;
  for (int64_t r = 0; r < hubs->n_ranges; r++)
    lowered->skip[r] =
        (gattn_device_range){hubs->vertices[r].begin, hubs->vertices[r].end};
  return GATTN_SUCCESS;
}

static gattn_status make_hubs(gattn_device_lowering *lowering) {
  gattn_status status =
      gattn_hubs_make(lowering->context, lowering->problem, lowering->hubs,
                      lowering->n_hubs, &lowering->lowered->hubs);
  if (!status) status = choose_rows(lowering);
  return status ? status : make_skip(lowering);
}

/* ------------------------------------------------------------ terms */

static void sort_term(gattn_device_lowering *lowering, gattn_graph *term,
                      int t, gattn_way way, int64_t *rows_left) {
  gattn_formula formula;
  gattn_formula_arrays arrays;
  const gattn_attend_problem *problem = lowering->problem;
  const gattn_shape shape = gattn_shape_of(term);
  const bool stored = way == GATTN_WAY_LIST || way == GATTN_WAY_SPLIT ||
                      way == GATTN_WAY_EDGES;
  gattn_graph_retain(term);
  if (!gattn_frontier_on_device(problem->frontier) &&
      (way == GATTN_WAY_ANY || way == GATTN_WAY_HUBS) &&
      gattn_is_hub(problem, &shape, rows_left)) {
    lowering->hubs[lowering->n_hubs++] = term;
    gattn_device_take(lowering, 1u << t, GATTN_WAY_HUBS);
  } else if (!stored && gattn_key_formula_of(term, &formula, &arrays)) {
    lowering->closed_term[lowering->n_closed] = t;
    lowering->closed_way[lowering->n_closed] = way;
    lowering->closed[lowering->n_closed++] = term;
  } else {
    lowering->open[lowering->n_open++] =
        (gattn_open_term){term, 1u << t, way};
  }
}

/* More tails than a query tile has spans: where they have a pass of their own,
 * in residue classes, the tails are a few whole classes. */
static bool is_cut(const gattn_device_lowering *lowering,
                   const gattn_graph *term, int64_t *s, int64_t *c) {
  return gattn_device_may_renumber(lowering) &&
         gattn_fixed_parameters(term, s, c) && *c > 0 && *c < *s &&
         term->n_kv / *s > GATTN_SPANS_MOST;
}

/* Cuts the fixed patterns among terms[*n] into blocks and tails. */
static gattn_status cut_fixed(const gattn_device_lowering *lowering,
                              gattn_graph **terms, int64_t *n) {
  gattn_context *context = lowering->context;
  for (int64_t t = 0; t < *n && *n < GATTN_DEVICE_TERMS; t++) {
    gattn_graph *blocks, *tails;
    const int64_t n_q = terms[t]->n_q, n_kv = terms[t]->n_kv;
    int64_t s, c;
    if (!is_cut(lowering, terms[t], &s, &c)) continue;
    gattn_status status = gattn_mask_tails(context, n_q, n_kv, s, c, &tails);
    if (status) return status;
    status = gattn_mask_blocks(context, n_q, n_kv, s, &blocks);
    if (status) {
      gattn_graph_release(tails);
      return status;
    }
    gattn_graph_release(terms[t]);
    terms[t] = blocks;
    terms[(*n)++] = tails;
  }
  return GATTN_SUCCESS;
}

gattn_status gattn_device_terms(const gattn_device_lowering *lowering,
                                gattn_graph **terms, int64_t *n) {
  gattn_status status = gattn_terms(lowering->context, lowering->graph,
                                    GATTN_DEVICE_TERMS, terms, n);
  if (status) return status;
  status = cut_fixed(lowering, terms, n);
  while (status && *n) gattn_graph_release(terms[--*n]);
  return status;
}

static gattn_status sort_terms(gattn_device_lowering *lowering) {
  gattn_graph *terms[GATTN_DEVICE_TERMS];
  int64_t n, rows_left = GATTN_HUB_ROWS;
  gattn_status status = gattn_device_terms(lowering, terms, &n);
  if (status) return status;
  lowering->lowered->taken.n_terms = (int32_t)n;
  for (int64_t t = 0; t < n; t++) {
    sort_term(lowering, terms[t], (int)t,
              gattn_choice_way(&lowering->problem->planning.choice, n, t),
              &rows_left);
    gattn_graph_release(terms[t]);
  }
  return GATTN_SUCCESS;
}

void gattn_device_take(gattn_device_lowering *lowering, uint32_t terms,
                       gattn_way way) {
  gattn_choice *taken = &lowering->lowered->taken;
  for (int t = 0; t < taken->n_terms; t++)
    if (terms >> t & 1) taken->way[t] = (int8_t)way;
}

/* A mask that runs as one: whatever its terms are, they are one term. */
static void take_whole(gattn_device_lowering *lowering, gattn_way way) {
  lowering->lowered->taken.n_terms = 1;
  gattn_device_take(lowering, 1, way);
}

/* ------------------------------------------------------------ whole graphs */

/* A mask of buckets alone: its rows are intervals once they are sorted. */
static bool make_bucket_part(gattn_device_lowering *lowering) {
  gattn_device_lowered *lowered = lowering->lowered;
  gattn_device_part part = {.form = GATTN_DEVICE_TILES};
  gattn_formula formula;
  gattn_numbering numbering = {.kind = GATTN_NUMBER_TABLE};
  const int64_t n = lowering->graph->n_q;
  if (!gattn_is_consecutive(lowering->problem->frontier) ||
      lowering->problem->n_f < n / 2 || lowering->graph->n_kv != n ||
      !gattn_bucket_formula_of(lowering->graph, &formula, &part.arrays,
                               &numbering.table))
    return false;
  part.tiles = gattn_device_pass(lowering, &numbering,
                                 gattn_device_lanes(lowering, GATTN_TILE_KEYS));
  part.tiles.formula = formula;
  const gattn_pass_measure measure =
      gattn_pass_measured(&lowered->geometry, &part.tiles);
  part.key_tiles = measure.average;
  part.most_key_tiles = (double)measure.most;
  part.tiles.pieces = gattn_device_pieces(lowering, &part.tiles, measure.most);
  take_whole(lowering, GATTN_WAY_RENUMBERED);
  part.graph = gattn_graph_retain(lowering->graph);
  lowered->parts[lowered->n_parts++] = part;
  return true;
}

static void make_whole_edges(gattn_device_lowering *lowering) {
  gattn_device_lowered *lowered = lowering->lowered;
  take_whole(lowering, GATTN_WAY_EDGES);
  lowered->parts[lowered->n_parts++] = (gattn_device_part){
      .form = GATTN_DEVICE_EDGES, .graph = gattn_graph_retain(lowering->graph)};
}

/* A choice for one term says what becomes of a mask of buckets. */
static bool may_run_whole(const gattn_device_lowering *lowering) {
  const gattn_way way =
      gattn_choice_way(&lowering->problem->planning.choice, 1, 0);
  return way == GATTN_WAY_ANY || way == GATTN_WAY_RENUMBERED;
}

static gattn_status lower(gattn_device_lowering *lowering) {
  const gattn_attend_problem *problem = lowering->problem;
  if (problem->n_kv == 0) return GATTN_SUCCESS;
  if (problem->edge_values || gattn_device_lanes(lowering, 0) == 0) {
    make_whole_edges(lowering);
    return GATTN_SUCCESS;
  }
  if (may_run_whole(lowering) && make_bucket_part(lowering))
    return GATTN_SUCCESS;
  gattn_status status = sort_terms(lowering);
  if (!status) status = make_hubs(lowering);
  if (!status) status = gattn_device_arrange(lowering);
  return status ? status : gattn_device_make_parts(lowering);
}

/* ------------------------------------------------------------ the whole */

gattn_device_attention gattn_device_geometry(
    const gattn_attend_problem *problem, const gattn_graph *graph) {
  const gattn_frontier *frontier = problem->frontier;
  return (gattn_device_attention){
      .n_f = problem->n_f,
      .n_q = graph->n_q,
      .n_kv = problem->n_kv,
      .begin = frontier && !frontier->vertices ? frontier->begin : 0,
      .vertices = frontier ? frontier->vertices : NULL};
}

static void release_all(gattn_graph **graphs, int n) {
  for (int g = 0; g < n; g++) gattn_graph_release(graphs[g]);
}

static void finish(gattn_device_lowering *lowering) {
  release_all(lowering->closed, lowering->n_closed);
  release_all(lowering->hubs, lowering->n_hubs);
  for (int t = 0; t < lowering->n_open; t++)
    gattn_graph_release(lowering->open[t].graph);
  for (int g = 0; g < lowering->n_groups; g++)
    gattn_graph_release(lowering->groups[g].graph);
  gattn_graph_release(lowering->earlier);
}

static gattn_work work_of(const gattn_attend_problem *problem) {
  const double batch = (double)problem->batch;
  return (gattn_work){.type = (int32_t)problem->type,
                      .dim = problem->dim,
                      .dim_v = problem->dim_v,
                      .heads = batch * (double)problem->heads,
                      .kv_heads = batch * (double)problem->kv_heads,
                      .rows = (double)problem->n_f,
                      .n_kv = (double)problem->n_kv};
}

gattn_device_lowering gattn_device_lowering_of(
    gattn_context *context, const gattn_attend_problem *problem,
    const gattn_device_target *target, gattn_graph *graph, int64_t heads,
    gattn_device_lowered *lowered) {
  gattn_device_lowering lowering = {
      .context = context,
      .problem = problem,
      .target = target,
      .graph = graph,
      .heads = heads,
      .costs = gattn_device_costs_of(
          target->capability, target->multiprocessors, target->l2_bytes,
          problem->planning.has_limits ? &problem->planning.limits : NULL),
      .work = work_of(problem),
      .lowered = lowered};
  lowering.few =
      blocks_of(&lowering, quotient_up(problem->n_f, GATTN_TILE_KEYS)) <
      (double)BLOCKS_WANTED * target->multiprocessors;
  return lowering;
}

gattn_status gattn_device_lower(gattn_context *context,
                                const gattn_attend_problem *problem,
                                const gattn_device_target *target,
                                gattn_graph *graph, int64_t heads,
                                gattn_device_lowered *out) {
  gattn_device_lowered lowered = {.geometry = gattn_device_geometry(problem, graph)};
  gattn_device_lowering lowering = gattn_device_lowering_of(
      context, problem, target, graph, heads, &lowered);
  gattn_status status = lower(&lowering);
  lowered.taken.lanes = problem->planning.choice.lanes;
  lowered.taken.pieces = problem->planning.choice.pieces;
  finish(&lowering);
  if (status)
    gattn_device_lowered_clear(context, &lowered);
  else
    *out = lowered;
  return status;
}

void gattn_device_lowered_clear(gattn_context *context,
                                gattn_device_lowered *lowered) {
  for (int64_t p = 0; p < lowered->n_parts; p++) {
    gattn_graph_release(lowered->parts[p].graph);
    gattn_graph_release(lowered->parts[p].list_graph);
    if (lowered->parts[p].list.release)
      lowered->parts[p].list.release(context, &lowered->parts[p].list);
  }
  gattn_free(context, lowered->skip, lowered->hubs.n_ranges,
             sizeof *lowered->skip);
  gattn_free(context, lowered->rows, lowered->n_rows, sizeof *lowered->rows);
  gattn_hubs_clear(context, &lowered->hubs);
  *lowered = (gattn_device_lowered){0};
}
