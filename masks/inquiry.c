/* Asking a graph about its rows. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/count.h"
#include "masks/walk.h"

/* The arguments that every question about a row has; j lies in [0, last]. */
static gattn_status check_question(gattn_context *context,
                                   const gattn_graph *graph, int64_t i,
                                   const char *key, int64_t j, int64_t last) {
  if (!context) return gattn_fail_null(context, "context");
  gattn_status status = gattn_graph_check(context, "graph", graph);
  if (status) return status;
  status = gattn_graph_check_row(context, graph, i);
  if (status) return status;
  if (j < 0 || j > last)
    return gattn_fail(context, GATTN_ERROR_INDEX,
                      "%s: %lld is outside the %lld key vertices", key,
                      (long long)j, (long long)graph->n_kv);
  return GATTN_SUCCESS;
}

gattn_status gattn_graph_next(gattn_context *context, const gattn_graph *graph,
                              int64_t i, int64_t j, int64_t *next) {
  gattn_status status =
      check_question(context, graph, i, "j", j, gattn_graph_keys(graph));
  if (status) return status;
  if (!next) return gattn_fail_null(context, "next");
  int64_t answer = gattn_next(graph, i, j);
  status = gattn_graph_check_broken(context, graph);
  if (status) return status;
  *next = answer;
  return GATTN_SUCCESS;
}

gattn_status gattn_graph_stretch(gattn_context *context,
                                 const gattn_graph *graph, int64_t i, int64_t j,
                                 int64_t *end) {
  gattn_status status =
      check_question(context, graph, i, "j", j, gattn_graph_keys(graph) - 1);
  if (status) return status;
  if (!end) return gattn_fail_null(context, "end");
  if (gattn_next(graph, i, j) != j) {
    status = gattn_graph_check_broken(context, graph);
    if (status) return status;
    return gattn_fail(context, GATTN_ERROR_INDEX,
                      "j: %lld is no neighbour of row %lld", (long long)j,
                      (long long)i);
  }
  int64_t answer = gattn_stretch(graph, i, j);
  status = gattn_graph_check_broken(context, graph);
  if (status) return status;
  *end = answer;
  return GATTN_SUCCESS;
}

gattn_status gattn_graph_contains(gattn_context *context,
                                  const gattn_graph *graph, int64_t i,
                                  int64_t j, int *contains) {
  gattn_status status =
      check_question(context, graph, i, "j", j, gattn_graph_keys(graph) - 1);
  if (status) return status;
  if (!contains) return gattn_fail_null(context, "contains");
  int answer = gattn_next(graph, i, j) == j;
  status = gattn_graph_check_broken(context, graph);
  if (status) return status;
  *contains = answer;
  return GATTN_SUCCESS;
}

/* The degree of a row that has no closed form. */
static gattn_status walk_to_degree(gattn_context *context,
                                   const gattn_graph *graph, int64_t i,
                                   int64_t *degree) {
  int64_t walked = 0;
  gattn_status status =
      gattn_walk_check(context, "this degree", gattn_row_work(graph, i));
  if (status) return status;
  int64_t answer = gattn_walk_degree(graph, i, &walked);
  if (walked > GATTN_WALK_LOST)
    return gattn_walk_check(context, "this degree", (double)walked);
  status = gattn_graph_check_broken(context, graph);
  if (status) return status;
  *degree = answer;
  return GATTN_SUCCESS;
}

gattn_status gattn_graph_degree(gattn_context *context,
                                const gattn_graph *graph, int64_t i,
                                int64_t *degree) {
  gattn_status status = check_question(context, graph, i, "j", 0, 0);
  if (status) return status;
  if (!degree) return gattn_fail_null(context, "degree");
  if (!graph->class_->degree && gattn_degree_expression(graph, i, degree))
    return GATTN_SUCCESS;
  return walk_to_degree(context, graph, i, degree);
}

/* The neighbours from `from` on, at most `capacity`; columns may be null. */
static int64_t walk_row(const gattn_graph *graph, int64_t i, int64_t from,
                        int64_t capacity, int64_t *columns) {
  enum { CHUNK = 64 };
  gattn_run runs[CHUNK];
  int64_t count = 0;
  while (from < graph->n_kv && count < capacity) {
    int64_t ask = capacity - count < CHUNK ? capacity - count : CHUNK;
    int64_t n = gattn_runs(graph, i, 1, from, graph->n_kv, runs, ask, &from);
    for (int64_t r = 0; r < n; r++) {
      int64_t length = runs[r].end - runs[r].begin;
      if (length > capacity - count) length = capacity - count;
      for (int64_t k = 0; columns && k < length; k++)
        columns[count + k] = runs[r].begin + k;
      count += length;
    }
  }
  return count;
}

gattn_status gattn_graph_row(gattn_context *context, const gattn_graph *graph,
                             int64_t i, int64_t from, int64_t capacity,
                             int64_t *columns, int64_t *count) {
  gattn_status status =
      check_question(context, graph, i, "from", from, gattn_graph_keys(graph));
  if (status) return status;
  if (capacity < 0)
    return gattn_fail(context, GATTN_ERROR_SIZE, "capacity: %lld is negative",
                      (long long)capacity);
  if (!columns && capacity) return gattn_fail_null(context, "columns");
  if (!count) return gattn_fail_null(context, "count");
  if (graph->class_->broken) {
    walk_row(graph, i, from, capacity, NULL);
    status = gattn_graph_check_broken(context, graph);
    if (status) return status;
  }
  *count = walk_row(graph, i, from, capacity, columns);
  return GATTN_SUCCESS;
}

gattn_status gattn_graph_describe(gattn_context *context,
                                  const gattn_graph *graph, char *text,
                                  size_t size) {
  if (!context) return gattn_fail_null(context, "context");
  gattn_status status = gattn_graph_check(context, "graph", graph);
  if (status) return status;
  if (!text && size) return gattn_fail_null(context, "text");
  gattn_text written = gattn_text_start(text, size);
  graph->class_->describe(graph, &written);
  return written.truncated ? GATTN_NOTE_TRUNCATED : GATTN_SUCCESS;
}
