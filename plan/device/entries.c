/* From the pairs of a tile list to its entries and patterns.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/device.h"
#include "plan/device/listing.h"

/* What becomes of the pairs; all on the device. */
typedef struct entering {
  gattn_list_making *making;
  gattn_tile_store *store;
  void *stream;
  gattn_list_counts found;
  int64_t *kinds, *numbers; /* [n_pairs] */
  uint64_t *hashes;         /* [n_pairs] */
  gattn_list_entries entries;
  uint64_t *spare_hashes; /* [entries.n] */
  int64_t *spare_places;  /* [entries.n] */
  int64_t *leads;         /* [entries.n] */
  void *scratch;
  size_t bytes;
} entering;

static gattn_status check(const entering *at, int error) {
  return gattn_making_check(at->making, error);
}

/* ------------------------------------------------------------ looking */

/* Which pairs have edges, and which of them all. */
static gattn_status look(entering *at) {
  gattn_list_making *making = at->making;
  const int64_t n = making->n_pairs;
  size_t bytes = 0;
  gattn_status status =
      check(at, gattn_list_scan(NULL, n, NULL, &bytes, at->stream));
  if (status) return status;
  const gattn_wanted wanted[] = {{&at->kinds, n, sizeof *at->kinds},
                                 {&at->numbers, n, sizeof *at->numbers},
                                 {&at->hashes, n, sizeof *at->hashes},
                                 {&at->scratch, (int64_t)bytes, 1}};
  status = gattn_making_take(making, wanted, 4);
  if (status) return status;
  int error =
      gattn_list_look(making->device, making->pass->lanes, making->pairs, n,
                      at->kinds, at->hashes, making->counts, at->stream);
  if (!error) error = gattn_list_number(at->kinds, n, at->numbers, at->stream);
  if (!error)
    error = gattn_list_scan(at->numbers, n, at->scratch, &bytes, at->stream);
  status = check(at, error);
  return status ? status : gattn_making_counts(making, &at->found);
}

/* ------------------------------------------------------------ entries */

static size_t offset_bytes(int64_t n_tiles) {
  return (size_t)(n_tiles + 1) * sizeof(int64_t);
}

/* Offsets, entries and words, one after another. */
static gattn_status take_store(entering *at) {
  gattn_tile_store *store = at->store;
  const int64_t n = store->n_entries;
  char *memory;
  store->bytes = (int64_t)offset_bytes(store->n_tiles) +
                 n * (int64_t)(sizeof(int64_t) + sizeof(int32_t));
  gattn_status status = gattn_device_allocate(at->making->context, "tile list",
                                              store->bytes, 1, &store->memory);
  if (status) return status;
  memory = store->memory;
  at->entries.offsets = (int64_t *)memory;
  memory += offset_bytes(store->n_tiles);
  at->entries.entries = (int64_t *)memory;
  at->entries.words = (int32_t *)(memory + (size_t)n * sizeof(int64_t));
  store->list = (gattn_tile_list){.offsets = at->entries.offsets,
                                  .entries = at->entries.entries,
                                  .words = at->entries.words};
  return GATTN_SUCCESS;
}

/* What sorting the entries by hash takes. */
static gattn_status take_entries(entering *at) {
  gattn_list_entries *entries = &at->entries;
  const int64_t n = entries->n;
  size_t scan = 0;
  int error =
      gattn_list_sort(&entries->hashes, &at->spare_hashes, &entries->places,
                      &at->spare_places, n, 64, NULL, &at->bytes, at->stream);
  if (!error) error = gattn_list_scan(NULL, n, NULL, &scan, at->stream);
  if (scan > at->bytes) at->bytes = scan;
  gattn_status status = check(at, error);
  if (status) return status;
  const gattn_wanted wanted[] = {
      {&entries->pairs, n, sizeof *entries->pairs},
      {&entries->hashes, n, sizeof *entries->hashes},
      {&entries->places, n, sizeof *entries->places},
      {&at->spare_hashes, n, sizeof *at->spare_hashes},
      {&at->spare_places, n, sizeof *at->spare_places},
      {&at->leads, n, sizeof *at->leads},
      {&at->scratch, (int64_t)at->bytes, 1}};
  return gattn_making_take(at->making, wanted, 7);
}

static gattn_status enter(entering *at) {
  const gattn_list_making *making = at->making;
  int error = 0;
  if (making->n_pairs)
    error = gattn_list_enter(making->device, making->pairs, at->kinds,
                             at->hashes, at->numbers, making->n_pairs,
                             &at->entries, at->stream);
  if (!error)
    error = gattn_list_offsets(making->device, at->store->n_tiles, &at->entries,
                               making->counts, at->stream);
  return check(at, error);
}

