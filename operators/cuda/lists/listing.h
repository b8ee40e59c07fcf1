/* What a tile list is made of, and how its parts are numbered.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything here also runs on the host. */
#ifndef GATTN_OPERATORS_CUDA_LISTS_LISTING_H
#define GATTN_OPERATORS_CUDA_LISTS_LISTING_H

#include "operators/cuda/lists/source.h"

/* The query tiles of a pass, or a sample of them, and the edges that are
 * listed. A PAIR is a query tile and a key tile as one number,
 * (t << shift) + key tile; no pair is as large as n_tiles << shift.
 *
 * A leaf of the cover names pairs by UNITS of ITEMS. Stored rows: a unit is a
 * lane, t·lanes + lane, an item is a pair for a block of the lane's row; where
 * the lane before has the same row there are none. Closed forms: a unit is a
 * query tile, or a lane where `scattered` is set, an item a pair. */
typedef struct gattn_listing {
  gattn_device_attention geometry; /* pointers on the device, as in the pass */
  gattn_tile_pass pass;            /* without its formula and lists */
  gattn_edge_source source;
  const int64_t *inverse; /* [n_kv], TABLE: the position of a vertex */
  /* A sample: [n_tiles · lanes]; null: the pass's own query tiles. */
  const gattn_query_lane *sample;
  int64_t n_tiles;
  int64_t thin; /* only key tiles that it divides are named; 1: all */
  int32_t edges; /* pairs are those of a query tile and a key: rows, not tiles,
                  * where query tiles have one lane */
  int32_t shift, scattered;
  int64_t least; /* edges of a pair that is listed, at the least; 1: all are */
  int64_t dense; /* edges of a pair that counts as dense; 0: none is counted */
  /* Of rows: a list of the query tiles of `listed`, whose edges are left out;
   * null offsets: there is none. */
  gattn_tile_list apart;
  gattn_tile_pass listed;
  uint64_t hash_mask; /* all ones; fewer only where tests want collisions */
} gattn_listing;

GATTN_HD gattn_query_lane gattn_listed_lane(const gattn_listing *listing,
                                            int64_t t, int lane) {
  if (listing->sample) return listing->sample[t * listing->pass.lanes + lane];
  return gattn_query_lane_at(&listing->geometry, &listing->pass, t, lane);
}

GATTN_HD gattn_tile gattn_listed_keys(const gattn_listing *listing,
                                      int64_t key_tile) {
  return gattn_tile_at(&listing->pass.numbering, GATTN_TILE_KEYS,
                       listing->source.n_kv, key_tile);
}

GATTN_HD uint64_t gattn_pair_of(const gattn_listing *listing, int64_t t,
                                int64_t key_tile) {
  return ((uint64_t)t << listing->shift) + (uint64_t)key_tile;
}
GATTN_HD int64_t gattn_pair_tile(const gattn_listing *listing, uint64_t pair) {
  return (int64_t)(pair >> listing->shift);
}
GATTN_HD int64_t gattn_pair_key_tile(const gattn_listing *listing,
                                     uint64_t pair) {
  return (int64_t)(pair & (((uint64_t)1 << listing->shift) - 1));
}
/* What stands where an item is no pair; behind all others when sorted. */
GATTN_HD uint64_t gattn_pair_none(const gattn_listing *listing) {
  return (uint64_t)listing->n_tiles << listing->shift;
}

/* The pair, unless it is thinned out. */
GATTN_HD uint64_t gattn_pair_named(const gattn_listing *listing, int64_t t,
                                   int64_t key_tile) {
  return listing->thin > 1 && key_tile % listing->thin
             ? gattn_pair_none(listing)
             : gattn_pair_of(listing, t, key_tile);
}

