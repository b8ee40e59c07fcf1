/* Parts in tiles of queries. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "operators/attend/worker.h"

/* ------------------------------------------------------------ state in, out */

static void load_queries(gattn_worker *worker, int64_t lanes) {
  const int64_t dim = worker->run->dim;
  for (int64_t l = 0; l < lanes; l++) {
    float *row = worker->q_rows + l * dim;
    if (worker->vertex[l] < 0)
      memset(row, 0, (size_t)dim * sizeof *row);
    else
      gattn_load_query(worker, worker->position[l], row);
  }
  worker->run->kernels->transpose(worker->q_rows, dim, lanes, dim,
                                  worker->tile.qt, lanes);
}

/* An empty state, or what earlier parts have left. */
static void load_state(gattn_worker *worker, int64_t lanes) {
  gattn_tile *tile = &worker->tile;
  bool begun = false;
  for (int64_t l = 0; l < lanes; l++) {
    bool idle = worker->vertex[l] < 0;
    tile->m[l] = idle ? -INFINITY : worker->m[worker->state[l]];
    tile->l[l] = idle ? 0.0f : worker->l[worker->state[l]];
    begun |= tile->l[l] != 0.0f;
  }
  const size_t row = (size_t)tile->dim_v * sizeof(float);
  if (!begun) {
    memset(tile->ot, 0, row * (size_t)lanes);
    return;
  }
  for (int64_t l = 0; l < lanes; l++) {
    float *o = worker->q_rows + l * tile->dim_v;
    if (worker->vertex[l] < 0)
      memset(o, 0, row);
    else
      memcpy(o, worker->o + worker->state[l] * tile->dim_v, row);
  }
  worker->run->kernels->transpose(worker->q_rows, tile->dim_v, lanes,
                                  tile->dim_v, tile->ot, lanes);
}

/* How far apart the lanes' states lie, or 0 when a lane is idle or they are
 * not equally spaced. */
static int64_t state_step(const gattn_worker *worker, int64_t lanes) {
  const int64_t step = worker->state[1] - worker->state[0];
  for (int64_t l = 0; l < lanes; l++)
    if (worker->vertex[l] < 0 ||
        worker->state[l] != worker->state[0] + l * step)
      return 0;
  return step;
}

static void store_state(gattn_worker *worker, int64_t lanes) {
  const gattn_tile *tile = &worker->tile;
  const gattn_kernels *kernels = worker->run->kernels;
  /* The lanes of a transpose's rows: a vector of columns at a time. */
  const int64_t whole = tile->dim_v / kernels->vector * kernels->vector;
  const int64_t step = state_step(worker, lanes);
  float *rows = worker->q_rows;
  if (step)
    kernels->transpose(tile->ot, lanes, whole, lanes,
                       worker->o + worker->state[0] * tile->dim_v,
                       step * tile->dim_v);
  else
    kernels->transpose(tile->ot, lanes, whole, lanes, rows, tile->dim_v);
  for (int64_t l = 0; l < lanes; l++) {
    if (worker->vertex[l] < 0) continue;
    float *o = worker->o + worker->state[l] * tile->dim_v;
    worker->m[worker->state[l]] = tile->m[l];
    worker->l[worker->state[l]] = tile->l[l];
    if (!step) memcpy(o, rows + l * tile->dim_v, (size_t)whole * sizeof *o);
    for (int64_t c = whole; c < tile->dim_v; c++)
      o[c] = tile->ot[c * lanes + l];
  }
}

/* ------------------------------------------------------------ one tile */

/* Rows key0 + stride·keys[r] of K or V as a block: as they lie when they are
 * equally spaced and float32, else copied together. */
static const float *block_rows(const gattn_rows *rows, const int64_t *keys,
                               int64_t count, int64_t residue, int64_t stride,
                               float *scratch, int64_t *row_stride) {
  const bool dense = keys[count - 1] - keys[0] == count - 1;
  if (rows->direct && dense) {
    *row_stride = rows->row_stride * stride;
    return gattn_rows_at(rows, residue + stride * keys[0], scratch);
  }
  for (int64_t r = 0; r < count; r++) {
    float *to = scratch + r * rows->columns;
    const float *from = gattn_rows_at(rows, residue + stride * keys[r], to);
    if (from != to) memcpy(to, from, (size_t)rows->columns * sizeof *to);
  }
  *row_stride = rows->columns;
  return scratch;
}

static bool all_full(const uint32_t *masks, int64_t count, uint32_t full) {
  uint32_t common = full;
  for (int64_t r = 0; r < count; r++) common &= masks[r];
  return common == full;
}

