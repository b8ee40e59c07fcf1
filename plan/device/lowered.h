/* A mask lowered for the device: passes described in host memory, before
 * anything is uploaded. SPDX-License-Identifier: Apache-2.0
 *
 * Every edge of the mask is in exactly one part. Nothing here needs a device:
 * the tests walk the description. */
#ifndef GATTN_PLAN_DEVICE_LOWERED_H
#define GATTN_PLAN_DEVICE_LOWERED_H

#include "operators/cuda/attention.h"
#include "plan/attend.h"
#include "plan/device/formula.h"
#include "plan/hubs.h"

/* A tile list, owned. Patterns are the words of one query tile against one key
 * tile; each stands once. */
typedef struct gattn_tile_store {
  int64_t n_tiles, n_entries, n_patterns;
  int64_t most;  /* entries of a query tile */
  int32_t lanes;
  gattn_tile_list list; /* where the target's kernels read */
  /* Frees what follows; null: there is no list. */
  void (*release)(gattn_context *context, struct gattn_tile_store *store);
  void *memory;
  int64_t bytes;
  uint64_t *bits; /* [n_patterns, lanes] */
} gattn_tile_store;

/* What the list of a graph's edges would have, from a few query tiles. */
typedef struct gattn_tile_sample {
  double edges, slots; /* slots: lanes times keys of the tiles with edges */
  double rows;         /* lanes that are there */
  double present;      /* slots of lanes that are there */
  double key_tiles;    /* with edges, of a query tile, on average */
  /* Of tiles with so many edges as were asked for; 0 where edges are not
   * stored one by one. */
  double dense_edges, dense_key_tiles;
} gattn_tile_sample;

/* The device that is lowered for. */
typedef struct gattn_device_target {
  int32_t multiprocessors, capability;
  int64_t l2_bytes; /* 0: the capability's usual */
  /* gattn_tile_lanes */
  int32_t (*tile_lanes)(int32_t type, int64_t dim, int64_t dim_v,
                        double degree);
  int64_t shared_bytes; /* that a block may have */
  /* gattn_tile_shared_bytes */
  int64_t (*tile_shared_bytes)(int32_t type, int64_t dim, int64_t dim_v,
                               int32_t lanes);
  /* gattn_tile_blocks */
  int64_t (*tile_blocks)(int32_t type, int64_t dim, int64_t dim_v,
                         int32_t lanes, int64_t shared_bytes);
  /* The list of a graph's edges for the pass, its numbering and its rows; rows
   * that are skipped have none. The pass and the geometry have their pointers
   * on the host; the frontier, the geometry's, is not one of the device. Key
   * tiles with fewer than `least` edges of a query tile are not listed.
   * GATTN_ERROR_TOO_LARGE, GATTN_ERROR_CALLBACK, GATTN_ERROR_CANCELLED,
   * GATTN_ERROR_MEMORY, GATTN_ERROR_DEVICE. */
  gattn_status (*list_survey)(gattn_context *context, gattn_frontier *frontier,
                              const gattn_device_attention *geometry,
                              const gattn_tile_pass *pass, gattn_graph *graph,
                              int64_t dense, gattn_tile_sample *sample);
  gattn_status (*list_build)(gattn_context *context, gattn_frontier *frontier,
                             const gattn_device_attention *geometry,
                             const gattn_tile_pass *pass, gattn_graph *graph,
                             int64_t least, gattn_tile_store *store);
} gattn_device_target;

typedef enum gattn_device_form {
  GATTN_DEVICE_TILES, /* query tiles over key tiles: formula, list, or both */
  GATTN_DEVICE_HUBS,  /* the same over hub rows, which have all keys */
  GATTN_DEVICE_EDGES  /* compressed rows */
} gattn_device_form;

typedef struct gattn_device_part {
  gattn_device_form form;
  gattn_graph *graph;      /* the formula's edges, or those of EDGES; or null */
  gattn_graph *list_graph; /* the list's edges; or null */
  gattn_tile_pass tiles;   /* TILES, HUBS; pointers into host memory, but for
                            * the list's; states and resume are the execution's
                            * business */
  gattn_formula_arrays arrays; /* of the formula; live as long as `graph` */
  gattn_tile_store list;
  /* EDGES: those of `graph` that are not in the list of this part, the first
   * counted as 1; 0: all of them. */
  int32_t apart;
  /* Of a query tile, sampled: on average, and the most; for explain. */
  double key_tiles, most_key_tiles;
} gattn_device_part;

enum { GATTN_DEVICE_PARTS = 10 };

/* One graph lowered: that of all heads, or of one head of a stack. */
typedef struct gattn_device_lowered {
  int64_t n_parts;
  gattn_device_part parts[GATTN_DEVICE_PARTS]; /* HUBS first, EDGES last */
  gattn_choice taken; /* the way of every term; lowering by it does the same */
  double measured;    /* seconds that it took; 0: the costs chose it */
  gattn_device_attention geometry; /* sizes, begin and vertices (host) alone */
  gattn_hubs hubs;
  gattn_device_range *skip; /* [hubs.n_ranges], what tile passes skip */
  int64_t *rows;            /* [n_rows], what tile passes have for rows */
  int64_t n_rows;
} gattn_device_lowered;

/* Lowers one graph (no stack) for the problem's frontier and dimensions.
 * `heads` run in one launch. On failure *lowered is as before. */
gattn_status gattn_device_lower(gattn_context *context,
                                const gattn_attend_problem *problem,
                                const gattn_device_target *target,
                                gattn_graph *graph, int64_t heads,
                                gattn_device_lowered *lowered);
void gattn_device_lowered_clear(gattn_context *context,
                                gattn_device_lowered *lowered);

/* ------------------------------------------------- measures (measure.c) */

/* Key tiles that sampled query tiles of a pass visit. */
typedef struct gattn_pass_measure {
  double average;
  int64_t most;
} gattn_pass_measure;

gattn_pass_measure gattn_pass_measured(const gattn_device_attention *geometry,
                                       const gattn_tile_pass *pass);

/* The sampled query tile s of n_tiles, 0 <= s < gattn_samples_of(n_tiles). */
enum { GATTN_SAMPLES = 16 };
static inline int64_t gattn_samples_of(int64_t n_tiles) {
  return n_tiles < GATTN_SAMPLES ? n_tiles : GATTN_SAMPLES;
}
static inline int64_t gattn_sampled_tile(int64_t n_tiles, int64_t s) {
  if (n_tiles <= GATTN_SAMPLES) return s;
  const int64_t each = n_tiles / GATTN_SAMPLES;
  return s * each + (s * 7 + 3) % each;
}

#endif
