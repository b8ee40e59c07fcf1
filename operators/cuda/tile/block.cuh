/* What a block of four warps knows of its query tile: its rows, how each warp's
 * rows meet the key tiles, and the key tiles to come.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_TILE_BLOCK_CUH
#define GATTN_OPERATORS_CUDA_TILE_BLOCK_CUH

#include "operators/cuda/tile/bounds.h"
#include "operators/cuda/tile/mma.cuh"
#include "operators/cuda/tile/sequence.h"
#include "operators/cuda/tile/tile.h"

enum {
  GATTN_TILE_WARPS = 4,
  GATTN_TILE_THREADS = 32 * GATTN_TILE_WARPS,
  GATTN_PLACES = 64 /* key tiles laid out ahead, in two halves of a warp each */
};

/* What the grid says this block works on. */
typedef struct gattn_tile_item {
  int64_t tile, head, batch, piece;
} gattn_tile_item;

/* Where the edges of a key tile are written down, besides words of a list (0
 * and up) and GATTN_FULL_TILE. */
enum {
  GATTN_WORDS_OF_FORMULA = -2, /* the formula is read for every row */
  GATTN_WORDS_OF_INTERVALS = -3,
  GATTN_WORDS_OF_RECTANGLE = -4
};

/* A key tile to come. */
typedef struct gattn_key_place {
  int64_t base;  /* number of its first key */
  int64_t first; /* INTERVALS: that key's place in its class; RECTANGLE: the
                  * first line · 2^32 + the first column */
  int32_t word;  /* of a list, or one of the above */
  int32_t tile;  /* INTERVALS: first / 64 */
  int32_t columns, lines; /* as in gattn_tile */
} gattn_key_place;

/* Key tiles that a warp's rows have edges to lie in [begin, end) of a hull;
 * those wholly in every row's neighbourhood in a core. INTERVALS: either of the
 * two; RECTANGLE: both, for lines and columns of patches. */
typedef struct gattn_warp_cover {
  int32_t hull_begin[2], hull_end[2], core_begin[2], core_end[2];
} gattn_warp_cover;

/* The key tiles of a band: tile n of the sequence has the places from
 * 64·(tile + n) on of one class, whose keys are residue + step·place. */
typedef struct gattn_tile_band {
  int64_t residue, keys; /* as many keys has the class */
  int32_t tile, count;
} gattn_tile_band;

template <int LANES>
struct gattn_tile_block {
  gattn_tile_band band[GATTN_TILE_WARPS]; /* alike: a warp reads its own */

  gattn_tile_item item;
  gattn_bounds_kind kind;
  gattn_query_lane lanes[LANES];
  gattn_row_bounds bounds[LANES];
  gattn_warp_cover covers[GATTN_TILE_WARPS];
  int64_t first[GATTN_TILE_WARPS], last[GATTN_TILE_WARPS]; /* numbers */
  gattn_key_sequence sequence;
  gattn_key_place places[GATTN_PLACES];
};

/* n mod by; n becomes n / by. */
GATTN_DEVICE int64_t gattn_split(int64_t *n, int64_t by) {
  if (by == 1) return 0;
  const int64_t quotient = gattn_quotient(*n, by), rest = *n - quotient * by;
  *n = quotient;
  return rest;
}

/* Tiles, then pieces, within the query heads of one key head side by side, so
 * that what they read is still in the cache; the last tiles first, since under
 * a causal mask those are the longest. */
GATTN_DEVICE gattn_tile_item gattn_tile_item_of(const gattn_device_attention &a,
                                                const gattn_tile_pass &pass,
                                                int64_t group, int64_t n) {
  gattn_tile_item item;
  const int64_t member = gattn_split(&n, group);
  item.tile = pass.n_tiles - 1 - gattn_split(&n, pass.n_tiles);
  item.piece = gattn_split(&n, pass.pieces);
  item.head = gattn_split(&n, a.kv_heads) * group + member;
  item.batch = n;
  return item;
}

/* The general readings of a formula are called, not copied into every kernel;
 * a kernel's loops keep their registers. Warps that have been given few of them
 * may not call, and define this before. */
#ifndef GATTN_TILE_CALLED
#define GATTN_TILE_CALLED static __device__ __noinline__
#endif

