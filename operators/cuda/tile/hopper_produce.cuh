/* The producers of a Hopper block: they lay out items, and fill the ring.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_TILE_HOPPER_PRODUCE_CUH
#define GATTN_OPERATORS_CUDA_TILE_HOPPER_PRODUCE_CUH

#include "operators/cuda/tile/hopper_shared.cuh"

/* All lanes: 32 rows of the item from 32·w on, and their cover. */
GATTN_DEVICE void gattn_lay_out_warp(const gattn_hopper_run &run,
                                     const gattn_tile_item &item, int w,
                                     gattn_hopper_item *laid) {
  const gattn_bounds_kind kind = (gattn_bounds_kind)run.facts.bounds;
  const int row = 32 * w + threadIdx.x % 32;
  const gattn_query_lane query =
      run.facts.only_range ? gattn_range_lane(run.a, run.pass, item.tile, row)
                           : gattn_find_lane(run.a, run.pass, item.tile, row);
  gattn_row_bounds bounds = {{0, 0}, {0, 0}};
  if (kind != GATTN_BOUNDS_NONE && query.position >= 0)
    bounds = run.facts.only_interval
                 ? gattn_interval_bounds(run.pass.formula, query.number)
                 : gattn_find_bounds(run.pass, item.head, kind, query.number);
  laid->lanes[row] = query;
  /* What is empty may begin and end beyond 32 bits. */
#pragma unroll
  for (int n = 0; n < 2; n++) {
    const bool some = bounds.begin[n] < bounds.end[n];
    laid->bounds[row].begin[n] = some ? (int32_t)bounds.begin[n] : 0;
    laid->bounds[row].end[n] = some ? (int32_t)bounds.end[n] : 0;
  }
  gattn_warp_cover cover;
  gattn_cover_warp(bounds, query.position >= 0,
                   kind == GATTN_BOUNDS_RECTANGLE ? 3 : 6, &cover);
  if (threadIdx.x % 32 == 0) laid->covers[w] = cover;
}

GATTN_DEVICE gattn_warp_cover gattn_item_hull(const gattn_hopper_item &item) {
  gattn_warp_cover hull = item.covers[0];
#pragma unroll
  for (int w = 1; w < GATTN_HOPPER_LANES / 32; w++)
#pragma unroll
    for (int n = 0; n < 2; n++) {
      hull.hull_begin[n] =
          min(hull.hull_begin[n], item.covers[w].hull_begin[n]);
      hull.hull_end[n] = max(hull.hull_end[n], item.covers[w].hull_end[n]);
    }
  return hull;
}

/* The tiles of two intervals' hulls, which may overlap. */
GATTN_DEVICE void gattn_interval_tiles(const gattn_hopper_run &run,
                                       const gattn_warp_cover &hull,
                                       int64_t query_tile,
                                       gattn_hopper_tiles *tiles) {
  const int low = hull.hull_begin[1] < hull.hull_begin[0];
  const int begin[2] = {low ? hull.hull_begin[1] : hull.hull_begin[0],
                        low ? hull.hull_begin[0] : hull.hull_begin[1]};
  const int end[2] = {low ? hull.hull_end[1] : hull.hull_end[0],
                      low ? hull.hull_end[0] : hull.hull_end[1]};
  const gattn_numbering &numbering = run.pass.numbering;
  tiles->length = begin[0] < end[0] ? end[0] - begin[0] : 0;
  tiles->begin[0] = begin[0];
  tiles->begin[1] = tiles->length && begin[1] < end[0] ? end[0] : begin[1];
  tiles->in_formula =
      tiles->length +
      (tiles->begin[1] < end[1] ? end[1] - tiles->begin[1] : 0);
  if (numbering.kind != GATTN_NUMBER_CLASSES) return;
  tiles->residue = gattn_quotient(
      run.pass.first_tile + query_tile,
      gattn_class_tiles(&numbering, run.pass.lanes, run.a.n_q));
  tiles->keys = gattn_quotient(run.a.n_kv, numbering.stride);
}

/* The key tiles of an item whose rows are laid out. */
GATTN_DEVICE gattn_hopper_tiles gattn_find_tiles(
    const gattn_hopper_run &run, const gattn_tile_item &item,
    const gattn_hopper_item &laid) {
  const gattn_warp_cover hull = gattn_item_hull(laid);
  gattn_hopper_tiles tiles;
  tiles.residue = tiles.in_formula = tiles.list_begin = 0;
  tiles.keys = run.a.n_kv;
  if (run.facts.bounds == GATTN_BOUNDS_INTERVALS) {
    gattn_interval_tiles(run, hull, item.tile, &tiles);
  } else if (run.facts.bounds == GATTN_BOUNDS_RECTANGLE) {
    tiles.begin[0] = hull.hull_begin[0];
    tiles.begin[1] = hull.hull_begin[1];
    tiles.length = hull.hull_end[1] - hull.hull_begin[1];
    if (tiles.length > 0 && hull.hull_end[0] > hull.hull_begin[0])
      tiles.in_formula =
          (int64_t)tiles.length * (hull.hull_end[0] - hull.hull_begin[0]);
  }
  int64_t places = tiles.in_formula;
  const gattn_tile_list *list = gattn_pass_list(&run.pass, item.head);
  if (list->offsets) {
    tiles.list_begin = list->offsets[item.tile];
    places += list->offsets[item.tile + 1] - tiles.list_begin;
  }
  tiles.first = 0;
  tiles.count = (int32_t)places;
  if (run.pass.pieces > 1) {
    const int64_t each = gattn_quotient(places, run.pass.pieces);
    const int64_t more = places - each * run.pass.pieces;
    tiles.first = each * item.piece + min(item.piece, more);
    tiles.count = (int32_t)(each + (item.piece < more));
  }
  return tiles;
}

