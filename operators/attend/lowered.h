/* The lowered form of one attention: all that its execution sees. The planner
 * (plan/) makes it, the functions here run it. SPDX-License-Identifier: Apache-2.0
 *
 * Query positions are worked off in SPANS of consecutive positions. A worker
 * holds the running softmax state (o, m, l) of one span's rows, and every PART
 * of the mask adds its keys to it: parts own disjoint edges, so the order of
 * the sums is fixed and nothing is merged through memory. Rows that most keys
 * belong to (hubs), or the few rows of a decode step, are cut along the keys
 * instead: each piece leaves a partial state in the workspace, and the pieces
 * are merged in order. */
#ifndef GATTN_OPERATORS_ATTEND_LOWERED_H
#define GATTN_OPERATORS_ATTEND_LOWERED_H

#include "frontier/frontier.h"
#include "lib/tensor.h"
#include "masks/graph.h"
#include "operators/cpu/kernels.h"

#include <gattn/score.h>

typedef enum gattn_part_form {
  GATTN_PART_TILES, /* tiles of queries against blocks of keys */
  GATTN_PART_EDGES  /* row by row, keys gathered */
} gattn_part_form;

/* How a part's tiles choose their queries within a span. */
typedef enum gattn_part_order {
  GATTN_ORDER_LINEAR,  /* consecutive positions */
  GATTN_ORDER_CLASSES, /* positions of one residue class of the stride */
  GATTN_ORDER_PATCHES  /* rectangles of a grid, row-major */
} gattn_part_order;

typedef struct gattn_part {
  gattn_part_form form;
  gattn_part_order order;
  gattn_graph *graph; /* the edges that this part owns; a reference */
  int64_t stride;     /* of the class space of its keys */
  int64_t lanes;      /* queries a tile */
  int64_t grid_w, patch_h, patch_w; /* PATCHES */
  double density; /* edges for each key and lane that the kernel visits */
  double degree;  /* edges a row, sampled; for explain */
  double cost;    /* vector operations an edge, predicted; for explain */
} gattn_part;

enum { GATTN_PARTS_MAX = 8 };

/* One graph lowered: that of all heads, or of one head of a stack. */
typedef struct gattn_lowered {
  gattn_graph *graph; /* the whole; a reference */
  int64_t n_parts;
  gattn_part parts[GATTN_PARTS_MAX];
  int64_t span; /* positions */

  /* The vertices of the positions when they are renumbered as a whole (a sort
   * by bucket): borrowed from a mask in `graph`; null otherwise. */
  const int64_t *order;

  /* Split rows: positions [n_split], cut into `splits` pieces of the keys and
   * left out of the parts' work. Null and n_split = n_f: every position. */
  int64_t *split_positions;
  int64_t n_split, splits; /* splits = 0: no row is split */
  gattn_range *split_vertices; /* sorted and disjoint; [n_split_ranges] */
  int64_t n_split_ranges, split_capacity;

  /* With edge values: the first edge of each position, [n_f + 1]; else null. */
  int64_t *offsets;
} gattn_lowered;

/* Whether a vertex lies in split_vertices. */
bool gattn_is_split(const gattn_lowered *lowered, int64_t vertex);

/* What one execution runs on; read-only while it runs. */
typedef struct gattn_attend_run {
  gattn_context *context;
  const gattn_kernels *kernels;
  const gattn_lowered *lowered; /* [heads], or [1] when shared */
  bool shared;
  const gattn_frontier *frontier;
  int64_t batch, heads, kv_heads, n_f, n_kv, dim, dim_v;
  float scale;
  gattn_score score;
  gattn_view q, k, v, edge_values, o, lse;
  char *workspace;
  int32_t threads;
} gattn_attend_run;

/* Bytes of workspace, or SIZE_MAX where they overflow; the operands need not
 * be set. */
size_t gattn_attend_run_workspace(const gattn_attend_run *run);

/* GATTN_SUCCESS or GATTN_ERROR_CANCELLED. */
gattn_status gattn_attend_run_execute(const gattn_attend_run *run);

#endif
