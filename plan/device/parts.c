/* Parts of a mask on the device: disjoint, each with its formula, its tile list
 * or its edges. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/blockmask.h"
#include "plan/device/lowering.h"

/* Few rows in a tile cost what their keys cost, and a list of them is a
 * fraction of their edges' memory: edges among the keys of lanes that are
 * there, from which on a tile list is run whatever else the costs say. */
static const double present_density = 0.5;

/* Key tiles that a formula's pass may visit for each that has edges. */
static const double scattered = 4;

/* ------------------------------------------------------------ one part */

static gattn_device_part *new_part(gattn_device_lowering *lowering,
                                   gattn_device_form form) {
  gattn_device_part *part =
      &lowering->lowered->parts[lowering->lowered->n_parts];
  *part = (gattn_device_part){.form = form};
  return part;
}

/* What the graph has that earlier parts do not. */
static gattn_status without_earlier(gattn_device_lowering *lowering,
                                    gattn_graph *graph, gattn_graph **out) {
  if (lowering->earlier)
    return gattn_graph_difference(lowering->context, graph, lowering->earlier,
                                  out);
  *out = gattn_graph_retain(graph);
  return GATTN_SUCCESS;
}

/* Gives the pass lanes for what it visits, and pieces. */
static void settle_pass(gattn_device_lowering *lowering,
                        gattn_device_part *part) {
  const gattn_device_attention *geometry = &lowering->lowered->geometry;
  if (gattn_frontier_on_device(lowering->problem->frontier)) {
    const int64_t tiles =
        (geometry->n_kv + GATTN_TILE_KEYS - 1) / GATTN_TILE_KEYS;
    part->tiles.pieces = gattn_device_pieces(lowering, &part->tiles, tiles);
    return;
  }
  const gattn_pass_measure measure =
      gattn_pass_measured(geometry, &part->tiles);
  const gattn_tile_store *list = &part->list;
  part->key_tiles = measure.average;
  if (list->n_tiles)
    part->key_tiles += (double)list->n_entries / (double)list->n_tiles;
  part->most_key_tiles = (double)(measure.most + list->most);
  part->tiles.pieces =
      gattn_device_pieces(lowering, &part->tiles, measure.most + list->most);
}

int32_t gattn_device_formula_lanes(const gattn_device_lowering *lowering,
                                   const gattn_numbering *numbering,
                                   const gattn_formula *formula) {
  const int32_t lanes = gattn_device_lanes(lowering, GATTN_TILE_KEYS);
  gattn_tile_pass pass = gattn_device_pass(lowering, numbering, lanes);
  if (gattn_frontier_on_device(lowering->problem->frontier)) return lanes;
  pass.formula = *formula;
  const double tiles =
      gattn_pass_measured(&lowering->lowered->geometry, &pass).average;
  return gattn_device_lanes(lowering,
                            tiles > 1 ? (tiles - 1) * GATTN_TILE_KEYS : 0);
}

/* A part for a formula; false where the graph less what is owned has none. */
static gattn_status make_formula_part(gattn_device_lowering *lowering,
                                      const gattn_pass_group *group,
                                      bool *made) {
  gattn_device_part *part = new_part(lowering, GATTN_DEVICE_TILES);
  gattn_formula formula;
  gattn_formula_arrays arrays;
  gattn_graph *graph;
  gattn_status status = without_earlier(lowering, group->graph, &graph);
  if (status) return status;
  *made = gattn_key_formula_of(graph, &formula, &arrays);
  if (!*made) {
    gattn_graph_release(graph);
    return GATTN_SUCCESS;
  }
  part->graph = graph;
  part->arrays = arrays;
  part->tiles = gattn_device_pass(
      lowering, &group->numbering,
      gattn_device_formula_lanes(lowering, &group->numbering, &formula));
  part->tiles.formula = formula;
  settle_pass(lowering, part);
  lowering->lowered->n_parts++;
  return GATTN_SUCCESS;
}

static bool way_was_chosen(const gattn_device_lowering *lowering,
                           uint32_t terms) {
  for (int t = 0; t < lowering->n_closed; t++)
    if (terms >> lowering->closed_term[t] & 1 &&
        lowering->closed_way[t] != GATTN_WAY_ANY)
      return true;
  return false;
}

/* A tile of vertices from here and there visits all that lies between their
 * keys. Where it has edges in far fewer tiles, those are listed, or the edges
 * run one by one. */
