/* A tile list put together in the plainest way: the words of every key tile,
 * lane by lane and key by key. SPDX-License-Identifier: Apache-2.0 */
#include "tests/tile_list.h"

#include <stdlib.h>
#include <string.h>

#include "operators/cuda/tile/sequence.h"

/* Where each key lies: key_tile·64 + lane, by asking every tile's lanes. */
static int64_t *places_of(const gattn_tile_pass *pass, int64_t n_kv,
                          int64_t key_tiles) {
  int64_t *places = malloc((size_t)(n_kv + 1) * sizeof *places);
  for (int64_t t = 0; t < key_tiles; t++) {
    const gattn_tile keys =
        gattn_tile_at(&pass->numbering, GATTN_TILE_KEYS, n_kv, t);
    for (int lane = 0; lane < GATTN_TILE_KEYS; lane++) {
      if (!gattn_tile_has(&keys, lane)) continue;
      int64_t key = gattn_tile_number(&keys, lane);
      if (pass->numbering.kind == GATTN_NUMBER_TABLE)
        key = pass->numbering.table[key];
      places[key] = t * GATTN_TILE_KEYS + lane;
    }
  }
  return places;
}

typedef struct plain {
  const gattn_device_attention *geometry;
  const gattn_tile_pass *pass;
  gattn_graph *graph;
  int64_t key_tiles;
  int64_t *places;
  bool present[128];
  uint64_t *words; /* [key_tiles, lanes]: of one query tile */
} plain;

static plain plain_of(const gattn_device_attention *geometry,
                      const gattn_tile_pass *pass, gattn_graph *graph) {
  plain list = {.geometry = geometry, .pass = pass, .graph = graph};
  list.key_tiles =
      gattn_tiles_of(&pass->numbering, GATTN_TILE_KEYS, geometry->n_kv);
  list.places = places_of(pass, geometry->n_kv, list.key_tiles);
  list.words =
      malloc((size_t)(list.key_tiles * pass->lanes + 1) * sizeof *list.words);
  return list;
}

static void plain_free(plain *list) {
  free(list->places);
  free(list->words);
}

static void put_row(plain *list, int lane, int64_t vertex) {
  gattn_run runs[16];
  const int64_t n_kv = list->geometry->n_kv;
  for (int64_t lo = 0; lo < n_kv;) {
    const int64_t n =
        gattn_runs(list->graph, vertex, 1, lo, n_kv, runs, 16, &lo);
    for (int64_t r = 0; r < n; r++)
      for (int64_t j = runs[r].begin; j < runs[r].end; j++)
        list->words[list->places[j] / 64 * list->pass->lanes + lane] |=
            UINT64_C(1) << list->places[j] % 64;
  }
}

static void put_tile(plain *list, int64_t t) {
  memset(list->words, 0,
         (size_t)(list->key_tiles * list->pass->lanes) * sizeof *list->words);
  for (int lane = 0; lane < list->pass->lanes; lane++) {
    const gattn_query_lane at =
        gattn_query_lane_at(list->geometry, list->pass, t, lane);
    list->present[lane] = at.position >= 0;
    if (at.position >= 0) put_row(list, lane, at.vertex);
  }
}

static int64_t edges_of(const plain *list, int64_t key_tile) {
  int64_t edges = 0;
  for (int lane = 0; lane < list->pass->lanes; lane++)
    edges +=
        __builtin_popcountll(list->words[key_tile * list->pass->lanes + lane]);
  return edges;
}

static bool is_full(const plain *list, int64_t key_tile) {
  const gattn_tile keys = gattn_tile_at(&list->pass->numbering, GATTN_TILE_KEYS,
                                        list->geometry->n_kv, key_tile);
  for (int lane = 0; lane < list->pass->lanes; lane++)
    for (int bit = 0; bit < 64 && list->present[lane]; bit++)
      if (gattn_tile_has(&keys, bit) &&
          !(list->words[key_tile * list->pass->lanes + lane] >> bit & 1))
        return false;
  return true;
}

/* ------------------------------------------------------------ lists */

/* memory is the offsets; entries and words are what `list` says. */
static void release(gattn_context *context, gattn_tile_store *store) {
  (void)context;
  free(store->memory);
  free((void *)store->list.entries);
  free((void *)store->list.words);
  free(store->bits);
}

static void *grown(const void *array, int64_t n, size_t size) {
  if (n & (n - 1)) return (void *)array;
  return realloc((void *)array, (size_t)(n ? 2 * n : 1) * size);
}

