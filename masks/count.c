/* Counting edges, degrees and empty rows. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/count.h"

#include "masks/generator.h"
#include "masks/walk.h"

/* ------------------------------------------------------------ walking */

typedef struct count_walk {
  const gattn_graph *graph;
  gattn_counts counts; /* of all blocks so far */
} count_walk;

static void add_row(gattn_counts *counts, int64_t degree) {
  counts->edges += (gattn_wide)degree;
  if (degree < counts->min_degree) counts->min_degree = degree;
  if (degree > counts->max_degree) counts->max_degree = degree;
  counts->empty_rows += !degree;
}

static void merge_counts(gattn_counts *into, const gattn_counts *from) {
  into->edges += from->edges;
  if (from->min_degree < into->min_degree) into->min_degree = from->min_degree;
  if (from->max_degree > into->max_degree) into->max_degree = from->max_degree;
  into->empty_rows += from->empty_rows;
}

static int64_t count_block(void *user, int64_t begin, int64_t end) {
  count_walk *walk = user;
  const gattn_graph *graph = walk->graph;
  gattn_counts counts = {.min_degree = INT64_MAX};
  int64_t walked = end - begin, degree = 0;
  for (int64_t i = begin; i < end; i++) {
    if (i == begin || !gattn_same_row(graph, i - 1, i))
      degree = gattn_walk_degree(graph, i, &walked);
    add_row(&counts, degree);
  }
#pragma omp critical(gattn_count)
  merge_counts(&walk->counts, &counts);
  return walked;
}

/* ------------------------------------------------------------ counting */

gattn_status gattn_count_rows(gattn_context *context, const gattn_graph *graph,
                              int64_t begin, int64_t end,
                              gattn_counts *counts) {
  if (begin == end) {
    *counts = (gattn_counts){0};
    return GATTN_SUCCESS;
  }
  if (gattn_count_closed(graph, begin, end, counts)) return GATTN_SUCCESS;
  count_walk walk = {.graph = graph, .counts.min_degree = INT64_MAX};
  gattn_status status = gattn_walk_rows(context, "counting", begin, end,
                                        gattn_walk_work(graph, begin, end),
                                        count_block, &walk);
  if (status) return status;
  *counts = walk.counts;
  return gattn_graph_check_broken(context, graph);
}

bool gattn_count_closed(const gattn_graph *graph, int64_t begin, int64_t end,
                        gattn_counts *counts) {
  if (graph->class_->count && graph->class_->count(graph, begin, end, counts))
    return true;
  return gattn_count_expression(graph, begin, end, counts);
}

gattn_status gattn_graph_count(gattn_context *context,
                               const gattn_graph *graph, int64_t row_begin,
                               int64_t row_end, gattn_graph_stats *stats) {
  if (!context) return gattn_fail_null(context, "context");
  gattn_status status = gattn_graph_check(context, "graph", graph);
  if (status) return status;
  if (!stats) return gattn_fail_null(context, "stats");
  if (stats->struct_size != sizeof *stats)
    return gattn_fail(context, GATTN_ERROR_STRUCT_SIZE,
                      "stats.struct_size: %zu is not %zu", stats->struct_size,
                      sizeof *stats);
  if (row_begin < 0 || row_begin > graph->n_q)
    return gattn_fail(context, GATTN_ERROR_INDEX,
                      "row_begin: %lld is outside the %lld query vertices",
                      (long long)row_begin, (long long)graph->n_q);
  if (row_end < row_begin || row_end > graph->n_q)
    return gattn_fail(context, GATTN_ERROR_INDEX,
                      "row_end: %lld is not in %lld … %lld", (long long)row_end,
                      (long long)row_begin, (long long)graph->n_q);
  gattn_counts counts;
  status = gattn_count_rows(context, graph, row_begin, row_end, &counts);
  if (status) return status;
  *stats = (gattn_graph_stats){
      .struct_size = sizeof *stats,
      .queries = row_end - row_begin,
      .keys = graph->n_kv,
      .edges_low = (uint64_t)counts.edges,
      .edges_high = (uint64_t)(counts.edges >> 64),
      .min_degree = counts.min_degree,
      .max_degree = counts.max_degree,
      .empty_rows = counts.empty_rows};
  return GATTN_SUCCESS;
}

gattn_status gattn_graph_edges(gattn_context *context,
                               const gattn_graph *graph, int64_t *edges) {
  if (!context) return gattn_fail_null(context, "context");
  gattn_status status = gattn_graph_check(context, "graph", graph);
  if (status) return status;
  if (!edges) return gattn_fail_null(context, "edges");
  gattn_counts counts;
  if (gattn_generator_edges(graph, 0, graph->n_q, &counts.edges))
    status = gattn_graph_check_broken(context, graph);
  else
    status = gattn_count_rows(context, graph, 0, graph->n_q, &counts);
  if (status) return status;
  if (counts.edges > INT64_MAX)
    return gattn_fail(context, GATTN_ERROR_OVERFLOW,
                      "graph: has %.3g edges, more than 2^63 - 1",
                      (double)counts.edges);
  *edges = (int64_t)counts.edges;
  return GATTN_SUCCESS;
}
