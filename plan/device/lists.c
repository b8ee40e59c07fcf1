/* Tile lists: looked at by a sample, and made as a whole, on the device.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/device/lists.h"

#include <string.h>

#include "lib/device.h"
#include "operators/cuda/rows.h"
#include "plan/device/listing.h"

/* A making is too large for the stack. Until it ends, the context's device is
 * the thread's. */
static gattn_status new_making(gattn_context *context, int *previous,
                               gattn_list_making **making) {
  gattn_status status = gattn_device_enter(context, previous);
  if (status) return status;
  status =
      gattn_allocate(context, "tile list", 1, sizeof **making, (void **)making);
  if (status) {
    gattn_device_leave(context, *previous);
    return status;
  }
  memset(*making, 0, sizeof **making);
  (*making)->made.context = (*making)->context = context;
  return GATTN_SUCCESS;
}

static void end_making(gattn_context *context, int previous,
                       gattn_list_making *making) {
  gattn_making_free(making);
  gattn_free(context, making, 1, sizeof *making);
  gattn_device_leave(context, previous);
}

/* ------------------------------------------------------------ building */

gattn_status gattn_list_build_hashed(gattn_context *context,
                                     gattn_frontier *frontier,
                                     const gattn_device_attention *geometry,
                                     const gattn_tile_pass *pass,
                                     gattn_graph *graph, int64_t least,
                                     uint64_t hash_mask,
                                     gattn_tile_store *store) {
  gattn_list_making *making;
  int previous;
  gattn_status status = new_making(context, &previous, &making);
  if (status) return status;
  status = gattn_making_start(context, frontier, geometry, pass, graph, NULL,
                              pass->n_tiles, making);
  making->head.listing.hash_mask = hash_mask;
  making->head.listing.least = least;
  if (!status) status = gattn_making_pairs(making, INT64_MAX);
  if (!status) status = gattn_making_list(making, store);
  end_making(context, previous, making);
  return status;
}

gattn_status gattn_list_build(gattn_context *context, gattn_frontier *frontier,
                              const gattn_device_attention *geometry,
                              const gattn_tile_pass *pass, gattn_graph *graph,
                              int64_t least, gattn_tile_store *store) {
  return gattn_list_build_hashed(context, frontier, geometry, pass, graph,
                                 least, UINT64_MAX, store);
}

/* ------------------------------------------------------------ samples */

/* Query tiles that are looked at, spread over the pass: enough that one odd one
 * among them does not decide. */
enum { SAMPLED = 32, LANES = 128 };

/* Pairs of which words are looked at, at the most: words are one a lane,
 * and 2^18 pairs of 128 lanes take the device about a millisecond. */
static const int64_t most_pairs = 1 << 18;

typedef struct sampling {
  int64_t n_tiles, n_rows;
  gattn_query_lane lanes[SAMPLED * LANES];
  int64_t vertices[SAMPLED * LANES]; /* [n_rows]: of lanes that are there */
} sampling;

static int64_t sampled_tile(int64_t n_tiles, int64_t s) {
  if (n_tiles <= SAMPLED) return s;
  const int64_t each = n_tiles / SAMPLED;
  return s * each + (s * 7 + 3) % each;
}

/* Their lanes, whose positions count those that are there. */
static void draw_sample(const gattn_device_attention *geometry,
                        const gattn_tile_pass *pass, sampling *sample) {
  sample->n_tiles = pass->n_tiles < SAMPLED ? pass->n_tiles : SAMPLED;
  sample->n_rows = 0;
  for (int64_t s = 0; s < sample->n_tiles; s++)
    for (int l = 0; l < pass->lanes; l++) {
      gattn_query_lane lane = gattn_query_lane_at(
          geometry, pass, sampled_tile(pass->n_tiles, s), l);
      if (lane.position >= 0) {
        sample->vertices[sample->n_rows] = lane.vertex;
        lane.position = sample->n_rows++;
      }
      sample->lanes[s * pass->lanes + l] = lane;
    }
}

/* Words are looked at where pairs do not tell of edges. */
static gattn_status count_sample(gattn_list_making *making,
                                 gattn_list_counts *counts) {
  static const gattn_list_counts none;
  void *stream = gattn_device_stream(making->context);
  const int64_t n = making->n_pairs;
  if (!making->tell) {
    gattn_status status = gattn_device_upload(making->context, making->counts,
                                              &none, sizeof none);
    if (status) return status;
  }
  int error = gattn_list_rows(making->device, making->head.listing.n_tiles,
                              making->counts, stream);
  if (n && !error)
    error = making->tell ? gattn_list_present(making->device, making->pairs, n,
                                              making->counts, stream)
                         : gattn_list_look(making->device, making->pass->lanes,
                                           making->pairs, n, NULL, NULL,
                                           making->counts, stream);
  gattn_status status = gattn_making_check(making, error);
  return status ? status : gattn_making_counts(making, counts);
}

static void put_sample(const gattn_list_making *making,
                       const gattn_list_counts *counts,
                       gattn_tile_sample *sample) {
  const double thin = (double)making->head.listing.thin;
  const double pairs = thin * (double)counts->pairs;
  *sample = (gattn_tile_sample){
      .edges = thin * (double)counts->edges,
      .slots = pairs * making->pass->lanes * GATTN_TILE_KEYS,
      .rows = (double)counts->rows,
      .present = thin * (double)counts->present * GATTN_TILE_KEYS,
      .key_tiles = pairs / (double)making->head.listing.n_tiles,
      .dense_edges = (double)counts->dense_edges,
      .dense_key_tiles =
          (double)counts->dense_pairs / (double)making->head.listing.n_tiles};
}