GATTN_TILE_CALLED uint64_t
gattn_row_word(const gattn_tile_pass &pass, int64_t head,
               const gattn_query_lane &query, const gattn_tile &keys) {
  return query.position < 0
             ? 0
             : gattn_formula_word(gattn_pass_formula(&pass, head), query.number,
                                  &keys);
}

GATTN_TILE_CALLED void gattn_find_sequence(
    const gattn_device_attention &a, const gattn_tile_pass &pass,
    const gattn_tile_item &item, int64_t first, int64_t last,
    gattn_key_sequence *sequence) {
  gattn_key_sequence_of(&a, &pass, item.head, item.tile, item.piece, first,
                        last, sequence);
}

GATTN_TILE_CALLED void gattn_cut_sequence(
    const gattn_tile_pass &pass, const gattn_tile_item &item,
    gattn_key_sequence *sequence) {
  gattn_key_sequence_cut(&pass, item.head, item.tile, item.piece, sequence);
}

GATTN_TILE_CALLED gattn_query_lane
gattn_find_lane(const gattn_device_attention &a, const gattn_tile_pass &pass,
                int64_t tile, int row) {
  return gattn_query_lane_at(&a, &pass, tile, row);
}

GATTN_TILE_CALLED gattn_row_bounds
gattn_find_bounds(const gattn_tile_pass &pass, int64_t head,
                  gattn_bounds_kind kind, int64_t i) {
  return gattn_row_bounds_of(gattn_pass_formula(&pass, head), &pass.numbering,
                             kind, i);
}

GATTN_TILE_CALLED gattn_bounds_kind
gattn_head_bounds(const gattn_tile_pass &pass, int64_t head) {
  return gattn_pass_bounds(&pass, gattn_pass_formula(&pass, head));
}

/* Row `row` of the tile where queries are a range of vertices. */
GATTN_DEVICE gattn_query_lane gattn_range_lane(const gattn_device_attention &a,
                                               const gattn_tile_pass &pass,
                                               int64_t tile, int row) {
  gattn_query_lane query;
  query.vertex = query.number = (pass.first_tile + tile) * pass.lanes + row;
  query.position = query.row = query.vertex - a.begin;
  if (query.vertex >= a.n_q || query.position < 0 || query.position >= a.n_f)
    query.position = -1;
  return query;
}

GATTN_DEVICE gattn_row_bounds
gattn_interval_bounds(const gattn_formula &formula, int64_t i) {
  gattn_row_bounds bounds;
  gattn_bounds_of_atom(&formula, &formula.atoms[0], i, &bounds);
  return bounds;
}

/* All lanes of a warp; `present` ones say their row's bounds. */
GATTN_DEVICE void gattn_cover_warp(const gattn_row_bounds &bounds, bool present,
                                   int shift, gattn_warp_cover *cover) {
  const int64_t round = ((int64_t)1 << shift) - 1;
#pragma unroll
  for (int n = 0; n < 2; n++) {
    const int64_t begin = bounds.begin[n], end = bounds.end[n];
    const bool some = present && begin < end;
    int32_t hull[2] = {INT32_MAX, INT32_MIN}, core[2] = {INT32_MIN, INT32_MAX};
    if (some) {
      hull[0] = (int32_t)(begin >> shift);
      hull[1] = (int32_t)((end + round) >> shift);
    }
    if (present) {
      core[0] = some ? (int32_t)((begin + round) >> shift) : INT32_MAX;
      core[1] = some ? (int32_t)(end >> shift) : INT32_MIN;
    }
    cover->hull_begin[n] = __reduce_min_sync(~0u, hull[0]);
    cover->hull_end[n] = __reduce_max_sync(~0u, hull[1]);
    cover->core_begin[n] = __reduce_max_sync(~0u, core[0]);
    cover->core_end[n] = __reduce_min_sync(~0u, core[1]);
  }
}

/* All lanes of a warp: the least and the largest number of its rows. */
GATTN_DEVICE void gattn_number_range(const gattn_query_lane &query,
                                     int64_t *first, int64_t *last) {
  int64_t low = query.position >= 0 ? query.number : INT64_MAX;
  int64_t high = query.position >= 0 ? query.number : -1;
#pragma unroll
  for (int step = 16; step; step /= 2) {
    const int64_t other_low = __shfl_xor_sync(~0u, low, step);
    const int64_t other_high = __shfl_xor_sync(~0u, high, step);
    low = other_low < low ? other_low : low;
    high = other_high > high ? other_high : high;
  }
  *first = low;
  *last = high;
}

