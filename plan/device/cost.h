/* What work on the device is predicted to take, in seconds.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A pass takes the longest of what its bytes, its matrix products and its
 * exponentials take, and its launch. Nothing here looks at a mask: the counts
 * come from the planner, which has them in closed form or by sampling. */
#ifndef GATTN_PLAN_DEVICE_COST_H
#define GATTN_PLAN_DEVICE_COST_H

#include <stdbool.h>
#include <stdint.h>

#include <gattn/limits.h>

/* What a device can do, per second. */
typedef struct gattn_device_costs {
  int32_t capability, multiprocessors;
  int64_t l2_bytes;
  double copy;         /* bytes read and written, from and to memory */
  double matrix;       /* operations of 16-bit matrix products: the better of
                        * mma_sync and wgmma */
  double mma_sync;     /* by a warp's instruction */
  double multiply_add; /* float32 operations */
  double rows_cached;  /* bytes of random rows out of the second-level cache */
  double rows;         /* and out of memory */
} gattn_device_costs;

/* The library's figures for a device; with limits, theirs. l2_bytes 0: the
 * capability's usual. */
gattn_device_costs gattn_device_costs_of(int32_t capability,
                                         int32_t multiprocessors,
                                         int64_t l2_bytes,
                                         const gattn_limits *limits);

/* What all passes of one attention share. */
typedef struct gattn_work {
  int32_t type; /* gattn_type */
  int64_t dim, dim_v;
  double heads;     /* of all batches */
  double kv_heads;
  double rows, n_kv; /* of a head: the frontier's, and keys */
} gattn_work;

/* How a tile's rows lie. */
typedef enum gattn_rows_order {
  GATTN_ROWS_LINEAR,
  GATTN_ROWS_CLASSES,
  GATTN_ROWS_PATCHES,
  GATTN_ROWS_TABLE
} gattn_rows_order;

/* A pass of query tiles; counts of one head. */
typedef struct gattn_tile_work {
  gattn_rows_order order;
  int32_t lanes, pieces;
  double tiles;     /* of queries */
  double key_tiles; /* of a query tile, on average */
  double most;      /* of any query tile; 0: as on average */
  bool listed;      /* a list says which */
  bool pair_by_pair; /* a formula that is evaluated for every pair */
} gattn_tile_work;

double gattn_tiles_seconds(const gattn_device_costs *costs,
                           const gattn_work *work,
                           const gattn_tile_work *tiles);

/* A pass of `edges` edges a head, one by one. */
double gattn_edges_seconds(const gattn_device_costs *costs,
                           const gattn_work *work, double edges);

/* What a pass more costs beside its own time: the rows' states, written by one
 * pass and read by the next. */
double gattn_state_seconds(const gattn_device_costs *costs,
                           const gattn_work *work);

/* Bytes that the plan keeps of so many edges a graph. */
double gattn_edges_bytes(const gattn_work *work, double edges);

#endif
