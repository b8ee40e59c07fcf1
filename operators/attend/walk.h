/* Walks the keys that a tile of queries attends to, in order, with one bit a
 * lane for each key: the bit-masked tile of the design, made on the fly from
 * the rows' runs and never stored. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_ATTEND_WALK_H
#define GATTN_OPERATORS_ATTEND_WALK_H

#include "masks/graph.h"
#include "operators/cpu/kernels.h"

enum {
  GATTN_WALK_WINDOW = 512, /* keys looked at together */
  GATTN_WALK_RUNS = 16     /* runs fetched from a row at a time */
};

/* Lanes whose rows have the same neighbours, and how far their common row has
 * been read. */
typedef struct gattn_walk_group {
  uint32_t lanes; /* a bit each */
  int64_t vertex; /* any of them */
  int64_t count, next, upto;
  gattn_run runs[GATTN_WALK_RUNS];
} gattn_walk_group;

typedef struct gattn_walk {
  const gattn_graph *graph;
  int64_t stride; /* of the class space that keys are counted in */
  int64_t hi;     /* keys end here */
  int64_t patience; /* fetches without a run before the walk gives up */
  int64_t n_groups;
  int64_t window; /* first key of the window */
  int64_t at;     /* within the window: next key to give out */
  int64_t touched; /* within the window: no bit changes at or past this */
  uint32_t lanes; /* that attend to the key at `at` − 1 */
  gattn_walk_group groups[GATTN_TILE_LANES];
  uint32_t toggles[GATTN_WALK_WINDOW + 1]; /* lanes that begin or end here */
} gattn_walk;

/* Starts a walk over the keys [lo, hi) of n lanes; lane l stands for row
 * vertex[l], or for nothing when that is negative. Rows must lie in one
 * residue class of stride. The walk is patient without end; who only samples
 * may lower walk->patience now. */
void gattn_walk_begin(gattn_walk *walk, const gattn_graph *graph,
                      int64_t stride, const int64_t *vertex, int64_t n,
                      int64_t lo, int64_t hi);

/* The next at most GATTN_KEY_BLOCK keys that any lane attends to, and the
 * lanes that do. Returns their number, 0 at the end. */
int64_t gattn_walk_next(gattn_walk *walk, int64_t *keys, uint32_t *masks);

#endif