/* All threads: lays out the rows of the tile, warp w those from w·ROWS on, and
 * covers. A barrier must follow. */
template <int ROWS, int LANES>
GATTN_DEVICE void gattn_lay_out_rows(const gattn_device_attention &a,
                                     const gattn_tile_pass &pass,
                                     const gattn_tile_item &item,
                                     const gattn_tile_launch_facts &facts,
                                     gattn_bounds_kind kind,
                                     gattn_tile_block<LANES> *block) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  gattn_query_lane query;
  gattn_row_bounds bounds = {{0, 0}, {0, 0}};
  query.position = -1;
  query.number = 0;
  if (lane < ROWS) {
    const int row = warp * ROWS + lane;
    query = facts.only_range ? gattn_range_lane(a, pass, item.tile, row)
                             : gattn_find_lane(a, pass, item.tile, row);
    if (kind != GATTN_BOUNDS_NONE && query.position >= 0)
      bounds = facts.only_interval
                   ? gattn_interval_bounds(pass.formula, query.number)
                   : gattn_find_bounds(pass, item.head, kind, query.number);
    block->lanes[row] = query;
    block->bounds[row] = bounds;
  }
  if (kind == GATTN_BOUNDS_NONE) {
    int64_t first, last;
    gattn_number_range(query, &first, &last);
    if (lane == 0) {
      block->first[warp] = first;
      block->last[warp] = last;
    }
  } else {
    gattn_warp_cover cover;
    gattn_cover_warp(bounds, query.position >= 0,
                     kind == GATTN_BOUNDS_RECTANGLE ? 3 : 6, &cover);
    if (lane == 0) block->covers[warp] = cover;
  }
}

/* The interval of the query at `place` of its class, as places of keys. */
GATTN_DEVICE gattn_key_run gattn_band_run(const gattn_tile_pass &pass,
                                          const gattn_key_atom &atom,
                                          int64_t step, int64_t residue,
                                          int64_t keys, int64_t place) {
  const int64_t i = residue + step * place;
  gattn_key_run run = {gattn_key_bound_at(atom.begin, i),
                       gattn_key_bound_at(atom.end, i)};
  if (step > 1) {
    run.begin = gattn_place_in_class(run.begin, residue, step);
    run.end = gattn_place_in_class(run.end, residue, step);
  }
  run.begin = run.begin < 0 ? 0 : run.begin > keys ? keys : run.begin;
  run.end = run.end > keys ? keys : run.end;
  return run;
}

/* All lanes of a warp: its rows, its cover and its band, which only the warp
 * reads; other warps find the same band. */