static gattn_status formula_pays(gattn_device_lowering *lowering,
                                 const gattn_pass_group *group, bool *pays) {
  const gattn_frontier *frontier = lowering->problem->frontier;
  gattn_formula_arrays arrays;
  gattn_tile_sample sample = {0};
  *pays = true;
  if (!frontier || !frontier->vertices ||
      way_was_chosen(lowering, group->terms))
    return GATTN_SUCCESS;
  gattn_tile_pass pass =
      gattn_device_pass(lowering, &group->numbering,
                        gattn_device_lanes(lowering, GATTN_TILE_KEYS));
  gattn_status status =
      gattn_device_survey(lowering, &pass, group->graph, &sample);
  if (status) return status;
  gattn_key_formula_of(group->graph, &pass.formula, &arrays);
  const double visited =
      gattn_pass_measured(&lowering->lowered->geometry, &pass).average;
  *pays = visited < scattered * (sample.key_tiles + 1);
  return GATTN_SUCCESS;
}

static void take_group(gattn_device_lowering *lowering,
                       const gattn_pass_group *group) {
  for (int t = 0; t < lowering->n_closed; t++) {
    const uint32_t term = 1u << lowering->closed_term[t];
    if (group->terms & term)
      gattn_device_take(lowering, term,
                        gattn_device_way_in(lowering, lowering->closed[t],
                                            &group->numbering));
  }
}

static gattn_status make_formula_parts(gattn_device_lowering *lowering) {
  gattn_status status = GATTN_SUCCESS;
  for (int g = 0; g < lowering->n_groups && !status; g++) {
    bool made;
    gattn_graph *graph = lowering->groups[g].graph;
    status = formula_pays(lowering, &lowering->groups[g], &made);
    if (!status && made)
      status = make_formula_part(lowering, &lowering->groups[g], &made);
    if (status) break;
    if (!made) {
      lowering->open[lowering->n_open++] = (gattn_open_term){
          gattn_graph_retain(graph), lowering->groups[g].terms, GATTN_WAY_ANY};
      continue;
    }
    take_group(lowering, &lowering->groups[g]);
    if (g + 1 < lowering->n_groups || lowering->n_open)
      status = gattn_unite(lowering->context, &lowering->earlier, graph);
  }
  return status;
}

/* ------------------------------------------------------------ hubs */

/* Pieces that make half as many blocks as rows alone would be cut into: other
 * rows fill the device beside them. On an H200 64 rows over 2^17 keys of 8
 * heads take 126 µs in 33 pieces and 120 in 66, 128 rows 147 µs and 173; and
 * there is half as much to merge. */
static int32_t hub_pieces(const gattn_device_lowering *lowering,
                          const gattn_device_part *part) {
  const int32_t alone =
      gattn_device_pieces(lowering, &part->tiles, (int64_t)part->key_tiles);
  return (alone + 1) / 2;
}

static void make_hub_part(gattn_device_lowering *lowering) {
  gattn_device_lowered *lowered = lowering->lowered;
  const int64_t n_kv = lowering->problem->n_kv, n = lowered->hubs.count;
  if (n == 0) return;
  gattn_device_part *part = new_part(lowering, GATTN_DEVICE_HUBS);
  const int32_t lanes = gattn_device_lanes_for(lowering, n, (double)n_kv);
  part->tiles = (gattn_tile_pass){.numbering = {.kind = GATTN_NUMBER_LINEAR},
                                  .lanes = lanes,
                                  .n_tiles = (n + lanes - 1) / lanes,
                                  .rows = lowered->hubs.positions,
                                  .n_rows = n};
  part->tiles.formula = (gattn_formula){
      .n_atoms = 1,
      .n_steps = 1,
      .n_kv = n_kv,
      .atoms = {{.kind = GATTN_KEYS_INTERVAL, .end = {0, n_kv}}}};
  part->key_tiles = (double)((n_kv + GATTN_TILE_KEYS - 1) / GATTN_TILE_KEYS);
  part->most_key_tiles = part->key_tiles;
  part->tiles.pieces = hub_pieces(lowering, part);
  lowered->n_parts++;
}

/* ------------------------------------------------------------ open terms */

/* A place for open terms: a list in some numbering, or the edges. */
typedef struct open_group {
  bool list;
  bool rest;     /* its sparser tiles run as edges behind the list */
  int64_t least; /* edges of a tile that is listed */
  gattn_numbering numbering;
  gattn_graph *graph; /* the union; a reference */
} open_group;