/* How group g meets a key tile of words from bounds; its rows are those of two
 * covers. */
GATTN_DEVICE gattn_cover gattn_group_cover(const gattn_hopper_item &item,
                                           const gattn_ring_entry &entry,
                                           int g) {
  const gattn_warp_cover &low = item.covers[2 * g];
  const gattn_warp_cover &high = item.covers[2 * g + 1];
  const bool both = entry.word == GATTN_WORDS_OF_RECTANGLE;
  bool some[2], all[2];
#pragma unroll
  for (int n = 0; n < 2; n++) {
    const int t = entry.at[n] >> (both ? 3 : 6);
    all[n] = max(low.core_begin[n], high.core_begin[n]) <= t &&
             t < min(low.core_end[n], high.core_end[n]);
    some[n] = (low.hull_begin[n] <= t && t < low.hull_end[n]) ||
              (high.hull_begin[n] <= t && t < high.hull_end[n]);
  }
  /* The core of a group without rows is everything, its hull nothing. */
  if (!(both ? some[0] && some[1] : some[0] || some[1]))
    return GATTN_COVER_NONE;
  return (both ? all[0] && all[1] : all[0] || all[1]) ? GATTN_COVER_ALL
                                                      : GATTN_COVER_SOME;
}

GATTN_DEVICE void gattn_find_covers(const gattn_hopper_item &item,
                                    gattn_ring_entry *entry) {
  const bool full = entry->word == GATTN_FULL_TILE &&
                    entry->columns * entry->lines == GATTN_TILE_KEYS;
#pragma unroll
  for (int g = 0; g < GATTN_HOPPER_GROUPS; g++)
    entry->cover[g] = entry->word <= GATTN_WORDS_OF_INTERVALS
                          ? gattn_group_cover(item, *entry, g)
                      : full ? GATTN_COVER_ALL
                             : GATTN_COVER_SOME;
}

/* One thread: the rows of Q, if they come by boxes; the item is full with
 * them. */
template <int D, int STAGES>
GATTN_DEVICE void gattn_send_queries(const gattn_hopper_run &run,
                                     const gattn_tile_item &item, int slot,
                                     gattn_hopper_shared<D, STAGES> *shared) {
  const uint32_t full = gattn_shared_address(&shared->item_full[slot]);
  if (!run.hopper.q_boxes) {
    gattn_arrive(full);
    return;
  }
  const gattn_tile tile =
      gattn_tile_at(&run.pass.numbering, GATTN_HOPPER_LANES, run.a.n_q,
                    run.pass.first_tile + item.tile);
  int32_t at[5] = {0, 0, 0, (int32_t)item.head, (int32_t)item.batch};
  gattn_box_corner(run.pass.numbering, tile.base, &at[1], &at[2]);
  if (run.pass.numbering.kind == GATTN_NUMBER_LINEAR)
    at[1] = (int32_t)(tile.base - run.a.begin);
  gattn_arrival_expect(full, GATTN_HOPPER_LANES * D * 2);
#pragma unroll
  for (int p = 0; p < D / 64; p++, at[0] += 64)
    gattn_copy_box(gattn_shared_address(shared->q[slot]) +
                       p * GATTN_HOPPER_LANES * 128,
                   &run.hopper.q, full, at);
}

/* All lanes of one warp, when the rows of an item are laid out: its key tiles,
 * and its queries. */
template <int D, int STAGES>
GATTN_DEVICE void gattn_end_layout(const gattn_hopper_run &run,
                                   const gattn_tile_item &item, int slot,
                                   gattn_hopper_shared<D, STAGES> *shared) {
  gattn_hopper_item *laid = &shared->items[slot];
  const gattn_hopper_tiles tiles = gattn_find_tiles(run, item, *laid);
  if (threadIdx.x % 32) return;
  laid->item = item;
  laid->tiles = tiles;
  gattn_arrive(gattn_shared_address(&shared->laid_out[slot]));
  gattn_send_queries(run, item, slot, shared);
}

/* All lanes of a warp that lays out, number `layer`: every item of the
 * block. */
