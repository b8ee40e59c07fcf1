/* Tile lists: which key tiles a query tile has edges in, and which edges.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/device/tiles.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS = 64, NO_PLACE = -1 };

/* ------------------------------------------------------------ growth */

gattn_status gattn_array_grow(gattn_context *context, void *array, int64_t size,
                              int64_t count, int64_t *capacity) {
  if (count <= *capacity) return GATTN_SUCCESS;
  int64_t more = *capacity < 64 ? 64 : 2 * *capacity;
  if (more < count) more = count;
  void *old, *grown;
  memcpy(&old, array, sizeof old);
  gattn_status status =
      gattn_allocate(context, "tile list", more, (size_t)size, &grown);
  if (status) return status;
  if (*capacity) memcpy(grown, old, (size_t)(*capacity * size));
  gattn_free(context, old, *capacity, (size_t)size);
  memcpy(array, &grown, sizeof grown);
  *capacity = more;
  return GATTN_SUCCESS;
}

/* ---------------------------------------------------- one query tile */

void gattn_query_tile_clear(gattn_context *context, gattn_query_tile *tile) {
  gattn_free(context, tile->touched, tile->touched_capacity,
             sizeof *tile->touched);
  gattn_free(context, tile->bits, tile->bits_capacity, sizeof *tile->bits);
  gattn_free(context, tile->table, tile->table_size, sizeof *tile->table);
  *tile = (gattn_query_tile){0};
}

static uint64_t mixed(uint64_t x) {
  x ^= x >> 31;
  x *= UINT64_C(0x9e3779b97f4a7c15);
  return x ^ x >> 29;
}

/* The place of a key tile in the hash table: its own, or a free one. */
static int64_t place_of(const gattn_query_tile *tile, int64_t key_tile) {
  int64_t at =
      (int64_t)(mixed((uint64_t)key_tile) & (uint64_t)(tile->table_size - 1));
  while (tile->table[at] != NO_PLACE &&
         tile->touched[tile->table[at]].key_tile != key_tile)
    at = (at + 1) & (tile->table_size - 1);
  return at;
}

static gattn_status enlarge_table(const gattn_tile_making *making,
                                  gattn_query_tile *tile) {
  const int64_t size = tile->table_size ? 2 * tile->table_size : 256;
  int64_t *table;
  gattn_status status = gattn_allocate(making->context, "tile list", size,
                                       sizeof *table, (void **)&table);
  if (status) return status;
  gattn_free(making->context, tile->table, tile->table_size,
             sizeof *tile->table);
  tile->table = table;
  tile->table_size = size;
  for (int64_t at = 0; at < size; at++) table[at] = NO_PLACE;
  for (int64_t n = 0; n < tile->n_touched; n++)
    table[place_of(tile, tile->touched[n].key_tile)] = n;
  return GATTN_SUCCESS;
}

/* Allocators need not be safe to call from several threads at once. */
static gattn_status make_room(gattn_tile_making *making,
                              gattn_query_tile *tile) {
  gattn_status status = GATTN_SUCCESS;
  pthread_mutex_lock(&making->lock);
  if (2 * (tile->n_touched + 1) > tile->table_size)
    status = enlarge_table(making, tile);
  if (!status)
    status =
        gattn_array_grow(making->context, &tile->touched, sizeof *tile->touched,
                         tile->n_touched + 1, &tile->touched_capacity);
  if (!status)
    status = gattn_array_grow(making->context, &tile->bits, sizeof *tile->bits,
                              (tile->n_touched + 1) * making->pass->lanes,
                              &tile->bits_capacity);
  pthread_mutex_unlock(&making->lock);
  return status;
}

/* The words of a key tile, zero at first. */
static gattn_status touch(gattn_tile_making *making, gattn_query_tile *tile,
                          int64_t key_tile, uint64_t **words) {
  const int64_t lanes = making->pass->lanes;
  if (tile->n_touched && tile->touched[tile->last].key_tile == key_tile) {
    *words = tile->bits + tile->last * lanes;
    return GATTN_SUCCESS;
  }
  const bool full = 2 * (tile->n_touched + 1) > tile->table_size ||
                    tile->n_touched == tile->touched_capacity ||
                    (tile->n_touched + 1) * lanes > tile->bits_capacity;
  gattn_status status = full ? make_room(making, tile) : GATTN_SUCCESS;
  if (status) return status;
  const int64_t at = place_of(tile, key_tile);
  if (tile->table[at] == NO_PLACE) {
    tile->table[at] = tile->n_touched;
    tile->touched[tile->n_touched] = (gattn_touched){key_tile, tile->n_touched};
    memset(tile->bits + tile->n_touched * lanes, 0,
           (size_t)lanes * sizeof *tile->bits);
    tile->n_touched++;
  }
  tile->last = tile->table[at];
  *words = tile->bits + tile->last * lanes;
  return GATTN_SUCCESS;
}