/* Whether its denser tiles alone pay: the rest runs as edges, in a pass more.
 * The two and the rows' states must be predicted faster by a tenth. */
static bool part_pays(const gattn_device_lowering *lowering,
                      const gattn_tile_sample *sample,
                      const gattn_device_candidate *list, double alone,
                      open_group *choice) {
  const double worth = 0.9;
  gattn_tile_pass pass =
      gattn_device_pass(lowering, &list->numbering, list->lanes);
  const gattn_pass_measure measure = {.average = sample->dense_key_tiles};
  if (pass.rows || sample->dense_edges <= 0) return false;
  pass.pieces = gattn_device_pieces(lowering, &pass, (int64_t)measure.average);
  const double rest = sample->edges - sample->dense_edges;
  const double seconds =
      gattn_device_pass_seconds(lowering, &pass, true, &measure) +
      gattn_state_seconds(&lowering->costs, &lowering->work) +
      gattn_device_edges_candidate(lowering, rest / sample->rows).seconds;
  if (seconds > worth * alone) return false;
  choice->list = choice->rest = true;
  choice->least = gattn_device_dense(lowering, &pass);
  return true;
}

/* Whether a list of the term pays in the numbering, against its edges: both as
 * the same sampled tiles have them. */
static gattn_status list_pays(gattn_device_lowering *lowering,
                              gattn_graph *term, open_group *choice) {
  gattn_tile_sample sample = {0};
  gattn_device_candidate list;
  gattn_status status = gattn_device_list_candidate(
      lowering, term, &choice->numbering, &list, &sample);
  if (status) return status;
  if (sample.edges <= 0 || sample.rows <= 0) return GATTN_SUCCESS;
  const gattn_device_candidate edges =
      gattn_device_edges_candidate(lowering, sample.edges / sample.rows);
  choice->list = list.seconds <= edges.seconds ||
                 sample.edges >= present_density * sample.present;
  if (lowering->n_open == 1)
    part_pays(lowering, &sample, &list,
              list.seconds < edges.seconds ? list.seconds : edges.seconds,
              choice);
  return GATTN_SUCCESS;
}

/* Whether a sort by bucket is a numbering of both queries and keys. */
static bool may_sort(const gattn_device_lowering *lowering,
                     const gattn_graph *term, const gattn_shape *shape) {
  const gattn_attend_problem *problem = lowering->problem;
  return shape->form == GATTN_FORM_BUCKETS && shape->order &&
         term->n_q == term->n_kv && gattn_is_consecutive(problem->frontier) &&
         !lowering->lowered->rows && problem->n_f >= term->n_q / 2;
}

/* Blocks as large as key tiles fill what they touch: no need to look. */
static bool is_blocks(const gattn_graph *graph) {
  gattn_graph *blocks;
  int64_t b;
  return gattn_blockmask_parameters(graph, &blocks, &b) && b >= GATTN_TILE_KEYS;
}

/* Where a term can be split: it is the only open one, of rows in order, and its
 * edges were counted one by one. What closed forms cover is not: there the edges
 * beside the list would be all of them. */
static gattn_status split_as_chosen(const gattn_device_lowering *lowering,
                                    gattn_graph *term, open_group *choice) {
  gattn_tile_sample sample = {0};
  const gattn_tile_pass pass =
      gattn_device_pass(lowering, &choice->numbering,
                        gattn_device_lanes(lowering, GATTN_TILE_KEYS));
  choice->list = true;
  if (lowering->n_open != 1 || pass.rows) return GATTN_SUCCESS;
  gattn_status status = gattn_device_survey(lowering, &pass, term, &sample);
  choice->rest = !status && sample.dense_edges > 0;
  if (choice->rest) choice->least = gattn_device_dense(lowering, &pass);
  return status;
}

