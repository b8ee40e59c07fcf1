/* Any graph stored as CSR: rows are measured, then written.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/count.h"
#include "masks/csr.h"
#include "masks/device_csr.h"
#include "masks/walk.h"

enum { CHUNK = 64 };

typedef struct copying {
  const gattn_graph *graph;
  gattn_csr *csr;
  atomic_bool differs; /* while writing: a row was not as it was measured */
} copying;

/* offsets[i + 1] = the degree of row i, for now. Edges count as walked: rows
 * that are too many or too long to store end the walk. */
static int64_t measure_block(void *user, int64_t begin, int64_t end) {
  copying *copy = user;
  int64_t walked = end - begin;
  for (int64_t i = begin; i < end && walked <= GATTN_WALK_LOST; i++) {
    int64_t degree = gattn_walk_degree(copy->graph, i, &walked);
    copy->csr->offsets[i + 1] = degree;
    walked += degree < GATTN_WALK_LOST ? degree : GATTN_WALK_LOST;
  }
  return walked;
}

/* Writes row i at its place, never past it. */
static void write_row(copying *copy, int64_t i) {
  const gattn_graph *graph = copy->graph;
  int64_t e = copy->csr->offsets[i], last = copy->csr->offsets[i + 1];
  gattn_run runs[CHUNK];
  for (int64_t lo = 0; lo < graph->n_kv;) {
    int64_t n = gattn_runs(graph, i, 1, lo, graph->n_kv, runs, CHUNK, &lo);
    for (int64_t r = 0; r < n; r++) {
      if (runs[r].end - runs[r].begin > last - e) {
        atomic_store(&copy->differs, true);
        return;
      }
      for (int64_t j = runs[r].begin; j < runs[r].end; j++)
        gattn_csr_put(copy->csr, e++, j);
    }
  }
  if (e != last) atomic_store(&copy->differs, true);
}

static int64_t write_block(void *user, int64_t begin, int64_t end) {
  copying *copy = user;
  for (int64_t i = begin; i < end; i++) write_row(copy, i);
  return end - begin;
}

static gattn_status fill(gattn_context *context, copying *copy, double work) {
  const gattn_graph *graph = copy->graph;
  int64_t *offsets = copy->csr->offsets;
  gattn_status status = gattn_walk_rows(context, "storing", 0, graph->n_q,
                                        work, measure_block, copy);
  if (status) return status;
  offsets[0] = 0;
  for (int64_t i = 0; i < graph->n_q; i++) offsets[i + 1] += offsets[i];
  status = gattn_walk_check(context, "storing",
                            (double)graph->n_q + (double)offsets[graph->n_q]);
  if (status) return status;
  status = gattn_graph_check_broken(context, graph);
  if (status) return status;
  status = gattn_csr_columns(context, copy->csr, offsets[graph->n_q]);
  if (status) return status;
  status = gattn_walk_rows(context, "storing", 0, graph->n_q, work,
                           write_block, copy);
  if (status) return status;
  if (atomic_load(&copy->differs))
    return gattn_graph_fail_broken(context, graph);
  return gattn_graph_check_broken(context, graph);
}

/* Rows and edges together, as far as they are known before a walk. */
static double storing_work(const gattn_graph *graph) {
  gattn_counts counts;
  if (!graph->n_q) return 0;
  if (gattn_count_closed(graph, 0, graph->n_q, &counts))
    return (double)graph->n_q + (double)counts.edges;
  return gattn_walk_work(graph, 0, graph->n_q);
}

gattn_status gattn_graph_materialize(gattn_context *context,
                                     gattn_graph *graph, gattn_graph **out) {
  if (!context) return gattn_fail_null(context, "context");
  gattn_status status = gattn_graph_check(context, "graph", graph);
  if (status) return status;
  if (!out) return gattn_fail_null(context, "csr");
  if (gattn_is_csr(graph)) {
    *out = gattn_graph_retain(graph);
    return GATTN_SUCCESS;
  }
  if (gattn_is_device_csr(graph)) {
    const gattn_csr *mirror;
    status = gattn_device_csr_mirror(context, graph, &mirror);
    if (status) return status;
    *out = gattn_graph_retain((gattn_graph *)&mirror->graph);
    return GATTN_SUCCESS;
  }
  double work = storing_work(graph);
  status = gattn_walk_check(context, "storing", work);
  if (status) return status;
  copying copy = {.graph = graph};
  status = gattn_csr_new(context, graph->n_q, graph->n_kv, &copy.csr);
  if (status) return status;
  status = fill(context, &copy, work);
  if (status) {
    gattn_graph_release(&copy.csr->graph);
    return status;
  }
  *out = &copy.csr->graph;
  return GATTN_SUCCESS;
}
