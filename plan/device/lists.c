/* Tile lists put together from their query tiles, each pattern kept once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "masks/walk.h"
#include "plan/device/tiles.h"

/* ------------------------------------------------------------ making */

static gattn_status invert_table(gattn_tile_making *making) {
  const int64_t n_kv = making->geometry->n_kv;
  gattn_status status =
      gattn_allocate(making->context, "tile list", n_kv,
                     sizeof *making->inverse, (void **)&making->inverse);
  if (status) return status;
  for (int64_t p = 0; p < n_kv; p++)
    making->inverse[making->pass->numbering.table[p]] = p;
  return GATTN_SUCCESS;
}

gattn_status gattn_tile_making_start(gattn_context *context,
                                     const gattn_device_attention *geometry,
                                     const gattn_tile_pass *pass,
                                     gattn_graph *graph,
                                     gattn_tile_making *making) {
  *making = (gattn_tile_making){.context = context,
                                .geometry = geometry,
                                .pass = pass,
                                .graph = graph,
                                .most_work = INT64_MAX};
  if (pass->numbering.kind == GATTN_NUMBER_TABLE) {
    gattn_status status = invert_table(making);
    if (status) return status;
  }
  pthread_mutex_init(&making->lock, NULL);
  return GATTN_SUCCESS;
}

void gattn_tile_making_end(gattn_tile_making *making) {
  pthread_mutex_destroy(&making->lock);
  gattn_free(making->context, making->inverse, making->geometry->n_kv,
             sizeof *making->inverse);
}

/* ------------------------------------------------------------ patterns */

enum { TILES_AT_ONCE = 64, NO_PATTERN = -1 };

/* A list that grows, query tiles in the order in which they are done. */
typedef struct listing {
  gattn_tile_making making;
  gattn_tile_store *store;
  int64_t *begins; /* [n_tiles]: where a tile's entries begin */
  int64_t *counts; /* [n_tiles] */
  int64_t words_capacity;
  uint64_t *hashes; /* [n_patterns] */
  int64_t hashes_capacity;
  int32_t *table; /* [table_size]: patterns by hash */
  int64_t table_size;
  gattn_query_tile tiles[TILES_AT_ONCE]; /* scratch, lent to threads */
  int n_free;
  gattn_query_tile *free[TILES_AT_ONCE];
  atomic_int status; /* the first failure of a thread */
} listing;

static uint64_t hash_of(const uint64_t *words, int64_t lanes) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (int64_t l = 0; l < lanes; l++) {
    hash = (hash ^ words[l]) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 32;
  }
  return hash;
}

/* Whether every lane that is there has every key that is there. */
static bool is_full(const listing *list, const gattn_query_tile *tile,
                    int64_t key_tile, const uint64_t *words) {
  const gattn_tile_making *making = &list->making;
  const gattn_tile keys =
      gattn_tile_at(&making->pass->numbering, GATTN_TILE_KEYS,
                    making->geometry->n_kv, key_tile);
  const uint64_t all = gattn_key_lanes(&keys);
  for (int l = 0; l < making->pass->lanes; l++)
    if (tile->lane[l] && words[l] != all) return false;
  return true;
}

static int64_t place_of(const listing *list, const uint64_t *words,
                        uint64_t hash) {
  const gattn_tile_store *store = list->store;
  const int64_t mask = list->table_size - 1;
  int64_t at = (int64_t)(hash & (uint64_t)mask);
  for (;; at = (at + 1) & mask) {
    const int32_t pattern = list->table[at];
    if (pattern == NO_PATTERN) return at;
    if (list->hashes[pattern] == hash &&
        !memcmp(store->bits + (int64_t)pattern * store->lanes, words,
                (size_t)store->lanes * sizeof *words))
      return at;
  }
}