static gattn_status choose_open(gattn_device_lowering *lowering,
                                const gattn_open_term *term,
                                open_group *choice) {
  const gattn_shape shape = gattn_shape_of(term->graph);
  const bool sorts = may_sort(lowering, term->graph, &shape);
  gattn_status status = GATTN_SUCCESS;
  *choice = (open_group){.list = false, .least = 1};
  if (!gattn_device_may_look(lowering) || term->way == GATTN_WAY_EDGES)
    return GATTN_SUCCESS;
  if (term->way == GATTN_WAY_SPLIT)
    status = split_as_chosen(lowering, term->graph, choice);
  else if (term->way == GATTN_WAY_LIST ||
           (term->way == GATTN_WAY_ANY && is_blocks(term->graph)))
    choice->list = true;
  else if (term->way != GATTN_WAY_RENUMBERED || !sorts)
    status = list_pays(lowering, term->graph, choice);
  if (status || choice->list || !sorts) return status;
  choice->list = true;
  choice->numbering =
      (gattn_numbering){.kind = GATTN_NUMBER_TABLE, .table = shape.order};
  return GATTN_SUCCESS;
}

static gattn_way way_of(const open_group *group) {
  if (!group->list) return GATTN_WAY_EDGES;
  if (group->rest) return GATTN_WAY_SPLIT;
  return group->numbering.kind == GATTN_NUMBER_LINEAR ? GATTN_WAY_LIST
                                                      : GATTN_WAY_RENUMBERED;
}

static bool same_group(const open_group *a, const open_group *b) {
  return a->list == b->list && a->numbering.kind == b->numbering.kind &&
         a->numbering.table == b->numbering.table;
}

/* Lists in the linear order first, then sorted ones, then edges. */
static int rank_of(const open_group *group) {
  if (!group->list) return 2;
  return group->numbering.kind != GATTN_NUMBER_LINEAR;
}

/* The part that lists of linear tiles join: the first with a formula. */
static gattn_device_part *linear_part(gattn_device_lowering *lowering) {
  gattn_device_lowered *lowered = lowering->lowered;
  for (int64_t p = 0; p < lowered->n_parts; p++)
    if (lowered->parts[p].form == GATTN_DEVICE_TILES &&
        lowered->parts[p].tiles.numbering.kind == GATTN_NUMBER_LINEAR)
      return lowered->parts + p;
  return NULL;
}

static gattn_status attach_list(gattn_device_lowering *lowering,
                                gattn_device_part *part, int64_t least,
                                gattn_graph *graph) {
  gattn_status status = lowering->target->list_build(
      lowering->context, lowering->problem->frontier,
      &lowering->lowered->geometry, &part->tiles, graph, least, &part->list);
  if (status) return status;
  settle_pass(lowering, part);
  part->tiles.list[0] = part->list.list;
  return GATTN_SUCCESS;
}

/* graph is taken over. */
static gattn_status make_list_part(gattn_device_lowering *lowering,
                                   const open_group *group,
                                   gattn_graph *graph) {
  gattn_device_part *part = linear_part(lowering);
  if (part && group->numbering.kind == GATTN_NUMBER_LINEAR) {
    gattn_status status = attach_list(lowering, part, group->least, graph);
    if (!status)
      status = gattn_unite(lowering->context, &part->list_graph, graph);
    gattn_graph_release(graph);
    return status;
  }
  part = new_part(lowering, GATTN_DEVICE_TILES);
  part->list_graph = graph;
  part->tiles =
      gattn_device_pass(lowering, &group->numbering,
                        gattn_device_lanes(lowering, GATTN_TILE_KEYS));
  lowering->lowered->n_parts++;
  return attach_list(lowering, part, group->least, graph);
}

/* Hub rows are no other part's, also where passes cannot skip them. */
static gattn_status without_hubs(gattn_device_lowering *lowering,
                                 gattn_graph **graph) {
  gattn_graph *hubs = NULL, *rest;
  gattn_status status = GATTN_SUCCESS;
  if (lowering->lowered->hubs.count == 0) return status;
  for (int h = 0; h < lowering->n_hubs && !status; h++)
    status = gattn_unite(lowering->context, &hubs, lowering->hubs[h]);
  if (!status)
    status = gattn_graph_difference(lowering->context, *graph, hubs, &rest);
  gattn_graph_release(hubs);
  if (status) return status;
  gattn_graph_release(*graph);
  *graph = rest;
  return GATTN_SUCCESS;
}

/* graph is taken over. */
static gattn_status make_edge_part(gattn_device_lowering *lowering,
                                   gattn_graph *graph) {
  gattn_device_part *part = new_part(lowering, GATTN_DEVICE_EDGES);
  gattn_status status = without_hubs(lowering, &graph);
  part->graph = graph;
  lowering->lowered->n_parts++;
  return status;
}

/* The only open term: its dense tiles, then the edges of the others. graph is
 * taken over. */
