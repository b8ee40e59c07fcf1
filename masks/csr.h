/* Graphs stored as compressed sparse rows, from inside.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_CSR_H
#define GATTN_MASKS_CSR_H

#include "masks/graph.h"

/* The neighbours of row i are columns[offsets[i]] … columns[offsets[i+1] - 1],
 * ascending, each once. */
typedef struct gattn_csr {
  gattn_graph graph;
  int64_t *offsets; /* [n_q + 1] */
  int32_t *narrow;  /* [capacity]: the columns where n_kv < 2^31, else null */
  int64_t *wide;    /* [capacity]: the columns otherwise */
  int64_t capacity; /* >= offsets[n_q] */
  char *label;      /* [label_size]: the expression it came from, or null */
  int64_t label_size;
} gattn_csr;

extern const gattn_graph_class gattn_csr_class;

static inline bool gattn_is_csr(const gattn_graph *graph) {
  return graph->class_ == &gattn_csr_class;
}

static inline const gattn_csr *gattn_csr_of(const gattn_graph *graph) {
  return (const gattn_csr *)graph;
}

static inline int64_t gattn_csr_edges(const gattn_csr *csr) {
  return csr->offsets[csr->graph.n_q];
}

/* The column of entry e, 0 <= e < edges. */
static inline int64_t gattn_csr_column(const gattn_csr *csr, int64_t e) {
  return csr->narrow ? csr->narrow[e] : csr->wide[e];
}

static inline void gattn_csr_put(gattn_csr *csr, int64_t e, int64_t column) {
  if (csr->narrow)
    csr->narrow[e] = (int32_t)column;
  else
    csr->wide[e] = column;
}

/* A structure with offsets allocated and not set, and no columns yet: for who
 * fills it in before anybody else sees it. */
gattn_status gattn_csr_new(gattn_context *context, int64_t n_q, int64_t n_kv,
                           gattn_csr **csr);
/* Its columns, narrow or wide by n_kv, not set. */
gattn_status gattn_csr_columns(gattn_context *context, gattn_csr *csr,
                               int64_t capacity);

/* Makes describe say `expression` (copied), for example edges("g.mtx"). Only
 * before anybody else sees the graph, which is a CSR. */
gattn_status gattn_csr_label(gattn_context *context, gattn_graph *graph,
                             const char *expression);

#endif
