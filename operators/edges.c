/* The edges of a frontier's rows: counts and offsets.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/edges.h"

#include "lib/device.h"
#include "masks/device_csr.h"
#include "masks/stack.h"
#include "operators/device.h"
#include "operators/rows.h"

gattn_status gattn_edges_of(gattn_context *context, gattn_graph *graph,
                            gattn_frontier *frontier, gattn_edges *edges) {
  if (!graph) return gattn_fail_null(context, "graph");
  if (frontier && frontier->n != graph->n_q)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "frontier: draws from %lld vertices, but graph has %lld "
                      "query vertices",
                      (long long)frontier->n, (long long)graph->n_q);
  gattn_status status =
      gattn_frontier_check_device(context, "frontier", frontier);
  if (status) return status;
  if (gattn_graph_heads(graph) == 1) graph = gattn_head_of(graph, 0);
  *edges = (gattn_edges){.graph = graph,
                         .frontier = frontier,
                         .n_f = frontier ? frontier->size : graph->n_q,
                         .n_q = graph->n_q,
                         .n_kv = graph->n_kv,
                         .graphs = gattn_graph_heads(graph),
                         .edges = -1};
  return GATTN_SUCCESS;
}

gattn_graph *gattn_edges_graph(const gattn_edges *edges, int64_t h) {
  return gattn_head_of(edges->graph, h);
}

bool gattn_edges_equal(const gattn_edges *a, const gattn_edges *b) {
  if (a->graph != b->graph || a->n_f != b->n_f) return false;
  if (a->frontier == b->frontier) return true;
  if ((a->frontier && !gattn_frontier_is_range(a->frontier)) ||
      (b->frontier && !gattn_frontier_is_range(b->frontier)))
    return false;
  return gattn_edges_vertex(a, 0) == gattn_edges_vertex(b, 0);
}

gattn_status gattn_edges_check_broken(gattn_context *context,
                                      const gattn_edges *edges) {
  return gattn_graph_check_broken(context, edges->graph);
}

static gattn_status count_overflows(gattn_context *context) {
  return gattn_fail(context, GATTN_ERROR_TOO_LARGE,
                    "graph: the frontier has more edges than an array of "
                    "edge values can hold");
}

/* Consecutive rows, in closed form where there is one. */
static gattn_status count_range(gattn_context *context,
                                const gattn_graph *graph, int64_t begin,
                                int64_t end, int64_t *count) {
  gattn_graph_stats stats = {.struct_size = sizeof stats};
  if (begin == end) {
    *count = 0;
    return GATTN_SUCCESS;
  }
  gattn_status status = gattn_graph_count(context, graph, begin, end, &stats);
  if (status) return status;
  if (stats.edges_high || stats.edges_low > INT64_MAX / sizeof(float))
    return count_overflows(context);
  *count = (int64_t)stats.edges_low;
  return GATTN_SUCCESS;
}

static gattn_status count_list(gattn_context *context, const gattn_graph *graph,
                               const gattn_frontier *frontier, int64_t *count) {
  int64_t sum = 0;
  for (int64_t p = 0; p < frontier->size; p++) {
    int64_t degree;
    gattn_status status = gattn_graph_degree(
        context, graph, gattn_frontier_vertex(frontier, p), &degree);
    if (status) return status;
    if (!gattn_add(sum, degree, &sum) ||
        sum > INT64_MAX / (int64_t)sizeof(float))
      return count_overflows(context);
  }
  *count = sum;
  return GATTN_SUCCESS;
}

static gattn_status count_head(gattn_context *context, const gattn_edges *edges,
                               int64_t h, int64_t *count) {
  const gattn_graph *graph = gattn_edges_graph(edges, h);
  const gattn_frontier *frontier = edges->frontier;
  if (frontier && frontier->vertices)
    return count_list(context, graph, frontier, count);
  int64_t begin = frontier ? frontier->begin : 0;
  return count_range(context, graph, begin, begin + edges->n_f, count);
}

/* Whether the device alone knows the edges, or their rows. */
static bool known_to_device(gattn_context *context, const gattn_edges *edges) {
  if (!gattn_on_device(context)) return false;
  if (gattn_frontier_on_device(edges->frontier)) return true;
  for (int64_t h = 0; h < edges->graphs; h++)
    if (gattn_is_device_csr(gattn_edges_graph(edges, h))) return true;
  return false;
}

static gattn_status count_heads(gattn_context *context, gattn_edges *edges) {
  int64_t most = 0, count;
  for (int64_t h = 0; h < edges->graphs; h++) {
    gattn_status status = count_head(context, edges, h, &count);
    if (status) return status;
    if (count > most) most = count;
  }
  edges->edges = most;
  return GATTN_SUCCESS;
}