/* The pattern's number; patterns are compared with all before. */
static int32_t pattern_of(gattn_tile_store *store, const uint64_t *words) {
  const size_t size = (size_t)store->lanes * sizeof *words;
  for (int64_t p = 0; p < store->n_patterns; p++)
    if (!memcmp(store->bits + p * store->lanes, words, size)) return (int32_t)p;
  store->bits = grown(store->bits, store->n_patterns, size);
  memcpy(store->bits + store->n_patterns * store->lanes, words, size);
  return (int32_t)store->n_patterns++;
}

static void append(gattn_tile_store *store, const plain *list,
                   int64_t key_tile) {
  int64_t *entries =
      grown(store->list.entries, store->n_entries, sizeof *entries);
  int32_t *words = grown(store->list.words, store->n_entries, sizeof *words);
  entries[store->n_entries] = key_tile;
  words[store->n_entries++] =
      is_full(list, key_tile)
          ? GATTN_FULL_TILE
          : pattern_of(store, list->words + key_tile * store->lanes);
  store->list.entries = entries;
  store->list.words = words;
}

gattn_status tile_list_build(gattn_context *context, gattn_frontier *frontier,
                             const gattn_device_attention *geometry,
                             const gattn_tile_pass *pass, gattn_graph *graph,
                             int64_t least, gattn_tile_store *out) {
  plain list = plain_of(geometry, pass, graph);
  gattn_tile_store store = {
      .n_tiles = pass->n_tiles, .lanes = pass->lanes, .release = release};
  int64_t *offsets = malloc((size_t)(pass->n_tiles + 1) * sizeof *offsets);
  (void)context, (void)frontier;
  for (int64_t t = 0; t < pass->n_tiles; t++) {
    offsets[t] = store.n_entries;
    put_tile(&list, t);
    for (int64_t k = 0; k < list.key_tiles; k++)
      if (edges_of(&list, k) >= least) append(&store, &list, k);
    if (store.n_entries - offsets[t] > store.most)
      store.most = store.n_entries - offsets[t];
  }
  offsets[pass->n_tiles] = store.n_entries;
  store.list.offsets = store.memory = offsets;
  store.list.bits = store.bits;
  plain_free(&list);
  *out = store;
  return GATTN_SUCCESS;
}

/* ------------------------------------------------------------ samples */

static void add_tile(const plain *list, int64_t key_tile, int64_t dense,
                     gattn_tile_sample *sample) {
  const int lanes = list->pass->lanes;
  const int64_t edges = edges_of(list, key_tile);
  if (!edges) return;
  sample->edges += (double)edges;
  sample->slots += lanes * GATTN_TILE_KEYS;
  for (int lane = 0; lane < lanes; lane++)
    if (list->present[lane]) sample->present += GATTN_TILE_KEYS;
  sample->key_tiles++;
  if (edges < dense || !dense) return;
  sample->dense_edges += (double)edges;
  sample->dense_key_tiles++;
}

/* All query tiles where there are few, else some that begin anywhere. */
enum { SAMPLED = 32 };
static int64_t sampled_tile(int64_t n_tiles, int64_t s) {
  return n_tiles <= SAMPLED ? s : (2 * s + 1) * n_tiles / (2 * SAMPLED);
}

gattn_status tile_list_survey(gattn_context *context, gattn_frontier *frontier,
                              const gattn_device_attention *geometry,
                              const gattn_tile_pass *pass, gattn_graph *graph,
                              int64_t dense, gattn_tile_sample *out) {
  const int64_t tiles = pass->n_tiles < SAMPLED ? pass->n_tiles : SAMPLED;
  gattn_tile_sample sample = {0};
  (void)frontier;
  if (geometry->n_kv > 1 << 22)
    return gattn_fail(context, GATTN_ERROR_TOO_LARGE, "mask: too large");
  plain list = plain_of(geometry, pass, graph);
  for (int64_t s = 0; s < tiles; s++) {
    put_tile(&list, sampled_tile(pass->n_tiles, s));
    for (int lane = 0; lane < pass->lanes; lane++)
      sample.rows += list.present[lane];
    for (int64_t k = 0; k < list.key_tiles; k++)
      add_tile(&list, k, dense, &sample);
  }
  if (tiles) sample.key_tiles /= (double)tiles;
  if (tiles) sample.dense_key_tiles /= (double)tiles;
  plain_free(&list);
  *out = sample;
  return GATTN_SUCCESS;
}