/* Consecutive keys of a linear numbering: all words of [begin, end). */
static gattn_status put_run(gattn_tile_making *making, gattn_query_tile *tile,
                            int lane, gattn_run run) {
  for (int64_t j = run.begin; j < run.end && tile->work < making->most_work;) {
    const int64_t key_tile = j / GATTN_TILE_KEYS;
    const int64_t after = (key_tile + 1) * GATTN_TILE_KEYS;
    const int64_t end = run.end < after ? run.end : after;
    uint64_t *words;
    gattn_status status = touch(making, tile, key_tile, &words);
    if (status) return status;
    const int64_t count = end - j;
    const uint64_t ones =
        count == 64 ? ~UINT64_C(0) : (UINT64_C(1) << count) - 1;
    words[lane] |= ones << j % GATTN_TILE_KEYS;
    tile->work++;
    j = end;
  }
  return GATTN_SUCCESS;
}

static gattn_status put_key(gattn_tile_making *making, gattn_query_tile *tile,
                            int lane, int64_t j) {
  uint64_t *words;
  const int64_t number = making->inverse[j];
  gattn_status status = touch(making, tile, number / GATTN_TILE_KEYS, &words);
  if (!status) words[lane] |= UINT64_C(1) << number % GATTN_TILE_KEYS;
  tile->work++;
  return status;
}

/* The edges of one lane, until the tile has done its work. */
static gattn_status put_row(gattn_tile_making *making, gattn_query_tile *tile,
                            int lane, int64_t vertex) {
  gattn_run runs[RUNS];
  const int64_t n_kv = making->geometry->n_kv;
  const bool linear = !making->inverse;
  for (int64_t lo = 0; lo < n_kv && tile->work < making->most_work;) {
    const int64_t n =
        gattn_runs(making->graph, vertex, 1, lo, n_kv, runs, RUNS, &lo);
    tile->work += n + 1;
    for (int64_t r = 0; r < n && tile->work < making->most_work; r++) {
      gattn_status status = GATTN_SUCCESS;
      if (linear)
        status = put_run(making, tile, lane, runs[r]);
      else
        for (int64_t j = runs[r].begin; j < runs[r].end && !status; j++)
          status = put_key(making, tile, lane, j);
      if (status) return status;
    }
  }
  return GATTN_SUCCESS;
}

/* Lane `lane` has the words that lane `as` has. */
static void copy_lane(const gattn_tile_making *making, gattn_query_tile *tile,
                      int lane, int as) {
  const int64_t lanes = making->pass->lanes;
  for (int64_t n = 0; n < tile->n_touched; n++)
    tile->bits[n * lanes + lane] = tile->bits[n * lanes + as];
}

static int by_key_tile(const void *a, const void *b) {
  const int64_t x = ((const gattn_touched *)a)->key_tile;
  const int64_t y = ((const gattn_touched *)b)->key_tile;
  return (x > y) - (x < y);
}

gattn_status gattn_query_tile_make(gattn_tile_making *making, int64_t t,
                                   gattn_query_tile *tile) {
  int64_t before = -1;
  int before_lane = 0;
  for (int64_t at = 0; at < tile->table_size; at++) tile->table[at] = NO_PLACE;
  tile->n_touched = tile->work = tile->last = tile->present = 0;
  for (int lane = 0; lane < making->pass->lanes; lane++) {
    const gattn_query_lane at =
        gattn_query_lane_at(making->geometry, making->pass, t, lane);
    tile->lane[lane] = at.position >= 0;
    if (at.position < 0) continue;
    tile->present++;
    if (before >= 0 && gattn_same_row(making->graph, before, at.vertex)) {
      copy_lane(making, tile, lane, before_lane);
      tile->work += tile->n_touched / 8 + 1;
    } else {
      gattn_status status = put_row(making, tile, lane, at.vertex);
      if (status) return status;
    }
    before = at.vertex;
    before_lane = lane;
  }
  if (tile->n_touched)
    qsort(tile->touched, (size_t)tile->n_touched, sizeof *tile->touched,
          by_key_tile);
  return GATTN_SUCCESS;
}