/* The tile in which a vertex is a key. */
GATTN_HD int64_t gattn_key_tile_of(const gattn_listing *listing, int64_t key) {
  const gattn_numbering *numbering = &listing->pass.numbering;
  if (numbering->kind == GATTN_NUMBER_CLASSES) {
    const int64_t place = gattn_quotient(key, numbering->stride);
    return (key - place * numbering->stride) *
               gattn_class_tiles(numbering, GATTN_TILE_KEYS,
                                 listing->source.n_kv) +
           place / GATTN_TILE_KEYS;
  }
  if (numbering->kind == GATTN_NUMBER_PATCHES) {
    const int64_t y = gattn_quotient(key, numbering->grid_w);
    const int64_t x = key - y * numbering->grid_w;
    return y / 8 * ((numbering->grid_w + 7) / 8) + x / 8;
  }
  if (numbering->kind == GATTN_NUMBER_TABLE) key = listing->inverse[key];
  return key / GATTN_TILE_KEYS;
}

/* ------------------------------------------------------------ stored rows */

/* Items that a block of a stored row has: one a tile that it can touch where
 * keys lie one after another, else one a key. Of rows, always one a key. */
GATTN_HD int64_t gattn_items_of_block(const gattn_listing *listing,
                                      const gattn_stored_rows *rows) {
  return listing->pass.numbering.kind == GATTN_NUMBER_LINEAR && !listing->edges
             ? (rows->block + 2 * GATTN_TILE_KEYS - 2) / GATTN_TILE_KEYS
             : rows->block;
}

GATTN_HD int64_t gattn_stored_items(const gattn_listing *listing,
                                    const gattn_stored_rows *rows,
                                    int64_t unit) {
  const int64_t t = unit / listing->pass.lanes;
  const int lane = (int)(unit - t * listing->pass.lanes);
  const gattn_query_lane query = gattn_listed_lane(listing, t, lane);
  if (query.position < 0) return 0;
  const int64_t r = gattn_stored_row(rows, &query);
  if (lane > 0 && rows->block > 1) {
    const gattn_query_lane before = gattn_listed_lane(listing, t, lane - 1);
    if (before.position >= 0 && gattn_stored_row(rows, &before) == r) return 0;
  }
  return (rows->offsets[r + 1] - rows->offsets[r]) *
         gattn_items_of_block(listing, rows);
}

/* Whether the edge counts for this leaf: it is there, and in no leaf of the
 * cover before. */
GATTN_HD int gattn_edge_counts(const gattn_edge_source *source, int leaf,
                               const gattn_query_lane *query, int64_t key) {
  if (source->n_steps == 1) return 1;
  for (int l = 0; l < leaf; l++)
    if ((source->cover >> l & 1) &&
        gattn_leaf_has(&source->leaves[l], query, key))
      return 0;
  return gattn_source_has(source, query, key);
}

/* Whether the list set apart has the pair of an edge; its keys are in order. */
GATTN_HD int gattn_edge_is_apart(const gattn_listing *listing,
                                 const gattn_query_lane *query, int64_t key) {
  const gattn_tile_list *list = &listing->apart;
  if (!list->offsets) return 0;
  const int64_t t =
      listing->listed.row_all
          ? query->position / listing->listed.lanes
          : query->vertex / listing->listed.lanes - listing->listed.first_tile;
  const int64_t begin = list->offsets[t], n = list->offsets[t + 1] - begin;
  const int64_t key_tile = key / GATTN_TILE_KEYS;
  const int64_t at = gattn_search(list->entries + begin, 1, n, key_tile);
  return at >= 0 && list->entries[begin + at] == key_tile;
}

/* The pair of an edge, if it is one that counts. */
GATTN_HD uint64_t gattn_edge_pair(const gattn_listing *listing, int leaf,
                                  const gattn_query_lane *query, int64_t t,
                                  int64_t key, int64_t *edges) {
  if (key >= listing->source.n_kv ||
      !gattn_edge_counts(&listing->source, leaf, query, key) ||
      gattn_edge_is_apart(listing, query, key))
    return gattn_pair_none(listing);
  ++*edges;
  return listing->edges
             ? gattn_pair_of(listing, t, key)
             : gattn_pair_named(listing, t, gattn_key_tile_of(listing, key));
}