void gattn_tile_run(gattn_worker *worker, gattn_graph *graph, int64_t stride,
                    int64_t lanes, int64_t lo, int64_t hi) {
  const gattn_kernels *kernels = worker->run->kernels;
  gattn_tile *tile = &worker->tile;
  gattn_walk_begin(&worker->walk, graph, stride, worker->vertex, lanes, lo,
                   hi);
  if (worker->walk.n_groups == 0) return;
  const int64_t residue = worker->walk.groups[0].vertex % stride;
  const uint32_t full = (uint32_t)((UINT64_C(1) << lanes) - 1);
  int64_t count =
      gattn_walk_next(&worker->walk, worker->keys, worker->masks);
  if (count == 0) return;
  tile->lanes = lanes;
  load_queries(worker, lanes);
  load_state(worker, lanes);
  for (; count > 0; count = gattn_walk_next(&worker->walk, worker->keys,
                                            worker->masks)) {
    gattn_key_block block = {.count = count};
    block.k = block_rows(&worker->k, worker->keys, count, residue, stride,
                         worker->k_block, &block.k_stride);
    block.v = block_rows(&worker->v, worker->keys, count, residue, stride,
                         worker->v_block, &block.v_stride);
    if (!all_full(worker->masks, count, full)) block.mask = worker->masks;
    kernels->tile_scores(tile, &block);
    gattn_score_tile(worker, lanes, count, residue, stride);
    kernels->tile_accumulate(tile, &block);
  }
  store_state(worker, lanes);
}

/* ------------------------------------------------------------ tiles of a span */

/* Puts a position into the next lane; a split row leaves it idle. Its query
 * arrives while the keys are walked. */
static void take_lane(gattn_worker *worker, int64_t position, int64_t *lane) {
  int64_t vertex = gattn_vertex_of(worker, position);
  bool idle = gattn_is_split(worker->lowered, vertex);
  worker->position[*lane] = position;
  worker->vertex[*lane] = idle ? -1 : vertex;
  worker->state[*lane] = position - worker->first;
  gattn_rows_ask(&worker->q, gattn_row_of(worker, position));
  ++*lane;
}

static void run_lanes(gattn_worker *worker, const gattn_part *part,
                      int64_t *lane) {
  if (*lane == 0) return;
  const int64_t residue = gattn_vertex_of(worker, worker->position[0]) %
                          part->stride;
  while (*lane < part->lanes) worker->vertex[(*lane)++] = -1;
  gattn_tile_run(worker, part->graph, part->stride, part->lanes, 0,
                 gattn_class_keys(worker->run->n_kv, residue, part->stride));
  *lane = 0;
}

static void span_linear(gattn_worker *worker, const gattn_part *part) {
  int64_t lane = 0;
  for (int64_t p = 0; p < worker->count; p++) {
    take_lane(worker, worker->first + p, &lane);
    if (lane == part->lanes) run_lanes(worker, part, &lane);
  }
  run_lanes(worker, part, &lane);
}

/* Positions of a span have consecutive vertices, so those of one class are
 * stride apart. */
static void span_classes(gattn_worker *worker, const gattn_part *part) {
  int64_t lane = 0;
  for (int64_t start = 0; start < part->stride && start < worker->count;
       start++) {
    for (int64_t p = start; p < worker->count; p += part->stride) {
      take_lane(worker, worker->first + p, &lane);
      if (lane == part->lanes) run_lanes(worker, part, &lane);
    }
    run_lanes(worker, part, &lane);
  }
}

/* Rectangles of the grid, cut to the span. */
static void span_patches(gattn_worker *worker, const gattn_part *part) {
  const int64_t w = part->grid_w, end = worker->first + worker->count;
  for (int64_t y0 = worker->first / w; y0 * w < end; y0 += part->patch_h)
    for (int64_t x0 = 0; x0 < w; x0 += part->patch_w) {
      int64_t lane = 0;
      for (int64_t y = y0; y < y0 + part->patch_h; y++)
        for (int64_t x = x0; x < x0 + part->patch_w && x < w; x++) {
          int64_t position = y * w + x;
          if (position >= worker->first && position < end)
            take_lane(worker, position, &lane);
        }
      run_lanes(worker, part, &lane);
    }
}

void gattn_span_tiles(gattn_worker *worker, const gattn_part *part) {
  switch (part->order) {
    case GATTN_ORDER_LINEAR:
      span_linear(worker, part);
      break;
    case GATTN_ORDER_CLASSES:
      span_classes(worker, part);
      break;
    case GATTN_ORDER_PATCHES:
      span_patches(worker, part);
      break;
  }
}
