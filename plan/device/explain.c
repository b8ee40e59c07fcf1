/* What an attention on the device will do, in lines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/device/lowering.h"
#include "plan/device/uploaded.h"

static const char *form_name(const gattn_device_part *part) {
  if (part->form == GATTN_DEVICE_EDGES) return "edge list";
  if (part->form == GATTN_DEVICE_HUBS) return "hub rows";
  if (!part->graph && !part->list_graph) return "rows without edges";
  if (!part->graph) return "tile list";
  switch (part->tiles.numbering.kind) {
    case GATTN_NUMBER_CLASSES:
      return "renumbered band";
    case GATTN_NUMBER_PATCHES:
      return "grid-tiled band";
    case GATTN_NUMBER_TABLE:
      return "sorted band";
    default:
      return part->list_graph ? "band and tile list" : "band";
  }
}

static void explain_tiles(const gattn_device_part *part, gattn_text *text) {
  const gattn_tile_pass *pass = &part->tiles;
  gattn_text_append(text, "tiles of %d queries x %d keys", (int)pass->lanes,
                    GATTN_TILE_KEYS);
  if (pass->numbering.kind == GATTN_NUMBER_CLASSES)
    gattn_text_append(text, ", residue classes of %lld",
                      (long long)pass->numbering.stride);
  if (pass->numbering.kind == GATTN_NUMBER_PATCHES)
    gattn_text_append(text, ", patches of a grid of %lld x %lld",
                      (long long)pass->numbering.grid_h,
                      (long long)pass->numbering.grid_w);
  if (pass->numbering.kind == GATTN_NUMBER_TABLE)
    gattn_text_append(text, ", vertices sorted by bucket");
}

static void explain_graph(const gattn_device_attend *attend, const char *label,
                          gattn_graph *graph, gattn_text *text) {
  char expression[160];
  if (!graph || gattn_graph_describe(attend->context, graph, expression,
                                     sizeof expression) < 0)
    return;
  gattn_text_append(text, "    %-9s %s\n", label, expression);
}

/* Heads of all batches that run on one graph. */
static double graph_heads(const gattn_device_attend *attend) {
  const double heads = (double)attend->problem.heads;
  return (double)attend->problem.batch * heads / (double)attend->n_lowered;
}

/* Multiply-adds of the tiles that are computed, twice. */
static void explain_work(const gattn_device_attend *attend,
                         const gattn_device_part *part, gattn_text *text) {
  const gattn_tile_pass *pass = &part->tiles;
  const gattn_attend_problem *problem = &attend->problem;
  const double width = (double)(problem->dim + problem->dim_v);
  const double tiles = graph_heads(attend) * (double)pass->n_tiles;
  const double visits = tiles * part->key_tiles;
  gattn_text_append(
      text,
      "    predicted %lld query tiles, %.4g key tiles each, %.4g operations, "
      "%.4g bytes of keys and values\n",
      (long long)pass->n_tiles, part->key_tiles,
      2 * visits * pass->lanes * GATTN_TILE_KEYS * width,
      visits * GATTN_TILE_KEYS * width *
          (double)gattn_type_size(problem->type));
  if (part->list.n_entries)
    gattn_text_append(text, "    list of %lld tiles, %lld patterns\n",
                      (long long)part->list.n_entries,
                      (long long)part->list.n_patterns);
  if (pass->pieces > 1)
    gattn_text_append(text, "    keys cut into %d pieces and merged\n",
                      (int)pass->pieces);
}

/* Operations of dense tiles of rows and columns. */
static void explain_windows(const gattn_device_attend *attend,
                            const gattn_windows *windows, gattn_text *text) {
  const gattn_attend_problem *problem = &attend->problem;
  const double width = (double)(problem->dim + problem->dim_v);
  const double columns = graph_heads(attend) * (double)windows->n_columns;
  gattn_text_append(text,
                    "    predicted %lld windows, %.4g columns, %.4g "
                    "operations, %.4g bytes gathered\n",
                    (long long)windows->n_windows, columns,
                    2 * columns * GATTN_WINDOW_ROWS * width,
                    columns * width * (double)gattn_type_size(problem->type));
}

