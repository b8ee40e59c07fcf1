/* The making of a tile list, from inside. SPDX-License-Identifier: Apache-2.0
 */
#ifndef GATTN_PLAN_DEVICE_LISTING_H
#define GATTN_PLAN_DEVICE_LISTING_H

#include "operators/cuda/lists/lists.h"
#include "plan/device/lists.h"
#include "plan/device/source.h"

enum { GATTN_MAKING_STAGES = 12, GATTN_MAKING_ARRAYS = 16 };

/* An array that is wanted: *place is set to `count` elements of `size` bytes.
 */
typedef struct gattn_wanted {
  void *place; /* the address of a pointer */
  int64_t count;
  size_t size;
} gattn_wanted;

/* What is sent in one piece before items are counted. */
typedef struct gattn_list_head {
  gattn_listing listing;
  gattn_list_counts counts;
  int64_t zero; /* where the first unit's items begin */
} gattn_list_head;

typedef struct gattn_list_making {
  gattn_context *context;
  const gattn_device_attention *geometry; /* of the host */
  const gattn_tile_pass *pass;            /* of the host */
  gattn_list_head head;                   /* with the device's pointers */
  gattn_source_made made;
  bool tell; /* pairs are named edge by edge: counts->edges are all edges */

  /* On the device. */
  gattn_list_head *sent;
  gattn_listing *device;     /* of what was sent */
  gattn_list_counts *counts; /* likewise */
  int64_t n_units; /* of all leaves of the cover */
  int64_t *items;  /* [n_units]: where each unit's items end */
  void *scratch;   /* for summing them */
  size_t scratch_bytes;
  uint64_t *pairs; /* [n_pairs], ascending, each once */
  int64_t n_pairs;

  int n_stages;
  struct {
    void *memory;
    int64_t bytes;
  } stages[GATTN_MAKING_STAGES];
} gattn_list_making;

/* Arrays in one allocation, freed with the making. */
gattn_status gattn_making_take(gattn_list_making *making,
                               const gattn_wanted *wanted, int n);
gattn_status gattn_making_check(const gattn_list_making *making, int error);
gattn_status gattn_making_counts(const gattn_list_making *making,
                                 gattn_list_counts *counts);

/* A making of the frontier's rows, or, with sample[n_tiles·lanes] on the host,
 * of query tiles of the frontier `frontier` of the sample's own. Free it also
 * when this has failed. */
gattn_status gattn_making_start(gattn_context *context,
                                gattn_frontier *frontier,
                                const gattn_device_attention *geometry,
                                const gattn_tile_pass *pass,
                                gattn_graph *graph,
                                const gattn_query_lane *sample,
                                int64_t n_tiles, gattn_list_making *making);
void gattn_making_free(gattn_list_making *making);

/* Finds the pairs; where those do not tell of edges, thinned out to about `most`
 * at the most. */
gattn_status gattn_making_pairs(gattn_list_making *making, int64_t most);

/* Lets the pairs be those of rows and keys, before they are found; the pass has
 * one lane. */
gattn_status gattn_making_rows(gattn_list_making *making);

/* From the pairs to a list. */
gattn_status gattn_making_list(gattn_list_making *making,
                               gattn_tile_store *store);

#endif
