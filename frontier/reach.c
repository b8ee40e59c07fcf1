/* Frontiers from graphs: compact, neighbors.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "frontier/frontier.h"
#include "lib/device.h"
#include "masks/device_csr.h"

enum { RUNS_AT_ONCE = 64, FIRST_CAPACITY = 64, ROWS_A_REPORT = 4096 };

/* Checks what compact and neighbors are given, and retains in *rows the
 * frontier, or every row when it is null. */
static gattn_status open_rows(gattn_context *context,
                              const gattn_frontier *frontier,
                              const gattn_graph *graph, gattn_frontier **out,
                              gattn_frontier **rows) {
  if (!context) return gattn_fail_null(context, "context");
  if (!out) return gattn_fail_null(context, "out");
  gattn_status status = gattn_graph_check(context, "graph", graph);
  if (status) return status;
  status = gattn_frontier_check_device(context, "frontier", frontier);
  if (status) return status;
  if (!frontier) return gattn_frontier_all(context, graph->n_q, rows);
  if (frontier->n != graph->n_q)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "frontier: draws from %lld vertices, the graph has %lld "
                      "queries",
                      (long long)frontier->n, (long long)graph->n_q);
  *rows = gattn_frontier_retain((gattn_frontier *)frontier);
  return GATTN_SUCCESS;
}

/* Whether frontier or graph is on the context's device. */
static bool on_device(gattn_context *context, const gattn_frontier *frontier,
                      const gattn_graph *graph) {
  return gattn_on_device(context) && (gattn_frontier_on_device(frontier) ||
                                      gattn_is_device_csr(graph));
}

static gattn_status report(gattn_context *context, int64_t done,
                           int64_t total) {
  if (done % ROWS_A_REPORT || !gattn_progress_report(context, done, total))
    return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_CANCELLED,
                    "frontier: cancelled after %lld of %lld rows",
                    (long long)done, (long long)total);
}

static gattn_status append_occupied(const gattn_frontier *rows,
                                    const gattn_graph *graph,
                                    gattn_frontier *set) {
  for (int64_t p = 0; p < rows->size; p++) {
    gattn_status status = report(set->context, p, rows->size);
    if (status) return status;
    int64_t i = gattn_frontier_vertex(rows, p);
    if (gattn_next(graph, i, 0) == graph->n_kv) continue;
    status = gattn_frontier_append(set, i, i + 1);
    if (status) return status;
  }
  gattn_status status = gattn_graph_check_broken(set->context, graph);
  return status ? status : gattn_frontier_settle(set);
}

gattn_status gattn_frontier_compact(gattn_context *context,
                                    const gattn_frontier *frontier,
                                    const gattn_graph *graph,
                                    gattn_frontier **out) {
  gattn_frontier *rows, *set;
  gattn_status status = open_rows(context, frontier, graph, out, &rows);
  if (status) return status;
  if (on_device(context, rows, graph)) {
    status = gattn_frontier_compact_device(context, rows, graph, out);
  } else {
    status = gattn_frontier_new(context, rows->n, &set);
    if (!status)
      status =
          gattn_frontier_finish(append_occupied(rows, graph, set), set, out);
  }
  gattn_frontier_release(rows);
  return status;
}

/* The keys reached so far, as runs: in any order, until they are joined. */
typedef struct reached_keys {
  gattn_context *context;
  gattn_run *runs;
  int64_t count, capacity;
} reached_keys;

static int compare_runs(const void *a, const void *b) {
  int64_t left = ((const gattn_run *)a)->begin;
  int64_t right = ((const gattn_run *)b)->begin;
  return (left > right) - (left < right);
}

/* Sorts the runs and makes one of those that overlap or touch. */
static void join_runs(reached_keys *keys) {
  if (keys->count == 0) return;
  qsort(keys->runs, (size_t)keys->count, sizeof *keys->runs, compare_runs);
  gattn_run *last = keys->runs;
  for (int64_t r = 1; r < keys->count; r++) {
    gattn_run run = keys->runs[r];
    if (run.begin > last->end)
      *++last = run;
    else if (run.end > last->end)
      last->end = run.end;
  }
  keys->count = last - keys->runs + 1;
}