static gattn_status make_both_parts(gattn_device_lowering *lowering,
                                    const open_group *group,
                                    gattn_graph *graph) {
  gattn_device_lowered *lowered = lowering->lowered;
  gattn_status status =
      make_list_part(lowering, group, gattn_graph_retain(graph));
  if (status) {
    gattn_graph_release(graph);
    return status;
  }
  const int64_t edges = lowered->n_parts;
  status = make_edge_part(lowering, graph);
  for (int64_t p = 0; p < edges; p++)
    if (lowered->parts[p].list.release)
      lowered->parts[edges].apart = (int32_t)p + 1;
  return status;
}

static gattn_status make_open_part(gattn_device_lowering *lowering,
                                   const open_group *group, bool last) {
  gattn_graph *graph;
  gattn_status status = without_earlier(lowering, group->graph, &graph);
  if (status) return status;
  if (group->rest) return make_both_parts(lowering, group, graph);
  status = group->list ? make_list_part(lowering, group, graph)
                       : make_edge_part(lowering, graph);
  if (status || last) return status;
  return gattn_unite(lowering->context, &lowering->earlier, group->graph);
}

enum { LISTS = 2, OPEN_GROUPS = LISTS + 1 };

/* The group for a choice. Where lists are as many as may be, the term joins the
 * edges, which take everything. */
static int find_group(open_group *groups, int *n, const open_group *choice) {
  static const open_group edges = {.list = false, .least = 1};
  int lists = 0;
  for (int g = 0; g < *n; g++) {
    if (same_group(&groups[g], choice)) return g;
    lists += groups[g].list;
  }
  if (choice->list && lists == LISTS) return find_group(groups, n, &edges);
  groups[*n] = *choice;
  return (*n)++;
}

static gattn_status group_open(gattn_device_lowering *lowering,
                               open_group *groups, int *n) {
  for (int t = 0; t < lowering->n_open; t++) {
    open_group choice;
    const gattn_open_term *term = &lowering->open[t];
    gattn_status status = choose_open(lowering, term, &choice);
    if (status) return status;
    const int g = find_group(groups, n, &choice);
    gattn_device_take(lowering, term->terms, way_of(&groups[g]));
    status = gattn_unite(lowering->context, &groups[g].graph, term->graph);
    if (status) return status;
  }
  return GATTN_SUCCESS;
}

static gattn_status make_open_parts(gattn_device_lowering *lowering) {
  open_group groups[OPEN_GROUPS] = {{0}};
  int n = 0, done = 0;
  gattn_status status = group_open(lowering, groups, &n);
  for (int rank = 0; rank <= 2 && !status; rank++)
    for (int g = 0; g < n && !status; g++)
      if (rank_of(&groups[g]) == rank)
        status = make_open_part(lowering, &groups[g], ++done == n);
  for (int g = 0; g < n; g++) gattn_graph_release(groups[g].graph);
  return status;
}

/* ------------------------------------------------------------ all parts */

/* Rows that no part would touch are emptied by a pass that visits nothing. */
static void make_empty_part(gattn_device_lowering *lowering) {
  static const gattn_numbering linear = {.kind = GATTN_NUMBER_LINEAR};
  gattn_device_part *part = new_part(lowering, GATTN_DEVICE_TILES);
  part->tiles =
      gattn_device_pass(lowering, &linear, gattn_device_lanes(lowering, 0));
  lowering->lowered->n_parts++;
}

/* Edges alone beside hub rows store these, too, empty. So that they can be
 * stored behind the edges, although o may be q, they are in pieces. */
static void cut_hubs_beside_edges(gattn_device_lowered *lowered) {
  gattn_device_part *parts = lowered->parts;
  if (lowered->n_parts == 2 && parts[0].form == GATTN_DEVICE_HUBS &&
      parts[1].form == GATTN_DEVICE_EDGES && parts[0].tiles.pieces < 2)
    parts[0].tiles.pieces = 2;
}

gattn_status gattn_device_make_parts(gattn_device_lowering *lowering) {
  const gattn_device_lowered *lowered = lowering->lowered;
  make_hub_part(lowering);
  const int64_t before = lowered->n_parts;
  gattn_status status = make_formula_parts(lowering);
  if (!status) status = make_open_parts(lowering);
  if (!status && lowered->n_parts == before) make_empty_part(lowering);
  if (!status) cut_hubs_beside_edges(lowering->lowered);
  return status;
}