/* ------------------------------------------------------------ patterns */

static gattn_status fail_patterns(const entering *at, int64_t n) {
  return gattn_fail(at->making->context, GATTN_ERROR_TOO_LARGE,
                    "mask: its tile list has %lld patterns of its own",
                    (long long)n);
}

/* Numbers the patterns: one a hash, or with `own` one a partial entry. */
static gattn_status number_patterns(entering *at, int own) {
  gattn_tile_store *store = at->store;
  const gattn_list_entries *entries = &at->entries;
  int error = gattn_list_lead(entries, own, at->leads, at->stream);
  if (!error)
    error = gattn_list_scan(at->leads, entries->n, at->scratch, &at->bytes,
                            at->stream);
  gattn_status status = check(at, error);
  if (!status)
    status = gattn_device_download(at->making->context, &store->n_patterns,
                                   at->leads + entries->n - 1,
                                   sizeof store->n_patterns);
  if (status) return status;
  if (store->n_patterns > INT32_MAX)
    return fail_patterns(at, store->n_patterns);
  status = gattn_device_allocate(at->making->context, "tile list",
                                 store->n_patterns * store->lanes,
                                 sizeof *store->bits, (void **)&store->bits);
  if (status) return status;
  store->list.bits = store->bits;
  return check(at, gattn_list_words(entries, own, at->leads, at->stream));
}

/* The words of the patterns; *collided where entries share a hash alone. */
static gattn_status put_patterns(entering *at, bool *collided) {
  const gattn_list_making *making = at->making;
  gattn_list_counts counts;
  int error = gattn_list_bits(making->device, at->store->lanes, &at->entries,
                              at->leads, at->store->bits, at->stream);
  if (!error)
    error = gattn_list_compare(making->device, at->store->lanes, &at->entries,
                               at->store->bits, making->counts, at->stream);
  gattn_status status = check(at, error);
  if (!status) status = gattn_making_counts(making, &counts);
  if (status) return status;
  *collided = counts.collided != 0;
  at->store->most = (int64_t)counts.most;
  return GATTN_SUCCESS;
}

static gattn_status make_patterns(entering *at) {
  gattn_tile_store *store = at->store;
  bool collided;
  gattn_status status = check(
      at, gattn_list_sort(&at->entries.hashes, &at->spare_hashes,
                          &at->entries.places, &at->spare_places, at->entries.n,
                          64, at->scratch, &at->bytes, at->stream));
  if (!status) status = number_patterns(at, 0);
  if (!status) status = put_patterns(at, &collided);
  if (status || !collided) return status;
  gattn_device_free(at->making->context, store->bits,
                    store->n_patterns * store->lanes, sizeof *store->bits);
  store->bits = NULL;
  status = number_patterns(at, 1);
  return status ? status : put_patterns(at, &collided);
}

/* ------------------------------------------------------------ lists */

static void release(gattn_context *context, gattn_tile_store *store) {
  gattn_device_free(context, store->memory, store->bytes, 1);
  gattn_device_free(context, store->bits, store->n_patterns * store->lanes,
                    sizeof *store->bits);
}

static gattn_status make_entries(entering *at) {
  gattn_list_counts counts;
  at->store->n_entries = at->entries.n = (int64_t)at->found.pairs;
  gattn_status status = take_store(at);
  if (!status) status = take_entries(at);
  if (!status) status = enter(at);
  if (status) return status;
  if (at->found.partial) return make_patterns(at);
  status = gattn_making_counts(at->making, &counts);
  at->store->most = (int64_t)counts.most;
  return status;
}

gattn_status gattn_making_list(gattn_list_making *making,
                               gattn_tile_store *out) {
  gattn_tile_store store = {.n_tiles = making->pass->n_tiles,
                            .lanes = making->pass->lanes,
                            .release = release};
  entering at = {.making = making,
                 .store = &store,
                 .stream = gattn_device_stream(making->context)};
  gattn_status status = GATTN_SUCCESS;
  if (making->n_pairs) status = look(&at);
  if (!status) status = make_entries(&at);
  /* Before scratch is freed. */
  const gattn_status done = gattn_device_synchronize(making->context);
  if (!status) status = done;
  if (status)
    release(making->context, &store);
  else
    *out = store;
  return status;
}