template <int ROWS, int LANES>
GATTN_DEVICE void gattn_lay_out_band(const gattn_device_attention &a,
                                     const gattn_tile_pass &pass,
                                     const gattn_tile_item &item,
                                     const gattn_tile_launch_facts &facts,
                                     gattn_tile_block<LANES> *block) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const gattn_key_atom &atom = pass.formula.atoms[facts.band_atom];
  const int64_t step = facts.form.step;
  int64_t tile = pass.first_tile + item.tile, residue = 0;
  gattn_tile_band band = {0, a.n_kv, 0, 0};
  int64_t queries = a.n_q;
  if (step > 1) {
    const int64_t tiles = gattn_class_tiles(&pass.numbering, LANES, a.n_q);
    residue = gattn_quotient(tile, tiles);
    tile -= residue * tiles;
    queries = gattn_quotient(a.n_q - residue + step - 1, step);
    band.keys = a.n_kv <= residue
                    ? 0
                    : gattn_quotient(a.n_kv - residue + step - 1, step);
  }
  band.residue = residue;
  const auto run = [&](int64_t row) {
    const int64_t place = tile * LANES + row;
    return gattn_band_run(pass, atom, step, residue, band.keys,
                          place < queries ? place : queries - 1);
  };
  const int64_t begin = run(0).begin / GATTN_TILE_KEYS;
  const int64_t end =
      (run(LANES - 1).end + GATTN_TILE_KEYS - 1) / GATTN_TILE_KEYS;
  int64_t first = 0, last = end > begin ? end - begin : 0;
  if (pass.pieces > 1) {
    const int64_t each = gattn_quotient(last, pass.pieces);
    const int64_t more = last - each * pass.pieces;
    first = each * item.piece + (item.piece < more ? item.piece : more);
    last = first + each + (item.piece < more);
  }
  band.tile = (int32_t)(begin + first);
  band.count = (int32_t)(last - first);
  const int row = warp * ROWS + lane % ROWS;
  const gattn_key_run own = run(row);
  const gattn_key_run low = run(warp * ROWS);
  const gattn_key_run high = run(warp * ROWS + ROWS - 1);
  bool present = false;
  if (lane < ROWS) {
    const gattn_query_lane query =
        facts.only_range ? gattn_range_lane(a, pass, item.tile, row)
                         : gattn_find_lane(a, pass, item.tile, row);
    block->lanes[row] = query;
    block->bounds[row] = {{own.begin, 0}, {own.end, 0}};
    present = query.position >= 0;
  }
  const bool some = __any_sync(~0u, present);
  if (lane == 0) {
    gattn_warp_cover cover = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};
    cover.hull_begin[0] = (int32_t)(low.begin / GATTN_TILE_KEYS);
    cover.hull_end[0] =
        (int32_t)((high.end + GATTN_TILE_KEYS - 1) / GATTN_TILE_KEYS);
    cover.core_begin[0] =
        (int32_t)((high.begin + GATTN_TILE_KEYS - 1) / GATTN_TILE_KEYS);
    cover.core_end[0] = (int32_t)(low.end / GATTN_TILE_KEYS);
    if (!some) cover.hull_end[0] = cover.core_end[0] = 0;
    block->covers[warp] = cover;
    block->band[warp] = band;
  }
  __syncwarp();
}

/* Key tile n of a band. */
GATTN_DEVICE gattn_key_place gattn_band_place(const gattn_tile_band &band,
                                              int64_t step, int n) {
  gattn_key_place place;
  place.tile = band.tile + n;
  place.first = (int64_t)place.tile * GATTN_TILE_KEYS;
  place.base = band.residue + step * place.first;
  place.word = GATTN_WORDS_OF_INTERVALS;
  place.columns = gattn_clip_lanes(band.keys - place.first, GATTN_TILE_KEYS);
  place.lines = 1;
  return place;
}

/* One thread: the hull of all warps. */
template <int LANES>
GATTN_DEVICE gattn_warp_cover
gattn_block_hull(const gattn_tile_block<LANES> &block) {
  gattn_warp_cover hull = block.covers[0];
  for (int w = 1; w < GATTN_TILE_WARPS; w++)
    for (int n = 0; n < 2; n++) {
      hull.hull_begin[n] =
          min(hull.hull_begin[n], block.covers[w].hull_begin[n]);
      hull.hull_end[n] = max(hull.hull_end[n], block.covers[w].hull_end[n]);
    }
  return hull;
}

/* One thread: spans of the hull's intervals; `origin` is the tile where the
 * queries' class begins. */
GATTN_DEVICE void gattn_interval_spans(const gattn_warp_cover &hull,
                                       int64_t origin,
                                       gattn_key_sequence *sequence) {
  const int low = hull.hull_begin[1] < hull.hull_begin[0];
  int n = 0;
  for (int k = 0; k < 2; k++) {
    const int which = k ? !low : low;
    int64_t begin = hull.hull_begin[which];
    const int64_t end = hull.hull_end[which];
    if (n && begin < sequence->spans[0].end - origin)
      begin = sequence->spans[0].end - origin;
    if (begin >= end) continue;
    sequence->spans[n].begin = origin + begin;
    sequence->spans[n++].end = origin + end;
  }
  sequence->n_spans = n;
}

/* One thread: spans of the patches in the hull; false when they are too many.
 * `across` patches lie side by side. */