gattn_status gattn_edges_count(gattn_context *context, gattn_edges *edges) {
  return known_to_device(context, edges)
             ? gattn_device_set_count(context, edges)
             : count_heads(context, edges);
}

typedef struct degree_job {
  const gattn_edges *edges;
  int64_t h;
  int64_t *offsets;
} degree_job;

/* offsets[p + 1] = the degree of row p. */
static bool degree_block(const void *job_, const gattn_row_block *block) {
  const degree_job *job = job_;
  const gattn_graph *graph = gattn_edges_graph(job->edges, job->h);
  for (int64_t p = block->begin; p < block->end; p++) {
    int64_t degree = gattn_degree(graph, gattn_edges_vertex(job->edges, p));
    if (degree < 0 || degree > graph->n_kv) return false;
    job->offsets[p + 1] = degree;
  }
  return true;
}

/* The offsets of one head, whose edges have been counted. */
static gattn_status fill_offsets(gattn_context *context,
                                 const gattn_edges *edges, int64_t h,
                                 int64_t *offsets) {
  degree_job job = {edges, h, offsets};
  gattn_status status =
      gattn_for_row_blocks(context, 1, 1, edges->n_f, degree_block, &job);
  if (status) return status;
  offsets[0] = 0;
  for (int64_t p = 0; p < edges->n_f; p++)
    if (!gattn_add(offsets[p], offsets[p + 1], &offsets[p + 1]))
      return count_overflows(context);
  return GATTN_SUCCESS;
}

gattn_status gattn_edges_open(gattn_context *context, gattn_graph *graph,
                              gattn_frontier *frontier, gattn_edges *edges) {
  if (!gattn_on_device(context))
    return gattn_edges_open_host(context, graph, frontier, edges);
  gattn_edges opened;
  gattn_status status = gattn_edges_of(context, graph, frontier, &opened);
  if (!status) status = gattn_device_set_open(context, &opened);
  if (!status) *edges = opened;
  return status;
}

gattn_status gattn_edges_open_host(gattn_context *context, gattn_graph *graph,
                                   gattn_frontier *frontier,
                                   gattn_edges *edges) {
  gattn_edges opened;
  void *offsets;
  gattn_status status = gattn_edges_of(context, graph, frontier, &opened);
  if (!status) status = count_heads(context, &opened);
  if (!status)
    status = gattn_allocate(context, "edge offsets", opened.n_f + 1,
                            (size_t)opened.graphs * sizeof(int64_t), &offsets);
  if (status) return status;
  opened.offsets = offsets;
  opened.edges = 0;
  for (int64_t h = 0; h < opened.graphs && !status; h++) {
    int64_t *head = opened.offsets + h * (opened.n_f + 1);
    status = fill_offsets(context, &opened, h, head);
    if (!status && head[opened.n_f] > opened.edges)
      opened.edges = head[opened.n_f];
  }
  if (!status) status = gattn_edges_check_broken(context, &opened);
  if (status)
    gattn_edges_close(context, &opened);
  else
    *edges = opened;
  return status;
}

void gattn_edges_close(gattn_context *context, gattn_edges *edges) {
  gattn_device_set_close(context, edges);
  if (edges->offsets)
    gattn_free(context, edges->offsets, edges->n_f + 1,
               (size_t)edges->graphs * sizeof(int64_t));
  edges->offsets = NULL;
}

gattn_status gattn_edge_count(gattn_context *context, gattn_graph *graph,
                              gattn_frontier *frontier, int64_t *count) {
  if (!context) return GATTN_ERROR_NULL;
  if (!count) return gattn_fail_null(context, "edges");
  gattn_edges edges;
  gattn_status status = gattn_edges_of(context, graph, frontier, &edges);
  if (!status) status = gattn_edges_count(context, &edges);
  if (status) return status;
  *count = edges.edges;
  return GATTN_SUCCESS;
}

gattn_status gattn_edge_offsets(gattn_context *context, gattn_graph *graph,
                                gattn_frontier *frontier, int64_t head,
                                int64_t *offsets) {
  if (!context) return GATTN_ERROR_NULL;
  if (!offsets) return gattn_fail_null(context, "offsets");
  gattn_edges edges;
  int64_t count;
  gattn_status status = gattn_edges_of(context, graph, frontier, &edges);
  if (status) return status;
  if (edges.graphs > 1 && (head < 0 || head >= edges.graphs))
    return gattn_fail(context, GATTN_ERROR_INDEX,
                      "head: %lld is outside the stack of %lld graphs",
                      (long long)head, (long long)edges.graphs);
  int64_t h = edges.graphs > 1 ? head : 0;
  if (known_to_device(context, &edges))
    return gattn_device_set_offsets(context, &edges, h, offsets);
  status = count_head(context, &edges, h, &count);
  return status ? status : fill_offsets(context, &edges, h, offsets);
}