static void explain_edges(const gattn_device_attend *attend,
                          const gattn_device_rows *rows, gattn_text *text) {
  const gattn_attend_problem *problem = &attend->problem;
  const double width = (double)(problem->dim + problem->dim_v);
  const double edges = graph_heads(attend) * (double)rows->edges;
  gattn_text_append(text,
                    "    predicted %.4g edges, %.4g operations, %.4g bytes "
                    "gathered\n",
                    edges, 2 * edges * width,
                    edges * width * (double)gattn_type_size(problem->type));
}

/* ------------------------------------------------------------ times */

/* A graph's lowering, to ask the costs with. */
static gattn_device_lowering costs_of(const gattn_device_attend *attend,
                                      const gattn_device_target *target,
                                      const gattn_attend_problem *problem,
                                      gattn_device_lowered *lowered) {
  gattn_device_lowering lowering = gattn_device_lowering_of(
      attend->context, problem, target, problem->graph,
      gattn_launch_heads(attend), lowered);
  /* Of the heads that run on this graph. */
  lowering.work.heads = graph_heads(attend);
  return lowering;
}

static double windows_seconds(const gattn_device_lowering *lowering,
                              const gattn_windows *windows) {
  const gattn_work *work = &lowering->work;
  return work->heads * (double)(work->dim + work->dim_v) / 128 *
         gattn_windows_cost(
             windows->n_f, (double)windows->n_columns,
             (double)windows->n_slots,
             gattn_windows_cached(lowering->context, lowering->problem));
}

static double seconds_of(const gattn_device_lowering *lowering,
                         const gattn_device_part *part,
                         const gattn_uploaded_part *uploaded) {
  if (uploaded->windows.n_items)
    return windows_seconds(lowering, &uploaded->windows);
  if (part->form == GATTN_DEVICE_EDGES)
    return gattn_edges_seconds(&lowering->costs, &lowering->work,
                               (double)uploaded->rows.edges);
  const gattn_pass_measure measure = {
      .average = part->key_tiles, .most = (int64_t)part->most_key_tiles};
  return gattn_device_pass_seconds(lowering, &part->tiles, !part->graph,
                                   &measure);
}

static gattn_way way_of(const gattn_device_part *part) {
  if (part->form == GATTN_DEVICE_EDGES) return GATTN_WAY_EDGES;
  if (part->form == GATTN_DEVICE_HUBS) return GATTN_WAY_HUBS;
  if (part->tiles.numbering.kind != GATTN_NUMBER_LINEAR)
    return GATTN_WAY_RENUMBERED;
  return part->graph ? GATTN_WAY_BAND : GATTN_WAY_LIST;
}

static void explain_alternatives(const gattn_device_lowering *lowering,
                                 const gattn_device_part *part,
                                 gattn_text *text) {
  static const char *const names[GATTN_WAYS] = {
      [GATTN_WAY_BAND] = "band",
      [GATTN_WAY_RENUMBERED] = "renumbered band",
      [GATTN_WAY_LIST] = "tile list",
      [GATTN_WAY_EDGES] = "edge list"};
  gattn_device_candidate candidates[GATTN_DEVICE_CANDIDATES];
  gattn_graph *graph = part->graph ? part->graph : part->list_graph;
  if (!graph || part->form == GATTN_DEVICE_HUBS ||
      lowering->problem->edge_values)
    return;
  const int n = gattn_device_candidates(lowering, graph, candidates);
  bool any = false;
  for (int c = 0; c < n; c++) {
    if (candidates[c].way == way_of(part)) continue;
    gattn_text_append(text, "%s %s %.3g ms", any ? "," : "; else",
                      names[candidates[c].way], candidates[c].seconds * 1e3);
    any = true;
  }
}

static void explain_times(const gattn_device_lowering *lowering,
                          const gattn_device_part *part,
                          const gattn_uploaded_part *uploaded,
                          gattn_text *text) {
  gattn_text_append(text, "    predicted %.3g ms",
                    seconds_of(lowering, part, uploaded) * 1e3);
  explain_alternatives(lowering, part, text);
  gattn_text_append(text, "\n");
}