template <int D, int STAGES>
GATTN_DEVICE void gattn_lay_out(const gattn_hopper_run &run, int layer,
                                gattn_hopper_shared<D, STAGES> *shared) {
  gattn_ring_place<GATTN_HOPPER_ITEMS> at = {0, 0};
#pragma unroll 1
  for (int64_t n = blockIdx.x; n < run.facts.items; n += gridDim.x) {
    const int slot = at.stage;
    const gattn_tile_item item =
        gattn_tile_item_of(run.a, run.pass, run.facts.group, n);
    gattn_arrival_wait(gattn_shared_address(&shared->item_empty[slot]),
                       at.phase ^ 1);
#pragma unroll 1
    for (int w = layer; w < GATTN_HOPPER_LANES / 32; w += GATTN_HOPPER_LAYERS)
      gattn_lay_out_warp(run, item, w, &shared->items[slot]);
    gattn_layers_barrier();
    if (layer == GATTN_HOPPER_LAYERS - 1)
      gattn_end_layout(run, item, slot, shared);
    gattn_next_place(&at);
  }
}

/* One thread: a key tile that some row has an edge to. */
template <int D, int STAGES>
GATTN_DEVICE void gattn_send_keys(const gattn_hopper_run &run,
                                  const gattn_tile_item &item, int stage,
                                  const gattn_ring_entry &entry,
                                  gattn_hopper_shared<D, STAGES> *shared) {
  const uint32_t full = gattn_shared_address(&shared->full[stage]);
  const bool listed = entry.word >= 0;
  int32_t at[5] = {0, 0, 0,
                   (int32_t)gattn_quotient(item.head, run.facts.group),
                   (int32_t)item.batch};
  gattn_box_corner(run.pass.numbering, entry.base, &at[1], &at[2]);
  gattn_arrival_expect(full, 2 * GATTN_TILE_KEYS * D * 2 +
                                 (listed ? GATTN_HOPPER_LANES * 8 : 0));
#pragma unroll
  for (int p = 0; p < D / 64; p++, at[0] += 64) {
    const int panel = p * GATTN_TILE_KEYS * 128;
    gattn_copy_box(gattn_shared_address(shared->k[stage]) + panel,
                   &run.hopper.k, full, at);
    gattn_copy_box(gattn_shared_address(shared->v[stage]) + panel,
                   &run.hopper.v, full, at);
  }
  if (listed)
    gattn_copy_bytes(gattn_shared_address(shared->words[stage]),
                     gattn_pass_list(&run.pass, item.head)->bits +
                         (int64_t)entry.word * GATTN_HOPPER_LANES,
                     GATTN_HOPPER_LANES * 8, full);
}

/* All lanes: the key tiles of the item in `slot`, which go to the ring from
 * *place on. */
template <int D, int STAGES>
GATTN_DEVICE void gattn_send_tiles(const gattn_hopper_run &run, int slot,
                                   gattn_hopper_shared<D, STAGES> *shared,
                                   gattn_ring_place<STAGES> *place) {
  const int lane = threadIdx.x % 32;
  const gattn_hopper_item &item = shared->items[slot];
  const int count = item.tiles.count;
#pragma unroll 1
  for (int from = 0; from < count; from += 32) {
    /* A key tile a lane: */
    gattn_ring_entry entry;
    if (from + lane < count) {
      gattn_item_place(run, item, from + lane, &entry);
      gattn_find_covers(item, &entry);
    }
    const int here = min(32, count - from);
#pragma unroll 1
    for (int n = 0; n < here; n++) {
      const int stage = place->stage;
      gattn_arrival_wait(gattn_shared_address(&shared->empty[stage]),
                         place->phase ^ 1);
      gattn_next_place(place);
      if (lane == n) {
        shared->entries[stage] = entry;
        if (entry.cover[0] == GATTN_COVER_NONE &&
            entry.cover[1] == GATTN_COVER_NONE)
          gattn_arrive(gattn_shared_address(&shared->full[stage]));
        else
          gattn_send_keys(run, item.item, stage, entry, shared);
      }
      __syncwarp();
    }
  }
}

/* All lanes of the sender: every item of the block. */
template <int D, int STAGES>
GATTN_DEVICE void gattn_send(const gattn_hopper_run &run,
                             gattn_hopper_shared<D, STAGES> *shared) {
  gattn_ring_place<STAGES> place = {0, 0};
  gattn_ring_place<GATTN_HOPPER_ITEMS> at = {0, 0};
#pragma unroll 1
  for (int64_t n = blockIdx.x; n < run.facts.items; n += gridDim.x) {
    gattn_arrival_wait(gattn_shared_address(&shared->laid_out[at.stage]),
                       at.phase);
    gattn_send_tiles(run, at.stage, shared, &place);
    gattn_release(&shared->item_empty[at.stage]);
    gattn_next_place(&at);
  }
}

#endif
