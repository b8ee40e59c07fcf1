/* The pairs of a tile list: what every leaf names, each once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/device/listing.h"

#include <string.h>

#include "lib/device.h"

enum { ALIGNMENT = 256 };

/* ------------------------------------------------------------ memory */

static int64_t aligned(int64_t bytes) {
  return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

gattn_status gattn_making_take(gattn_list_making *making,
                               const gattn_wanted *wanted, int n) {
  int64_t bytes = 0;
  void *memory;
  for (int w = 0; w < n; w++) {
    int64_t more;
    if (!gattn_multiply(wanted[w].count, (int64_t)wanted[w].size, &more) ||
        !gattn_add(more, bytes + ALIGNMENT, &more))
      return gattn_fail(making->context, GATTN_ERROR_OVERFLOW,
                        "tile list: %lld elements of %zu bytes overflow",
                        (long long)wanted[w].count, wanted[w].size);
    bytes = aligned(more - ALIGNMENT);
  }
  gattn_status status =
      gattn_device_allocate(making->context, "tile list", bytes, 1, &memory);
  if (status) return status;
  making->stages[making->n_stages].memory = memory;
  making->stages[making->n_stages++].bytes = bytes;
  char *at = memory;
  for (int w = 0; w < n; w++) {
    memcpy(wanted[w].place, &at, sizeof at);
    at += aligned(wanted[w].count * (int64_t)wanted[w].size);
  }
  return GATTN_SUCCESS;
}

void gattn_making_free(gattn_list_making *making) {
  gattn_source_free(&making->made);
  for (int s = 0; s < making->n_stages; s++)
    gattn_device_free(making->context, making->stages[s].memory,
                      making->stages[s].bytes, 1);
  making->n_stages = 0;
}

gattn_status gattn_making_check(const gattn_list_making *making, int error) {
  return gattn_device_check(making->context, error, "tile list");
}

gattn_status gattn_making_counts(const gattn_list_making *making,
                                 gattn_list_counts *counts) {
  return gattn_device_download(making->context, counts, making->counts,
                               sizeof *counts);
}

/* ------------------------------------------------------------ starting */

static int bits_of(int64_t n) {
  int bits = 0;
  while (n >> bits) bits++;
  return bits;
}

static bool in_cover(const gattn_list_making *making, int leaf) {
  return making->made.source.cover >> leaf & 1;
}

/* Units of a leaf: lanes, or query tiles. */
static int64_t units_of(const gattn_list_making *making, int leaf) {
  const gattn_listing *listing = &making->head.listing;
  const bool lanes =
      listing->source.leaves[leaf].rows.block || listing->scattered;
  return lanes ? listing->n_tiles * listing->pass.lanes : listing->n_tiles;
}

/* Pairs are numbers of 64 bits, those behind the last among them. */
static gattn_status number_pairs(gattn_list_making *making, int64_t keys) {
  gattn_listing *listing = &making->head.listing;
  listing->shift = bits_of(keys);
  if (listing->shift + bits_of(listing->n_tiles) <= 63) return GATTN_SUCCESS;
  return gattn_fail(making->context, GATTN_ERROR_TOO_LARGE,
                    "mask: a list of %lld tiles or rows of queries and %lld of "
                    "keys is too large",
                    (long long)listing->n_tiles, (long long)keys);
}

gattn_status gattn_making_rows(gattn_list_making *making) {
  making->head.listing.edges = 1;
  return number_pairs(making, making->head.listing.source.n_kv);
}

static bool pairs_tell(const gattn_edge_source *source) {
  for (int l = 0; l < source->n_leaves; l++)
    if ((source->cover >> l & 1) && source->leaves[l].rows.block != 1)
      return false;
  return true;
}

static void describe(gattn_list_making *making, int64_t n_tiles, bool sample) {
  gattn_listing *listing = &making->head.listing;
  const gattn_tile_pass *pass = making->pass;
  *listing = (gattn_listing){.geometry = *making->geometry,
                             .pass = *pass,
                             .source = making->made.source,
                             .n_tiles = n_tiles,
                             .thin = 1,
                             .least = 1,
                             .scattered = pass->rows || pass->row_all,
                             .hash_mask = UINT64_MAX};
  listing->pass.formula.n_steps = 0;
  for (int l = 0; l < listing->source.n_leaves; l++)
    listing->source.leaves[l].in_table =
        pass->numbering.kind == GATTN_NUMBER_TABLE &&
        making->made.orders[l] == pass->numbering.table;
  making->tell = pairs_tell(&listing->source);
  making->n_units = 0;
  for (int l = 0; l < listing->source.n_leaves; l++)
    if (in_cover(making, l)) making->n_units += units_of(making, l);
  if (sample) listing->geometry.vertices = NULL;
}

/* ------------------------------------------------------------ uploading */

/* An array of the host's that the listing reads. */
typedef struct upload {
  void *place; /* the address of the pointer to it */
  const void *host;
  int64_t count;
  size_t size;
} upload;

/* What stands in the geometry and the pass, and the sample. */
static int uploads_of(gattn_list_making *making, const gattn_query_lane *sample,
                      upload *uploads) {
  gattn_listing *listing = &making->head.listing;
  const gattn_tile_pass *pass = making->pass;
  const gattn_device_attention *geometry = making->geometry;
  int n = 0;
  if (pass->numbering.kind == GATTN_NUMBER_TABLE)
    uploads[n++] =
        (upload){&listing->pass.numbering.table, pass->numbering.table,
                 geometry->n_q, sizeof(int64_t)};
  if (sample) {
    uploads[n++] = (upload){&listing->sample, sample,
                            listing->n_tiles * pass->lanes, sizeof *sample};
    return n;
  }
  if (pass->rows)
    uploads[n++] = (upload){&listing->pass.rows, pass->rows, pass->n_rows,
                            sizeof *pass->rows};
  if (pass->n_skip)
    uploads[n++] = (upload){&listing->pass.skip, pass->skip, pass->n_skip,
                            sizeof *pass->skip};
  if (geometry->vertices)
    uploads[n++] = (upload){&listing->geometry.vertices, geometry->vertices,
                            geometry->n_f, sizeof *geometry->vertices};
  return n;
}

static gattn_status take_first(gattn_list_making *making,
                               const gattn_query_lane *sample) {
  enum { MOST = 5 };
  upload uploads[MOST];
  gattn_wanted wanted[MOST + 4];
  const int n = uploads_of(making, sample, uploads);
  const bool table = making->pass->numbering.kind == GATTN_NUMBER_TABLE;
  gattn_status status = gattn_making_check(
      making,
      gattn_list_scan(NULL, making->n_units, NULL, &making->scratch_bytes,
                      gattn_device_stream(making->context)));
  if (status) return status;
  for (int u = 0; u < n; u++)
    wanted[u] =
        (gattn_wanted){uploads[u].place, uploads[u].count, uploads[u].size};
  wanted[n] = (gattn_wanted){&making->sent, 1, sizeof *making->sent};
  wanted[n + 1] =
      (gattn_wanted){&making->items, making->n_units, sizeof(int64_t)};
  wanted[n + 2] =
      (gattn_wanted){&making->scratch, (int64_t)making->scratch_bytes, 1};
  wanted[n + 3] =
      (gattn_wanted){&making->head.listing.inverse,
                     table ? making->geometry->n_kv : 0, sizeof(int64_t)};
  status = gattn_making_take(making, wanted, n + 4);
  if (status) return status;
  making->device = &making->sent->listing;
  making->counts = &making->sent->counts;
  for (int u = 0; u < n && !status; u++) {
    void *to;
    memcpy(&to, uploads[u].place, sizeof to);
    status = gattn_device_upload(making->context, to, uploads[u].host,
                                 (size_t)uploads[u].count * uploads[u].size);
  }
  if (status || !table) return status;
  return gattn_making_check(
      making, gattn_list_invert(making->head.listing.pass.numbering.table,
                                making->geometry->n_kv,
                                (int64_t *)making->head.listing.inverse,
                                gattn_device_stream(making->context)));
}

/* The listing as it stands, and counts of zero. */
static gattn_status send(gattn_list_making *making) {
  return gattn_device_upload(making->context, making->sent, &making->head,
                             sizeof *making->sent);
}

gattn_status gattn_making_start(gattn_context *context,
                                gattn_frontier *frontier,
                                const gattn_device_attention *geometry,
                                const gattn_tile_pass *pass, gattn_graph *graph,
                                const gattn_query_lane *sample, int64_t n_tiles,
                                gattn_list_making *making) {
  making->context = context;
  making->geometry = geometry;
  making->pass = pass;
  making->made.context = context;
  gattn_status status =
      gattn_source_make(context, graph, frontier, &making->made);
  if (status) return status;
  describe(making, n_tiles, sample != NULL);
  status =
      number_pairs(making, gattn_tiles_of(&pass->numbering, GATTN_TILE_KEYS,
                                          making->head.listing.source.n_kv));
  return status ? status : take_first(making, sample);
}

/* ------------------------------------------------------------ items */

/* The first unit of each leaf of the cover. */
static int64_t first_unit(const gattn_list_making *making, int leaf) {
  int64_t first = 0;
  for (int l = 0; l < leaf; l++)
    if (in_cover(making, l)) first += units_of(making, l);
  return first;
}

static gattn_status count_items(gattn_list_making *making) {
  const gattn_edge_source *source = &making->head.listing.source;
  void *stream = gattn_device_stream(making->context);
  gattn_status status = send(making);
  for (int l = 0; l < source->n_leaves && !status; l++)
    if (in_cover(making, l))
      status = gattn_making_check(
          making,
          gattn_list_count(making->device, l, source->leaves[l].rows.block != 0,
                           units_of(making, l),
                           making->items + first_unit(making, l), stream));
  return status;
}

/* Items that end where each unit says, and how many there are. */
static gattn_status sum_items(gattn_list_making *making, int64_t *count) {
  gattn_status status = gattn_making_check(
      making, gattn_list_scan(making->items, making->n_units, making->scratch,
                              &making->scratch_bytes,
                              gattn_device_stream(making->context)));
  if (status) return status;
  return gattn_device_download(making->context, count,
                               making->items + making->n_units - 1,
                               sizeof *count);
}

static gattn_status name_pairs(gattn_list_making *making, int64_t n_items,
                               uint64_t *pairs) {
  const gattn_edge_source *source = &making->head.listing.source;
  gattn_status status = GATTN_SUCCESS;
  for (int l = 0; l < source->n_leaves && !status; l++) {
    if (!in_cover(making, l)) continue;
    const int64_t first = first_unit(making, l);
    const int64_t *begin =
        first ? making->items + first - 1 : &making->sent->zero;
    status = gattn_making_check(
        making,
        gattn_list_pairs(making->device, l, source->leaves[l].rows.block != 0,
                         units_of(making, l), begin, making->items + first,
                         n_items, pairs, making->counts,
                         gattn_device_stream(making->context)));
  }
  return status;
}

/* ------------------------------------------------------------ pairs */

/* Pairs [n] in any order, as often as they like, and as many to spare. */
typedef struct named {
  int64_t n;
  int bits;
  uint64_t *pairs, *spare;
  void *scratch;
  size_t bytes;
} named;

static gattn_status take_named(gattn_list_making *making, named *named) {
  const gattn_listing *listing = &making->head.listing;
  void *stream = gattn_device_stream(making->context);
  size_t scan = 0;
  named->bits = listing->shift + bits_of(listing->n_tiles);
  int error =
      gattn_list_sort(&named->pairs, &named->spare, NULL, NULL, named->n,
                      named->bits, NULL, &named->bytes, stream);
  if (!error) error = gattn_list_scan(NULL, named->n, NULL, &scan, stream);
  if (scan > named->bytes) named->bytes = scan;
  gattn_status status = gattn_making_check(making, error);
  if (status) return status;
  const gattn_wanted wanted[] = {
      {&named->pairs, named->n, sizeof *named->pairs},
      {&named->spare, named->n, sizeof *named->spare},
      {&named->scratch, (int64_t)named->bytes, 1}};
  return gattn_making_take(making, wanted, 3);
}

/* Numbers the first of each in the spare array, and counts them. */
static gattn_status number_named(gattn_list_making *making, named *named) {
  void *stream = gattn_device_stream(making->context);
  int64_t *numbers = (int64_t *)named->spare;
  const gattn_listing *listing = &making->head.listing;
  const uint64_t none = gattn_pair_none(listing);
  int error = 0;
  if (making->tell && listing->dense)
    error = gattn_list_dense(named->pairs, named->n, none, listing->dense,
                             making->counts, stream);
  if (!error)
    error = gattn_list_mark(named->pairs, named->n, none,
                            making->tell ? listing->least : 1, numbers, stream);
  if (!error)
    error = gattn_list_scan(numbers, named->n, named->scratch, &named->bytes,
                            stream);
  gattn_status status = gattn_making_check(making, error);
  if (status) return status;
  return gattn_device_download(making->context, &making->n_pairs,
                               numbers + named->n - 1, sizeof *numbers);
}

static gattn_status keep_once(gattn_list_making *making, named *named) {
  void *stream = gattn_device_stream(making->context);
  gattn_status status = gattn_making_check(
      making,
      gattn_list_sort(&named->pairs, &named->spare, NULL, NULL, named->n,
                      named->bits, named->scratch, &named->bytes, stream));
  if (!status) status = number_named(making, named);
  const gattn_wanted wanted = {&making->pairs, making->n_pairs,
                               sizeof *making->pairs};
  if (!status) status = gattn_making_take(making, &wanted, 1);
  if (status || !making->n_pairs) return status;
  return gattn_making_check(
      making, gattn_list_keep(named->pairs, (int64_t *)named->spare, named->n,
                              making->pairs, stream));
}

gattn_status gattn_making_pairs(gattn_list_making *making, int64_t most) {
  named named = {0};
  making->n_pairs = 0;
  if (!making->n_units) return send(making);
  gattn_status status = count_items(making);
  if (!status) status = sum_items(making, &named.n);
  if (!status && !making->tell && named.n > most) {
    making->head.listing.thin = named.n / most + 1;
    status = count_items(making);
    if (!status) status = sum_items(making, &named.n);
  }
  if (status || !named.n) return status;
  status = take_named(making, &named);
  if (!status) status = name_pairs(making, named.n, named.pairs);
  return status ? status : keep_once(making, &named);
}
