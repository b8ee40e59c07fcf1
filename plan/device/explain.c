/* What an attention on the device will do, in lines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

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

static void explain_part(const gattn_device_attend *attend, int64_t index,
                         const gattn_device_part *part,
                         const gattn_uploaded_part *uploaded,
                         gattn_text *text) {
  gattn_text_append(text, "  part %lld: %s, ", (long long)index + 1,
                    form_name(part));
  if (part->form == GATTN_DEVICE_EDGES)
    gattn_text_append(text, "a warp a chunk of rows");
  else
    explain_tiles(part, text);
  if (part->form == GATTN_DEVICE_HUBS)
    gattn_text_append(text, ", %lld rows", (long long)part->tiles.n_rows);
  gattn_text_append(text, "\n");
  explain_graph(attend, "graph", part->graph, text);
  explain_graph(attend, "list", part->list_graph, text);
  if (part->form == GATTN_DEVICE_EDGES)
    explain_edges(attend, &uploaded->rows, text);
  else
    explain_work(attend, part, text);
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
    const gattn_device_lowered *lowered = &attend->lowered[h];
    if (attend->n_lowered > 1)
      gattn_text_append(text, " head %lld\n", (long long)h);
    for (int64_t p = 0; p < lowered->n_parts; p++)
      explain_part(attend, p, &lowered->parts[p], &attend->uploaded[h].parts[p],
                   text);
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