static gattn_status enlarge_table(listing *list) {
  const int64_t size = list->table_size ? 2 * list->table_size : 1024;
  gattn_context *context = list->making.context;
  int32_t *table;
  gattn_status status = gattn_allocate(context, "tile list", size,
                                       sizeof *table, (void **)&table);
  if (status) return status;
  gattn_free(context, list->table, list->table_size, sizeof *list->table);
  list->table = table;
  list->table_size = size;
  for (int64_t at = 0; at < size; at++) table[at] = NO_PATTERN;
  for (int64_t p = 0; p < list->store->n_patterns; p++) {
    int64_t at = (int64_t)(list->hashes[p] & (uint64_t)(size - 1));
    while (table[at] != NO_PATTERN) at = (at + 1) & (size - 1);
    table[at] = (int32_t)p;
  }
  return GATTN_SUCCESS;
}

/* Room for one more pattern. */
static gattn_status reserve_pattern(listing *list) {
  gattn_tile_store *store = list->store;
  gattn_context *context = list->making.context;
  if (store->n_patterns == INT32_MAX)
    return gattn_fail(context, GATTN_ERROR_TOO_LARGE,
                      "mask: its tile list has %lld patterns of its own",
                      (long long)store->n_patterns);
  gattn_status status = GATTN_SUCCESS;
  if (2 * (store->n_patterns + 1) > list->table_size)
    status = enlarge_table(list);
  if (!status)
    status = gattn_array_grow(context, &list->hashes, sizeof *list->hashes,
                              store->n_patterns + 1, &list->hashes_capacity);
  if (!status)
    status = gattn_array_grow(context, &store->bits, sizeof *store->bits,
                              (store->n_patterns + 1) * store->lanes,
                              &store->pattern_capacity);
  return status;
}

/* The pattern's number, whose words are kept if they are new. */
static gattn_status find_pattern(listing *list, const uint64_t *words,
                                 int32_t *pattern) {
  gattn_tile_store *store = list->store;
  const uint64_t hash = hash_of(words, store->lanes);
  gattn_status status = reserve_pattern(list);
  if (status) return status;
  const int64_t at = place_of(list, words, hash);
  if (list->table[at] == NO_PATTERN) {
    memcpy(store->bits + store->n_patterns * store->lanes, words,
           (size_t)store->lanes * sizeof *words);
    list->hashes[store->n_patterns] = hash;
    list->table[at] = (int32_t)store->n_patterns++;
  }
  *pattern = list->table[at];
  return GATTN_SUCCESS;
}

/* ------------------------------------------------------------ entries */

static gattn_status append_entry(listing *list, const gattn_query_tile *tile,
                                 const gattn_touched *touched) {
  gattn_tile_store *store = list->store;
  gattn_context *context = list->making.context;
  const uint64_t *words = tile->bits + touched->place * store->lanes;
  int32_t word = GATTN_FULL_TILE;
  gattn_status status = GATTN_SUCCESS;
  if (!is_full(list, tile, touched->key_tile, words))
    status = find_pattern(list, words, &word);
  if (!status)
    status = gattn_array_grow(context, &store->entries, sizeof *store->entries,
                              store->n_entries + 1, &store->entry_capacity);
  if (!status)
    status = gattn_array_grow(context, &store->words, sizeof *store->words,
                              store->n_entries + 1, &list->words_capacity);
  if (status) return status;
  store->entries[store->n_entries] = touched->key_tile;
  store->words[store->n_entries++] = word;
  return GATTN_SUCCESS;
}

/* Under the lock. */
static gattn_status append_tile(listing *list, int64_t t,
                                const gattn_query_tile *tile) {
  list->begins[t] = list->store->n_entries;
  for (int64_t n = 0; n < tile->n_touched; n++) {
    gattn_status status = append_entry(list, tile, tile->touched + n);
    if (status) return status;
  }
  list->counts[t] = tile->n_touched;
  return GATTN_SUCCESS;
}

static void note(listing *list, gattn_status status) {
  if (status && !atomic_load(&list->status))
    atomic_store(&list->status, (int)status);
}

