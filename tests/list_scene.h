/* A pass over some rows in some numbering, for tile lists.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_LIST_SCENE_H
#define GATTN_TESTS_LIST_SCENE_H

#include "frontier/frontier.h"
#include "operators/cuda/tile/sequence.h"

/* Square scenes have the vertices of a grid. */
enum { GRID_H = 30, GRID_W = 41, N = GRID_H * GRID_W };

/* Which rows: all, a range, a list in order, all but some that are skipped, and
 * a list in no order of which some are rows. */
enum { ALL, RANGE, LIST, SKIP, ROWS, SCENES };

/* A pass, and the geometry of its rows; both have their arrays on the host. */
typedef struct scene {
  gattn_device_attention geometry;
  gattn_tile_pass pass;
  gattn_frontier *frontier;
  int64_t *table, *rows;
  gattn_device_range *skip; /* [2] */
} scene;

/* The frontier of such rows; null: all. For the caller to release. */
gattn_frontier *scene_frontier(gattn_context *context, int64_t n, int rows);

scene scene_of(gattn_context *context, int64_t n_q, int64_t n_kv, int rows,
               int numbering, int32_t lanes);
void scene_free(scene *at);

/* count·size bytes of the device's, for the caller to free. */
void *scene_fetch(gattn_context *context, const void *device, int64_t count,
                  size_t size);

/* Rows of 0 to `degree` edges, from tensors where the context computes. */
gattn_graph *scene_stored(gattn_context *context, int64_t n, int64_t degree);

/* Masks that have no closed form. */
typedef struct list_mask {
  const char *mask;
  int64_t n_q, n_kv;
} list_mask;
enum { LIST_MASKS = 26 };
extern const list_mask list_masks[LIST_MASKS];

#endif