static gattn_status survey(gattn_context *context, const sampling *drawn,
                           const gattn_device_attention *geometry,
                           const gattn_tile_pass *pass, gattn_graph *graph,
                           int64_t dense, gattn_tile_sample *sample) {
  gattn_frontier *frontier;
  gattn_list_making *making;
  int previous;
  gattn_list_counts counts;
  gattn_status status = gattn_frontier_list(
      context, graph->n_q, drawn->vertices, drawn->n_rows, &frontier);
  if (status) return status;
  status = new_making(context, &previous, &making);
  if (status) goto release_frontier;
  status = gattn_making_start(context, frontier, geometry, pass, graph,
                              drawn->lanes, drawn->n_tiles, making);
  making->head.listing.dense = dense;
  if (!status) status = gattn_making_pairs(making, most_pairs);
  if (!status) status = count_sample(making, &counts);
  if (!status) put_sample(making, &counts, sample);
  end_making(context, previous, making);
release_frontier:
  gattn_frontier_release(frontier);
  return status;
}

gattn_status gattn_list_survey(gattn_context *context, gattn_frontier *frontier,
                               const gattn_device_attention *geometry,
                               const gattn_tile_pass *pass, gattn_graph *graph,
                               int64_t dense, gattn_tile_sample *sample) {
  sampling *drawn;
  (void)frontier;
  gattn_status status =
      gattn_allocate(context, "sample", 1, sizeof *drawn, (void **)&drawn);
  if (status) return status;
  draw_sample(geometry, pass, drawn);
  if (drawn->n_rows)
    status = survey(context, drawn, geometry, pass, graph, dense, sample);
  else
    *sample = (gattn_tile_sample){0};
  gattn_free(context, drawn, 1, sizeof *drawn);
  return status;
}

/* ------------------------------------------------------------ rows */

static size_t column_size(const gattn_device_rows *rows) {
  return rows->narrow ? sizeof(int32_t) : sizeof(int64_t);
}

/* Rows of the pairs that were found. */
static gattn_status put_rows(gattn_list_making *making, int64_t n_f,
                             gattn_device_rows *out) {
  gattn_context *context = making->context;
  gattn_device_rows rows = {.narrow = making->geometry->n_kv <= INT32_MAX,
                            .owned = 1,
                            .n_f = n_f,
                            .edges = making->n_pairs};
  gattn_list_entries entries = {.n = making->n_pairs, .pairs = making->pairs};
  void *stream = gattn_device_stream(context), *columns;
  gattn_status status =
      gattn_device_allocate(context, "row offsets", n_f + 1,
                            sizeof *entries.offsets, (void **)&entries.offsets);
  if (status) return status;
  rows.offsets = entries.offsets;
  status = gattn_device_allocate(context, "columns", rows.edges,
                                 column_size(&rows), &columns);
  if (status) goto free_rows;
  rows.columns = columns;
  int error =
      gattn_list_offsets(making->device, n_f, &entries, making->counts, stream);
  if (!error && rows.edges)
    error = gattn_list_columns(making->device, making->pairs, rows.edges,
                               rows.narrow, columns, stream);
  status = gattn_making_check(making, error);
  /* Before scratch is freed. */
  const gattn_status done = gattn_device_synchronize(context);
  if (!status) status = done;
  if (status) goto free_rows;
  *out = rows;
  return GATTN_SUCCESS;
free_rows:
  gattn_device_rows_free(context, &rows);
  return status;
}

static gattn_status list_edges(gattn_list_making *making, gattn_graph *graph,
                               gattn_frontier *frontier,
                               const gattn_device_part *apart,
                               gattn_device_rows *rows, bool *made) {
  const int64_t n_f = frontier ? frontier->size : graph->n_q;
  const gattn_device_attention geometry = {
      .n_f = n_f,
      .n_q = graph->n_q,
      .n_kv = graph->n_kv,
      .begin = frontier && !frontier->vertices ? frontier->begin : 0,
      .vertices = frontier ? frontier->vertices : NULL};
  const gattn_tile_pass pass = {.lanes = 1, .n_tiles = n_f, .row_all = 1};
  gattn_status status = gattn_making_start(making->context, frontier, &geometry,
                                           &pass, graph, NULL, n_f, making);
  if (status) return status;
  *made = gattn_source_is_stored(&making->made.source);
  if (!*made) return GATTN_SUCCESS;
  if (apart) {
    making->head.listing.apart = apart->list.list;
    making->head.listing.listed = apart->tiles;
  }
  status = gattn_making_rows(making);
  if (!status) status = gattn_making_pairs(making, INT64_MAX);
  return status ? status : put_rows(making, n_f, rows);
}

gattn_status gattn_list_edges(gattn_context *context, gattn_graph *graph,
                              gattn_frontier *frontier,
                              const gattn_device_part *apart,
                              gattn_device_rows *rows, bool *made) {
  gattn_list_making *making;
  int previous;
  *made = false;
  if (gattn_frontier_on_device(frontier) ||
      (!apart && !gattn_source_joins(graph)))
    return GATTN_SUCCESS;
  gattn_status status = new_making(context, &previous, &making);
  if (status) return status;
  status = list_edges(making, graph, frontier, apart, rows, made);
  end_making(context, previous, making);
  return status;
}
