/* The transpose: closed form where the class has one, else a counting sort of
 * the edges by column. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "masks/count.h"
#include "masks/csr.h"
#include "masks/walk.h"

enum { CHUNK = 64, REPORT = 1 << 22 };

/* What happens to the edges i -> [run.begin, run.end): false ends the walk. */
typedef bool (*visit)(gattn_csr *reverse, int64_t i, gattn_run run);

/* offsets[j + 1] counts the edges into j. */
static bool count_run(gattn_csr *reverse, int64_t i, gattn_run run) {
  (void)i;
  for (int64_t j = run.begin; j < run.end; j++) reverse->offsets[j + 1]++;
  return true;
}

/* offsets[j + 1] is where the next edge of row j goes, and ends as where the
 * row ends. Rows fill up with i ascending, so they are sorted. */
static bool place_run(gattn_csr *reverse, int64_t i, gattn_run run) {
  for (int64_t j = run.begin; j < run.end; j++) {
    if (reverse->offsets[j + 1] == reverse->capacity) return false;
    gattn_csr_put(reverse, reverse->offsets[j + 1]++, i);
  }
  return true;
}

/* *edges = those visited. */
static gattn_status walk_edges(gattn_context *context,
                               const gattn_graph *graph, gattn_csr *reverse,
                               visit visit_run, int64_t *edges) {
  int64_t walked = 0, reported = 0;
  *edges = 0;
  for (int64_t i = 0; i < graph->n_q; i++) {
    gattn_run runs[CHUNK];
    for (int64_t lo = 0; lo < graph->n_kv;) {
      int64_t n = gattn_runs(graph, i, 1, lo, graph->n_kv, runs, CHUNK, &lo);
      for (int64_t r = 0; r < n; r++) {
        *edges += runs[r].end - runs[r].begin;
        if (*edges > GATTN_WALK_LIMIT)
          return gattn_walk_check(context, "transposing", (double)*edges);
        if (!visit_run(reverse, i, runs[r])) return GATTN_SUCCESS;
      }
      walked += n ? n : CHUNK;
      if (walked > GATTN_WALK_LOST)
        return gattn_walk_check(context, "transposing", (double)walked);
    }
    if (++walked + *edges - reported < REPORT) continue;
    reported = walked + *edges;
    if (gattn_progress_report(context, i, graph->n_q))
      return gattn_fail(context, GATTN_ERROR_CANCELLED,
                        "progress: the callback stopped transposing at row "
                        "%lld",
                        (long long)i);
  }
  return GATTN_SUCCESS;
}

/* A generator that answers differently the second time may have put the edges
 * of one row over those of another. */
static bool is_sorted(const gattn_csr *csr) {
  for (int64_t i = 0; i < csr->graph.n_q; i++) {
    if (csr->offsets[i + 1] < csr->offsets[i]) return false;
    for (int64_t e = csr->offsets[i] + 1; e < csr->offsets[i + 1]; e++)
      if (gattn_csr_column(csr, e - 1) >= gattn_csr_column(csr, e))
        return false;
  }
  return true;
}

static gattn_status fill(gattn_context *context, const gattn_graph *graph,
                         gattn_csr *reverse) {
  int64_t *offsets = reverse->offsets;
  memset(offsets, 0, (size_t)(graph->n_kv + 1) * sizeof *offsets);
  int64_t edges, placed;
  gattn_status status =
      walk_edges(context, graph, reverse, count_run, &edges);
  if (status) return status;
  status = gattn_graph_check_broken(context, graph);
  if (status) return status;
  int64_t before = 0;
  for (int64_t j = 1; j <= graph->n_kv; j++) {
    int64_t count = offsets[j];
    offsets[j] = before;
    before += count;
  }
  status = gattn_csr_columns(context, reverse, edges);
  if (status) return status;
  status = walk_edges(context, graph, reverse, place_run, &placed);
  if (status) return status;
  if (placed != edges || (graph->class_->broken && !is_sorted(reverse)))
    return gattn_graph_fail_broken(context, graph);
  return gattn_graph_check_broken(context, graph);
}

static double transposing_work(const gattn_graph *graph) {
  gattn_counts counts;
  if (!graph->n_q) return (double)graph->n_kv;
  if (gattn_count_closed(graph, 0, graph->n_q, &counts))
    return (double)graph->n_q + (double)graph->n_kv + (double)counts.edges;
  return (double)graph->n_kv + gattn_walk_work(graph, 0, graph->n_q);
}

/* The reverse as CSR. */
static gattn_status reverse_edges(gattn_context *context, gattn_graph *graph,
                                  gattn_graph **transpose) {
  gattn_status status =
      gattn_walk_check(context, "transposing", transposing_work(graph));
  if (status) return status;
  gattn_csr *reverse;
  status = gattn_csr_new(context, graph->n_kv, graph->n_q, &reverse);
  if (status) return status;
  status = fill(context, graph, reverse);
  if (status) {
    gattn_graph_release(&reverse->graph);
    return status;
  }
  *transpose = &reverse->graph;
  return GATTN_SUCCESS;
}

gattn_status gattn_graph_transpose(gattn_context *context, gattn_graph *graph,
                                   gattn_graph **transpose) {
  if (!context) return gattn_fail_null(context, "context");
  gattn_status status = gattn_graph_check(context, "graph", graph);
  if (status) return status;
  if (!transpose) return gattn_fail_null(context, "transpose");
  if (graph->class_->transpose) {
    status = graph->class_->transpose(context, graph, transpose);
    if (status != GATTN_ERROR_TOO_LARGE) return status;
  }
  return reverse_edges(context, graph, transpose);
}