GATTN_DEVICE bool gattn_rectangle_spans(const gattn_warp_cover &hull,
                                        int64_t across,
                                        gattn_key_sequence *sequence) {
  sequence->n_spans = 0;
  if (hull.hull_begin[1] >= hull.hull_end[1]) return true;
  if (hull.hull_end[0] - (int64_t)hull.hull_begin[0] > GATTN_SPANS_MOST)
    return false;
  for (int64_t y = hull.hull_begin[0]; y < hull.hull_end[0]; y++) {
    gattn_span *span = &sequence->spans[sequence->n_spans++];
    span->begin = y * across + hull.hull_begin[1];
    span->end = y * across + hull.hull_end[1];
  }
  return true;
}

/* One thread, after gattn_lay_out_rows and a barrier: the block's sequence of
 * key tiles. A barrier must follow. */
template <int LANES>
GATTN_DEVICE void gattn_tile_sequence(const gattn_device_attention &a,
                                      const gattn_tile_pass &pass,
                                      const gattn_tile_item &item,
                                      gattn_bounds_kind kind,
                                      gattn_tile_block<LANES> *block) {
  const gattn_numbering &numbering = pass.numbering;
  int64_t first = block->first[0], last = block->last[0];
  bool found = false;
  if (kind != GATTN_BOUNDS_NONE) {
    const gattn_warp_cover hull = gattn_block_hull(*block);
    first = 0;
    last = a.n_q - 1;
    if (kind == GATTN_BOUNDS_RECTANGLE) {
      found = gattn_rectangle_spans(hull, (numbering.grid_w + 7) / 8,
                                    &block->sequence);
    } else {
      int64_t origin = 0;
      if (numbering.kind == GATTN_NUMBER_CLASSES)
        origin =
            gattn_quotient(pass.first_tile + item.tile,
                           gattn_class_tiles(&numbering, pass.lanes, a.n_q)) *
            gattn_class_tiles(&numbering, GATTN_TILE_KEYS, a.n_kv);
      gattn_interval_spans(hull, origin, &block->sequence);
      found = true;
    }
  }
  if (kind == GATTN_BOUNDS_NONE) {
    for (int w = 1; w < GATTN_TILE_WARPS; w++) {
      first = block->first[w] < first ? block->first[w] : first;
      last = block->last[w] > last ? block->last[w] : last;
    }
    found = first > last; /* no rows */
    block->sequence.n_spans = 0;
  }
  if (found)
    gattn_cut_sequence(pass, item, &block->sequence);
  else
    gattn_find_sequence(a, pass, item, first, last, &block->sequence);
}

/* All lanes of one warp: lays out the places [32·half, 32·half + 32) after
 * sequence.begin, as far as they exist. A barrier must follow. */
GATTN_TILE_CALLED void gattn_fill_places(
    const gattn_device_attention &a, const gattn_tile_pass &pass, int64_t head,
    gattn_bounds_kind kind, int64_t half, const gattn_key_sequence *sequence,
    gattn_key_place *places) {
  const int64_t n = 32 * half + threadIdx.x % 32;
  if (n >= sequence->end - sequence->begin) return;
  const gattn_numbering &numbering = pass.numbering;
  const gattn_tile_list *list = gattn_pass_list(&pass, head);
  gattn_key_place *place = &places[n % GATTN_PLACES];
  int64_t entry;
  const int64_t t =
      gattn_key_sequence_at(sequence, list, sequence->begin + n, &entry);
  const gattn_tile tile = gattn_tile_at(&numbering, GATTN_TILE_KEYS, a.n_kv, t);
  place->base = tile.base;
  place->columns = tile.columns;
  place->lines = tile.lines;
  place->word = entry >= 0                       ? list->words[entry]
                : kind == GATTN_BOUNDS_NONE      ? GATTN_WORDS_OF_FORMULA
                : kind == GATTN_BOUNDS_INTERVALS ? GATTN_WORDS_OF_INTERVALS
                                                 : GATTN_WORDS_OF_RECTANGLE;
  place->first = t * GATTN_TILE_KEYS;
  if (numbering.kind == GATTN_NUMBER_CLASSES)
    place->first = gattn_quotient(tile.base, numbering.stride);
  place->tile = (int32_t)(place->first / GATTN_TILE_KEYS);
  if (kind == GATTN_BOUNDS_RECTANGLE)
    place->first =
        (gattn_quotient(tile.base, numbering.grid_w) << 32) + tile.base -
        gattn_quotient(tile.base, numbering.grid_w) * numbering.grid_w;
}

#endif