/* Item `item` of a unit; *edges is raised where it stands for an edge. */
GATTN_HD uint64_t gattn_stored_pair(const gattn_listing *listing, int leaf,
                                    int64_t unit, int64_t item,
                                    int64_t *edges) {
  const gattn_stored_rows *rows = &listing->source.leaves[leaf].rows;
  const int64_t t = unit / listing->pass.lanes;
  const gattn_query_lane query =
      gattn_listed_lane(listing, t, (int)(unit - t * listing->pass.lanes));
  const int64_t each = gattn_items_of_block(listing, rows);
  const int64_t e = gattn_quotient(item, each), within = item - e * each;
  const int64_t r = gattn_stored_row(rows, &query);
  const int64_t begin =
      gattn_stored_column(rows, rows->offsets[r] + e) * rows->block;
  if (rows->block == 1 || listing->edges)
    return gattn_edge_pair(listing, leaf, &query, t, begin + within, edges);
  const int64_t end = begin + rows->block < listing->source.n_kv
                          ? begin + rows->block
                          : listing->source.n_kv;
  if (listing->pass.numbering.kind != GATTN_NUMBER_LINEAR)
    return begin + within < end
               ? gattn_pair_named(listing, t,
                                  gattn_key_tile_of(listing, begin + within))
               : gattn_pair_none(listing);
  const int64_t key_tile = begin / GATTN_TILE_KEYS + within;
  return key_tile * GATTN_TILE_KEYS < end
             ? gattn_pair_named(listing, t, key_tile)
             : gattn_pair_none(listing);
}

/* ------------------------------------------------------------ closed forms */

/* The spans of a unit. A formula of vertices says nothing about other orders of
 * them: there all key tiles are named. */
GATTN_HD int gattn_formula_unit(const gattn_listing *listing, int leaf_,
                                int64_t unit, gattn_span *spans) {
  const gattn_source_leaf *leaf = &listing->source.leaves[leaf_];
  const gattn_numbering *numbering = &listing->pass.numbering;
  const int lanes = listing->pass.lanes;
  const int64_t t = listing->scattered ? unit / lanes : unit;
  const int begin = listing->scattered ? (int)(unit - t * lanes) : 0;
  const int end = listing->scattered ? begin + 1 : lanes;
  int64_t first = INT64_MAX, last = -1;
  for (int lane = begin; lane < end; lane++) {
    const gattn_query_lane query = gattn_listed_lane(listing, t, lane);
    if (query.position < 0) continue;
    const int64_t number =
        leaf->inverse ? leaf->inverse[query.vertex] : query.vertex;
    if (number < first) first = number;
    if (number > last) last = number;
  }
  if (last < 0) return 0;
  if (leaf->inverse ? leaf->in_table : numbering->kind == GATTN_NUMBER_LINEAR)
    return gattn_formula_spans(&leaf->formula, numbering, 0, first, last,
                               spans);
  spans[0].begin = spans[0].full = 0;
  spans[0].end =
      gattn_tiles_of(numbering, GATTN_TILE_KEYS, listing->source.n_kv);
  return 1;
}

/* How many of the tiles below `end` are named. */
GATTN_HD int64_t gattn_tiles_named(const gattn_listing *listing, int64_t end) {
  return listing->thin > 1 ? (end + listing->thin - 1) / listing->thin : end;
}

/* ------------------------------------------------------------ words */

/* Mixes a lane's word into a sum that stands for the pattern. */
GATTN_HD uint64_t gattn_word_hash(uint64_t word, int lane) {
  uint64_t x = word + (uint64_t)(lane + 1) * UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return x ^ x >> 31;
}

/* What a pair is. */
enum { GATTN_PAIR_EMPTY = 0, GATTN_PAIR_FULL, GATTN_PAIR_PATTERN };

#endif
