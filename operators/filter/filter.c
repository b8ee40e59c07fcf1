/* Filter: the edges that a predicate keeps.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>

#include "lib/device.h"
#include "operators/filter/filter.h"
#include "operators/rows.h"

typedef struct filter_job {
  gattn_edge_predicate predicate;
  void *user;
} filter_job;

static bool filter_row(const gattn_selection *selection, int64_t h, int64_t p,
                       const filter_job *job, gattn_chosen *chosen) {
  const gattn_edges *edges = &selection->edges;
  const int64_t *offsets = gattn_edges_offsets(edges, h);
  gattn_edge edge = {.i = gattn_edges_vertex(edges, p), .head = h};
  gattn_row_walk walk;
  gattn_run run;
  int64_t e = offsets[p];
  gattn_row_walk_start(&walk, gattn_edges_graph(edges, h), edge.i,
                       offsets[p + 1] - e);
  while (gattn_row_walk_next(&walk, &run))
    for (edge.j = run.begin; edge.j < run.end; edge.j++) {
      edge.value = gattn_selection_value(selection, h, e++);
      if (!job->predicate(job->user, &edge)) continue;
      chosen->rows[chosen->count] = edge.i;
      chosen->columns[chosen->count++] = edge.j;
    }
  return gattn_row_walk_agrees(&walk);
}

static gattn_status filter_head(gattn_context *context,
                                const gattn_selection *selection, int64_t h,
                                const void *how, gattn_chosen *chosen) {
  int64_t n_f = selection->edges.n_f;
  for (int64_t p = 0; p < n_f; p++) {
    if (!filter_row(selection, h, p, how, chosen))
      return gattn_fail(context, GATTN_ERROR_CALLBACK,
                        "graph: a row has other edges than its degree says");
    if (p % (n_f / 256 + 1) == 0 &&
        gattn_progress_report(context, h * n_f + p, selection->heads * n_f))
      return gattn_fail(context, GATTN_ERROR_CANCELLED,
                        "progress: asked to stop in row %lld", (long long)p);
  }
  return GATTN_SUCCESS;
}

static gattn_status filter(gattn_context *context, gattn_graph *graph,
                           gattn_frontier *frontier,
                           const gattn_tensor *values, const filter_job *job,
                           gattn_graph **out) {
  gattn_selection selection;
  gattn_status status =
      gattn_selection_open(context, graph, frontier, values, &selection);
  if (status) return status;
  status = gattn_selection_graph(context, &selection, selection.edges.edges,
                                 filter_head, job, out);
  gattn_selection_close(context, &selection);
  return status;
}

gattn_status gattn_filter(gattn_context *context, gattn_graph *graph,
                          gattn_frontier *frontier, const gattn_tensor *values,
                          gattn_edge_predicate predicate, void *user,
                          gattn_graph **out) {
  if (!context) return GATTN_ERROR_NULL;
  if (!predicate) return gattn_fail_null(context, "predicate");
  if (!out) return gattn_fail_null(context, "out");
  const filter_job job = {predicate, user};
  return filter(context, graph, frontier, values, &job, out);
}

static int reaches(void *threshold, const gattn_edge *edge) {
  return edge->value >= *(const float *)threshold;
}

/* The smallest float32 that is not below a threshold, which the same values
 * reach. */
static float rounded_up(double threshold) {
  const float rounded = (float)threshold;
  return (double)rounded < threshold ? nextafterf(rounded, INFINITY) : rounded;
}

gattn_status gattn_filter_threshold(gattn_context *context, gattn_graph *graph,
                                    gattn_frontier *frontier,
                                    const gattn_tensor *values,
                                    double threshold, gattn_graph **out) {
  if (!context) return GATTN_ERROR_NULL;
  if (!values) return gattn_fail_null(context, "values");
  if (!out) return gattn_fail_null(context, "out");
  float least = rounded_up(threshold);
  if (gattn_on_device(context))
    return gattn_select_device(context, graph, frontier, values, 0, least, out);
  const filter_job job = {reaches, &least};
  return filter(context, graph, frontier, values, &job, out);
}