static int64_t list_tiles(void *user, int64_t begin, int64_t end) {
  listing *list = user;
  gattn_tile_making *making = &list->making;
  int64_t work = 0;
  pthread_mutex_lock(&making->lock);
  gattn_query_tile *tile = list->n_free ? list->free[--list->n_free] : NULL;
  pthread_mutex_unlock(&making->lock);
  gattn_query_tile own = {0};
  for (int64_t t = begin; t < end && !atomic_load(&list->status); t++) {
    gattn_query_tile *scratch = tile ? tile : &own;
    gattn_status status = gattn_query_tile_make(making, t, scratch);
    pthread_mutex_lock(&making->lock);
    if (!status) status = append_tile(list, t, scratch);
    note(list, status);
    pthread_mutex_unlock(&making->lock);
    work += scratch->work;
  }
  pthread_mutex_lock(&making->lock);
  if (tile) list->free[list->n_free++] = tile;
  gattn_query_tile_clear(making->context, &own);
  pthread_mutex_unlock(&making->lock);
  return work;
}

/* ------------------------------------------------------------ the whole */

/* Puts the entries into the order of their query tiles, in exact arrays. */
static gattn_status settle(listing *list) {
  gattn_tile_store *store = list->store;
  gattn_context *context = list->making.context;
  int64_t *entries;
  int32_t *words;
  gattn_status status = gattn_allocate(context, "tile list", store->n_entries,
                                       sizeof *entries, (void **)&entries);
  if (status) return status;
  status = gattn_allocate(context, "tile list", store->n_entries, sizeof *words,
                          (void **)&words);
  if (status) {
    gattn_free(context, entries, store->n_entries, sizeof *entries);
    return status;
  }
  store->offsets[0] = 0;
  for (int64_t t = 0; t < store->n_tiles; t++) {
    const int64_t to = store->offsets[t], n = list->counts[t];
    store->offsets[t + 1] = to + n;
    if (n == 0) continue;
    memcpy(entries + to, store->entries + list->begins[t],
           (size_t)n * sizeof *entries);
    memcpy(words + to, store->words + list->begins[t],
           (size_t)n * sizeof *words);
  }
  gattn_free(context, store->entries, store->entry_capacity, sizeof *entries);
  gattn_free(context, store->words, list->words_capacity, sizeof *words);
  store->entries = entries;
  store->words = words;
  store->entry_capacity = list->words_capacity = store->n_entries;
  return GATTN_SUCCESS;
}

/* About the runs and words that all tiles take, from a few of them. */
static double work_of(const gattn_tile_pass *pass, gattn_graph *graph) {
  return gattn_walk_work(graph, 0, graph->n_q) + (double)pass->n_tiles;
}

static gattn_status allocate_listing(listing *list) {
  gattn_tile_store *store = list->store;
  gattn_context *context = list->making.context;
  gattn_status status =
      gattn_allocate(context, "tile list", store->n_tiles + 1,
                     sizeof *store->offsets, (void **)&store->offsets);
  if (!status)
    status = gattn_allocate(context, "tile list", store->n_tiles,
                            sizeof *list->begins, (void **)&list->begins);
  if (!status)
    status = gattn_allocate(context, "tile list", store->n_tiles,
                            sizeof *list->counts, (void **)&list->counts);
  return status;
}

static void free_listing(listing *list) {
  gattn_context *context = list->making.context;
  const int64_t n = list->store->n_tiles;
  for (int s = 0; s < TILES_AT_ONCE; s++)
    gattn_query_tile_clear(context, list->tiles + s);
  gattn_free(context, list->begins, n, sizeof *list->begins);
  gattn_free(context, list->counts, n, sizeof *list->counts);
  gattn_free(context, list->hashes, list->hashes_capacity,
             sizeof *list->hashes);
  gattn_free(context, list->table, list->table_size, sizeof *list->table);
  if (list->words_capacity != list->store->entry_capacity) {
    gattn_free(context, list->store->words, list->words_capacity,
               sizeof *list->store->words);
    list->store->words = NULL;
  }
}