/* What the states between the parts take stands with the sum. */
static void explain_sum(const gattn_device_lowering *lowering,
                        const gattn_uploaded *uploaded, gattn_text *text) {
  const gattn_device_lowered *lowered = lowering->lowered;
  double sum = 0;
  for (int64_t p = 0; p < lowered->n_parts; p++)
    sum += seconds_of(lowering, &lowered->parts[p], &uploaded->parts[p]);
  if (lowered->n_parts > 1 && gattn_keeps_state(lowered))
    sum += gattn_state_seconds(&lowering->costs, &lowering->work) *
           (double)(lowered->n_parts - 1);
  gattn_text_append(text, "  predicted %.3g ms, chosen by ", sum * 1e3);
  if (lowered->measured > 0)
    gattn_text_append(text, "timing: %.3g ms\n", lowered->measured * 1e3);
  else
    gattn_text_append(text, "these predictions\n");
}

/* ------------------------------------------------------------ parts */

static void explain_part(const gattn_device_attend *attend, int64_t index,
                         const gattn_device_part *part,
                         const gattn_uploaded_part *uploaded,
                         gattn_text *text) {
  gattn_text_append(text, "  part %lld: %s, ", (long long)index + 1,
                    form_name(part));
  if (uploaded->windows.n_items)
    gattn_text_append(text, "windows of %d rows%s", GATTN_WINDOW_ROWS,
                      uploaded->windows.order ? ", renumbered" : "");
  else if (part->form == GATTN_DEVICE_EDGES)
    gattn_text_append(text, "a warp a chunk of rows");
  else
    explain_tiles(part, text);
  if (part->form == GATTN_DEVICE_HUBS)
    gattn_text_append(text, ", %lld rows", (long long)part->tiles.n_rows);
  if (part->apart)
    gattn_text_append(text, ", outside the tiles of part %d",
                      (int)part->apart);
  gattn_text_append(text, "\n");
  explain_graph(attend, "graph", part->graph, text);
  explain_graph(attend, "list", part->list_graph, text);
  if (uploaded->windows.n_items)
    explain_windows(attend, &uploaded->windows, text);
  else if (part->form == GATTN_DEVICE_EDGES)
    explain_edges(attend, &uploaded->rows, text);
  else
    explain_work(attend, part, text);
}

static void explain_lowered(const gattn_device_attend *attend, int64_t h,
                            gattn_text *text) {
  gattn_device_lowered lowered = attend->lowered[h];
  const gattn_device_target target = gattn_device_target_of(attend->context);
  gattn_attend_problem problem = attend->problem;
  problem.planning.choice.lanes = lowered.taken.lanes;
  problem.planning.choice.pieces = lowered.taken.pieces;
  const gattn_device_lowering lowering =
      costs_of(attend, &target, &problem, &lowered);
  for (int64_t p = 0; p < lowered.n_parts; p++) {
    const gattn_uploaded_part *uploaded = &attend->uploaded[h].parts[p];
    explain_part(attend, p, &lowered.parts[p], uploaded, text);
    explain_times(&lowering, &lowered.parts[p], uploaded, text);
  }
  explain_sum(&lowering, &attend->uploaded[h], text);
}

void gattn_device_attend_explain(const gattn_device_attend *attend,
                                 gattn_text *text) {
  const gattn_attend_problem *problem = &attend->problem;
  const double heads = (double)problem->batch * (double)problem->heads;
  const double kv_heads = (double)problem->batch * (double)problem->kv_heads;
  gattn_text_append(text,
                    "fused attention: batch %lld, heads %lld (%lld of keys), "
                    "%lld queries, %lld keys, dim %lld, %s, %s\n",
                    (long long)problem->batch, (long long)problem->heads,
                    (long long)problem->kv_heads, (long long)problem->n_f,
                    (long long)problem->n_kv, (long long)problem->dim,
                    gattn_type_name(problem->type),
                    gattn_device_facts_of(attend->context)->name);
  for (int64_t h = 0; h < attend->n_lowered; h++) {
    if (attend->n_lowered > 1)
      gattn_text_append(text, " head %lld\n", (long long)h);
    explain_lowered(attend, h, text);
  }
  if (attend->n_lowered > 1)
    gattn_text_append(text, "  heads in %lld launches of each part\n",
                      (long long)attend->n_launches);
  gattn_text_append(
      text, "  predicted %.4g bytes of q, k, v, o once\n",
      (double)gattn_type_size(problem->type) *
          (double)(problem->dim + problem->dim_v) *
          (heads * (double)problem->n_f + kv_heads * (double)problem->n_kv));
}
