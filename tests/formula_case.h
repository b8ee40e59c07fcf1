/* A formula held against the graph it was made from, tile by tile.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_FORMULA_CASE_H
#define GATTN_TESTS_FORMULA_CASE_H

#include <stdbool.h>

#include "plan/device/formula.h"

/* What the spans of all query tiles named, and what they had to. */
typedef struct formula_tiles {
  int64_t visited; /* pairs of tiles in spans */
  int64_t needed;  /* of them with an edge */
  int64_t full;    /* in spans that are full */
  int64_t filled;  /* pairs of tiles all of whose edges there are */
} formula_tiles;

/* Looks at every pair of tiles, of `lanes` queries and 64 keys: words and rows
 * are the graph's edges, spans miss none, full tiles are full. `edges` is
 * [n_q, n_kv]. Fails the test that runs. */
formula_tiles formula_check(const char *name, const gattn_formula *formula,
                            const gattn_numbering *numbering, int lanes,
                            int64_t n_q, int64_t n_kv, const bool *edges);

static const gattn_numbering linear = {.kind = GATTN_NUMBER_LINEAR};

static inline gattn_numbering classes(int64_t stride) {
  return (gattn_numbering){.kind = GATTN_NUMBER_CLASSES, .stride = stride};
}
static inline gattn_numbering patches(int64_t h, int64_t w) {
  return (gattn_numbering){
      .kind = GATTN_NUMBER_PATCHES, .grid_h = h, .grid_w = w};
}

/* The same in every numbering that fits the graph, with tiles of 16, 64 and 128
 * queries. */
void formula_check_numberings(const char *name, const gattn_formula *formula,
                              const gattn_graph *graph, const bool *edges);

/* The graph's edges by the graph contract: [n_q, n_kv]; free() it. */
bool *formula_edges(const gattn_graph *graph);

#endif