static gattn_status fill(listing *list) {
  gattn_tile_making *making = &list->making;
  const gattn_tile_pass *pass = making->pass;
  for (int s = 0; s < TILES_AT_ONCE; s++)
    list->free[list->n_free++] = list->tiles + s;
  const double work = work_of(pass, making->graph);
  gattn_status status = gattn_walk_check(making->context, "tile list", work);
  if (!status)
    status = gattn_walk_rows(making->context, "tile list", 0, pass->n_tiles,
                             work, list_tiles, list);
  const gattn_status failed = (gattn_status)atomic_load(&list->status);
  if (failed) status = failed;
  if (!status)
    status = gattn_graph_check_broken(making->context, making->graph);
  return status ? status : settle(list);
}

gattn_status gattn_tile_store_build(gattn_context *context,
                                    const gattn_device_attention *geometry,
                                    const gattn_tile_pass *pass,
                                    gattn_graph *graph, gattn_tile_store *out) {
  gattn_tile_store store = {.n_tiles = pass->n_tiles, .lanes = pass->lanes};
  listing *list;
  gattn_status status =
      gattn_allocate(context, "tile list", 1, sizeof *list, (void **)&list);
  if (status) return status;
  memset(list, 0, sizeof *list);
  list->store = &store;
  status =
      gattn_tile_making_start(context, geometry, pass, graph, &list->making);
  if (status) goto free_list;
  status = allocate_listing(list);
  if (!status) status = fill(list);
  free_listing(list);
  gattn_tile_making_end(&list->making);
  if (status)
    gattn_tile_store_free(context, &store);
  else
    *out = store;
free_list:
  gattn_free(context, list, 1, sizeof *list);
  return status;
}

void gattn_tile_store_drop(gattn_context *context, gattn_tile_store *store) {
  gattn_free(context, store->offsets, store->n_tiles + 1,
             sizeof *store->offsets);
  gattn_free(context, store->entries, store->entry_capacity,
             sizeof *store->entries);
  gattn_free(context, store->words, store->entry_capacity,
             sizeof *store->words);
  gattn_free(context, store->bits, store->pattern_capacity,
             sizeof *store->bits);
  store->offsets = store->entries = NULL;
  store->words = NULL;
  store->bits = NULL;
}

void gattn_tile_store_free(gattn_context *context, gattn_tile_store *store) {
  gattn_tile_store_drop(context, store);
  *store = (gattn_tile_store){0};
}

/* ------------------------------------------------------------ samples */

static void add_sample(const gattn_tile_making *making,
                       const gattn_query_tile *tile,
                       gattn_tile_sample *sample) {
  const int64_t lanes = making->pass->lanes;
  for (int64_t n = 0; n < tile->n_touched * lanes; n++)
    sample->edges += __builtin_popcountll(tile->bits[n]);
  const double keys = (double)(tile->n_touched * GATTN_TILE_KEYS);
  sample->slots += keys * (double)lanes;
  sample->present += keys * (double)tile->present;
  sample->rows += (double)tile->present;
  sample->cut |= tile->work >= making->most_work;
}

gattn_status gattn_tile_store_sample(gattn_context *context,
                                     const gattn_device_attention *geometry,
                                     const gattn_tile_pass *pass,
                                     gattn_graph *graph,
                                     gattn_tile_sample *out) {
  enum { SAMPLE_WORK = 1 << 14 };
  gattn_tile_making making;
  gattn_query_tile tile = {0};
  gattn_tile_sample sample = {0};
  gattn_status status =
      gattn_tile_making_start(context, geometry, pass, graph, &making);
  if (status) return status;
  making.most_work = SAMPLE_WORK;
  const int64_t samples = gattn_samples_of(pass->n_tiles);
  for (int64_t s = 0; s < samples && !status; s++) {
    status = gattn_query_tile_make(&making,
                                   gattn_sampled_tile(pass->n_tiles, s), &tile);
    if (!status) add_sample(&making, &tile, &sample);
  }
  gattn_query_tile_clear(context, &tile);
  gattn_tile_making_end(&making);
  if (!status) *out = sample;
  return status;
}
