/* The steps in which the device makes a tile list.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All pointers are on the device, `listing` too. Launchers return a CUDA error
 * code and put everything on `stream`; with scratch null, those that have one
 * only say how many bytes it needs. Counts are exact and the same in every
 * run: where threads add up, they add integers. */
#ifndef GATTN_OPERATORS_CUDA_LISTS_LISTS_H
#define GATTN_OPERATORS_CUDA_LISTS_LISTS_H

#include <stddef.h>

#include "operators/cuda/lists/listing.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sums over all query tiles and pairs; zeroed by the caller. */
typedef struct gattn_list_counts {
  uint64_t edges;    /* by stored rows, or by words */
  uint64_t pairs;    /* with edges */
  uint64_t partial;  /* of those, not full */
  uint64_t rows;     /* lanes that are there */
  uint64_t present;  /* the same, once for each pair with edges */
  uint64_t most;     /* pairs of a query tile */
  uint64_t dense_edges, dense_pairs; /* of pairs with listing->dense or more */
  uint64_t collided; /* patterns that only their hash has in common */
} gattn_list_counts;

/* inverse[table[p]] = p, for p in [0, n). */
int gattn_list_invert(const int64_t *table, int64_t n, int64_t *inverse,
                      void *stream);

/* ------------------------------------------------------------ pairs */

/* items[u] for the units u < units of a leaf of the cover. */
int gattn_list_count(const gattn_listing *listing, int leaf, int stored,
                     int64_t units, int64_t *items, void *stream);

/* sums[n] in place: sums of all up to each one. */
int gattn_list_scan(int64_t *sums, int64_t n, void *scratch, size_t *bytes,
                    void *stream);

/* pairs[n_items] of all items of the leaf. ends[units] are the places behind
 * each unit's items, *begin that of the first; n_items is a bound. */
int gattn_list_pairs(const gattn_listing *listing, int leaf, int stored,
                     int64_t units, const int64_t *begin, const int64_t *ends,
                     int64_t n_items, uint64_t *pairs,
                     gattn_list_counts *counts, void *stream);

/* Sorts values[n] by their `bits` lowest bits; the result is in *values, which
 * may have changed places with *spare. Places, if there are, go along. */
int gattn_list_sort(uint64_t **values, uint64_t **spare, int64_t **places,
                    int64_t **spare_places, int64_t n, int bits, void *scratch,
                    size_t *bytes, void *stream);

/* first[e] = 1 where a pair of the sorted pairs[n] differs from the one before,
 * is none of `none`, and stands there `least` times or more; else 0. */
int gattn_list_mark(const uint64_t *pairs, int64_t n, uint64_t none,
                    int64_t least, int64_t *first, void *stream);
/* dense_edges and dense_pairs of the same: those that stand there `dense` times
 * or more. */
int gattn_list_dense(const uint64_t *pairs, int64_t n, uint64_t none,
                     int64_t dense, gattn_list_counts *counts, void *stream);
/* The marked ones: kept[numbers[e] − 1], where numbers are the marks summed. */
int gattn_list_keep(const uint64_t *pairs, const int64_t *numbers, int64_t n,
                    uint64_t *kept, void *stream);

/* rows. */
int gattn_list_rows(const gattn_listing *listing, int64_t n_tiles,
                    gattn_list_counts *counts, void *stream);
/* pairs and present, of pairs that all have edges. */
int gattn_list_present(const gattn_listing *listing, const uint64_t *pairs,
                       int64_t n, gattn_list_counts *counts, void *stream);

/* ------------------------------------------------------------ words */

/* kinds[n] and hashes[n] (null: not wanted) of pairs[n]; edges, pairs, partial,
 * present. Pairs with fewer than listing->least edges count as empty. Full tiles and empty ones have hash 0, no other does. */
int gattn_list_look(const gattn_listing *listing, int lanes,
                    const uint64_t *pairs, int64_t n, int64_t *kinds,
                    uint64_t *hashes, gattn_list_counts *counts, void *stream);

/* The entries: pairs whose kind is not empty, in their order; numbers[n] of
 * gattn_list_number. words are GATTN_FULL_TILE, or not set yet. */
typedef struct gattn_list_entries {
  int64_t n;         /* of them */
  uint64_t *pairs;   /* [n] */
  uint64_t *hashes;  /* [n] */
  int64_t *places;   /* [n]: 0, 1, … */
  int64_t *entries;  /* [n] */
  int32_t *words;    /* [n] */
  int64_t *offsets;  /* [n_tiles + 1] */
} gattn_list_entries;

/* numbers[e] = 1 where the kind is not empty, else 0. */
int gattn_list_number(const int64_t *kinds, int64_t n, int64_t *numbers,
                      void *stream);
int gattn_list_enter(const gattn_listing *listing, const uint64_t *pairs,
                     const int64_t *kinds, const uint64_t *hashes,
                     const int64_t *numbers, int64_t n,
                     const gattn_list_entries *to, void *stream);
/* offsets, from the entries' pairs; and counts->most. */
int gattn_list_offsets(const gattn_listing *listing, int64_t n_tiles,
                       const gattn_list_entries *entries,
                       gattn_list_counts *counts, void *stream);

/* columns[n] of pairs of a row and a key. */
int gattn_list_columns(const gattn_listing *listing, const uint64_t *pairs,
                       int64_t n, int narrow, void *columns, void *stream);

/* ------------------------------------------------------------ patterns */

/* leads[n]: 1 for the first entry of each hash, 0 for others and full ones.
 * hashes[n] and places[n] are sorted, by hash and then by place. With `own`,
 * every partial entry leads. */
int gattn_list_lead(const gattn_list_entries *sorted, int own, int64_t *leads,
                    void *stream);
/* words[e] of partial entries: the number of their leader, of leads summed. */
int gattn_list_words(const gattn_list_entries *sorted, int own,
                     const int64_t *numbers, void *stream);
/* bits[number, lanes] of leaders. */
int gattn_list_bits(const gattn_listing *listing, int lanes,
                    const gattn_list_entries *entries, const int64_t *numbers,
                    uint64_t *bits, void *stream);
/* counts->collided, of partial entries whose words are not their pattern's. */
int gattn_list_compare(const gattn_listing *listing, int lanes,
                       const gattn_list_entries *entries, const uint64_t *bits,
                       gattn_list_counts *counts, void *stream);

#ifdef __cplusplus
}
#endif

#endif