/* Joins what there is, and doubles the room when that freed less than half. */
static gattn_status make_room(reached_keys *keys) {
  join_runs(keys);
  if (keys->capacity && keys->count <= keys->capacity / 2) return GATTN_SUCCESS;
  int64_t capacity = keys->capacity ? 2 * keys->capacity : FIRST_CAPACITY;
  void *memory;
  gattn_status status = gattn_allocate(keys->context, "frontier", capacity,
                                       sizeof *keys->runs, &memory);
  if (status) return status;
  if (keys->count)
    memcpy(memory, keys->runs, (size_t)keys->count * sizeof *keys->runs);
  gattn_free(keys->context, keys->runs, keys->capacity, sizeof *keys->runs);
  keys->runs = memory;
  keys->capacity = capacity;
  return GATTN_SUCCESS;
}

static gattn_status add_run(reached_keys *keys, gattn_run run) {
  gattn_run *last = keys->count ? &keys->runs[keys->count - 1] : NULL;
  if (last && run.begin >= last->begin && run.begin <= last->end) {
    if (run.end > last->end) last->end = run.end;
    return GATTN_SUCCESS;
  }
  if (keys->count == keys->capacity) {
    gattn_status status = make_room(keys);
    if (status) return status;
  }
  keys->runs[keys->count++] = run;
  return GATTN_SUCCESS;
}

static gattn_status add_row(reached_keys *keys, const gattn_graph *graph,
                            int64_t i) {
  gattn_run runs[RUNS_AT_ONCE];
  for (int64_t lo = 0; lo < graph->n_kv;) {
    int64_t count =
        gattn_runs(graph, i, 1, lo, graph->n_kv, runs, RUNS_AT_ONCE, &lo);
    for (int64_t r = 0; r < count; r++) {
      gattn_status status = add_run(keys, runs[r]);
      if (status) return status;
    }
  }
  return GATTN_SUCCESS;
}

static bool all_reached(const reached_keys *keys, int64_t n_kv) {
  return keys->count == 1 && keys->runs[0].begin == 0 &&
         keys->runs[0].end == n_kv;
}

static gattn_status append_reached(const gattn_frontier *rows,
                                   const gattn_graph *graph,
                                   gattn_frontier *set) {
  reached_keys keys = {.context = set->context};
  gattn_status status = GATTN_SUCCESS;
  for (int64_t p = 0; p < rows->size && !status; p++) {
    if (all_reached(&keys, graph->n_kv)) break;
    int64_t i = gattn_frontier_vertex(rows, p);
    status = report(set->context, p, rows->size);
    if (!status && p &&
        gattn_same_row(graph, gattn_frontier_vertex(rows, p - 1), i))
      continue;
    if (!status) status = add_row(&keys, graph, i);
  }
  if (!status) status = gattn_graph_check_broken(set->context, graph);
  join_runs(&keys);
  for (int64_t r = 0; r < keys.count && !status; r++)
    status = gattn_frontier_append(set, keys.runs[r].begin, keys.runs[r].end);
  gattn_free(set->context, keys.runs, keys.capacity, sizeof *keys.runs);
  return status;
}

gattn_status gattn_frontier_neighbors(gattn_context *context,
                                      const gattn_frontier *frontier,
                                      const gattn_graph *graph,
                                      gattn_frontier **out) {
  gattn_frontier *rows, *set;
  gattn_status status = open_rows(context, frontier, graph, out, &rows);
  if (status) return status;
  if (on_device(context, rows, graph)) {
    status = gattn_frontier_neighbors_device(context, rows, graph, out);
  } else {
    status = gattn_frontier_new(context, graph->n_kv, &set);
    if (!status)
      status =
          gattn_frontier_finish(append_reached(rows, graph, set), set, out);
  }
  gattn_frontier_release(rows);
  return status;
}
