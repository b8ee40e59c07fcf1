/* The making of tile lists, from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_DEVICE_TILES_H
#define GATTN_PLAN_DEVICE_TILES_H

#include <pthread.h>

#include "operators/cuda/tile/sequence.h"
#include "plan/device/lowered.h"

enum { GATTN_LANES_MOST = 128 };

/* What a list is made of; shared by the threads that make it. */
typedef struct gattn_tile_making {
  gattn_context *context;
  const gattn_device_attention *geometry;
  const gattn_tile_pass *pass;
  gattn_graph *graph;
  int64_t *inverse;     /* [n_kv], TABLE: the position of a vertex */
  int64_t most_work;    /* then a query tile is left as it is */
  pthread_mutex_t lock; /* around everything that allocates */
} gattn_tile_making;

gattn_status gattn_tile_making_start(gattn_context *context,
                                     const gattn_device_attention *geometry,
                                     const gattn_tile_pass *pass,
                                     gattn_graph *graph,
                                     gattn_tile_making *making);
void gattn_tile_making_end(gattn_tile_making *making);

/* Room for `count` elements of `size` bytes in *array, a pointer that has room
 * for *capacity. What stands there stays. */
gattn_status gattn_array_grow(gattn_context *context, void *array, int64_t size,
                              int64_t count, int64_t *capacity);

typedef struct gattn_touched {
  int64_t key_tile, place; /* bits[place·lanes …] */
} gattn_touched;

/* One query tile. */
typedef struct gattn_query_tile {
  int64_t n_touched, touched_capacity, bits_capacity;
  gattn_touched *touched; /* [n_touched], ascending once made */
  uint64_t *bits;         /* [n_touched, lanes] */
  int64_t *table;         /* [table_size], places by hash; or −1 */
  int64_t table_size;
  int64_t last;    /* the place touched last */
  int64_t work;    /* runs and words so far */
  int64_t present; /* lanes that are there */
  bool lane[GATTN_LANES_MOST];
} gattn_query_tile;

/* Query tile t of the pass; `tile` is zero, or was used before. */
gattn_status gattn_query_tile_make(gattn_tile_making *making, int64_t t,
                                   gattn_query_tile *tile);
void gattn_query_tile_clear(gattn_context *context, gattn_query_tile *tile);

#endif
