/* Hub rows, and what else both lowerings know of terms and frontiers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/hubs.h"

#include <string.h>

bool gattn_is_consecutive(const gattn_frontier *frontier) {
  return !frontier ||
         (!frontier->vertices && !gattn_frontier_on_device(frontier));
}

bool gattn_is_everything(const gattn_attend_problem *problem) {
  return !problem->frontier ||
         (gattn_is_consecutive(problem->frontier) &&
          problem->frontier->begin == 0 &&
          problem->n_f == gattn_graph_queries(problem->graph));
}

gattn_status gattn_unite(gattn_context *context, gattn_graph **graph,
                         gattn_graph *more) {
  gattn_graph *both;
  if (!*graph) {
    *graph = gattn_graph_retain(more);
    return GATTN_SUCCESS;
  }
  gattn_status status = gattn_graph_union(context, *graph, more, &both);
  if (status) return status;
  gattn_graph_release(*graph);
  *graph = both;
  return GATTN_SUCCESS;
}

bool gattn_is_hub(const gattn_attend_problem *problem, const gattn_shape *shape,
                  int64_t *rows_left) {
  if (shape->form != GATTN_FORM_ROWS || problem->n_kv < GATTN_HUB_KEYS)
    return false;
  int64_t left = *rows_left;
  for (int64_t r = 0; r < shape->n_rows; r++) {
    int64_t rows = shape->rows[r].end - shape->rows[r].begin;
    if (rows > left) return false;
    left -= rows;
  }
  *rows_left = left;
  return true;
}

static bool is_hub_vertex(const gattn_hubs *hubs, int64_t vertex) {
  int64_t low = 0, high = hubs->n_ranges;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (hubs->vertices[middle].end <= vertex)
      low = middle + 1;
    else
      high = middle;
  }
  return low < hubs->n_ranges && hubs->vertices[low].begin <= vertex;
}

/* Lists the frontier's positions whose vertex is a hub; counts when positions
 * is null. */
static int64_t find_positions(const gattn_attend_problem *problem,
                              const gattn_hubs *hubs, int64_t *positions) {
  const gattn_frontier *frontier = problem->frontier;
  int64_t count = 0;
  if (!gattn_is_consecutive(frontier)) {
    for (int64_t p = 0; p < frontier->size; p++)
      if (is_hub_vertex(hubs, frontier->vertices[p])) {
        if (positions) positions[count] = p;
        count++;
      }
    return count;
  }
  const int64_t begin = frontier ? frontier->begin : 0;
  const int64_t end = begin + problem->n_f;
  for (int64_t r = 0; r < hubs->n_ranges; r++)
    for (int64_t v = hubs->vertices[r].begin; v < hubs->vertices[r].end; v++)
      if (v >= begin && v < end) {
        if (positions) positions[count] = v - begin;
        count++;
      }
  return count;
}

/* Sorts and joins ranges in place; returns how many are left. */
static int64_t join_ranges(gattn_range *ranges, int64_t n) {
  for (int64_t i = 1; i < n; i++)
    for (int64_t k = i; k > 0 && ranges[k].begin < ranges[k - 1].begin; k--) {
      gattn_range swap = ranges[k];
      ranges[k] = ranges[k - 1];
      ranges[k - 1] = swap;
    }
  int64_t out = 0;
  for (int64_t i = 0; i < n; i++)
    if (out && ranges[i].begin <= ranges[out - 1].end) {
      if (ranges[i].end > ranges[out - 1].end)
        ranges[out - 1].end = ranges[i].end;
    } else {
      ranges[out++] = ranges[i];
    }
  return out;
}

/* The ranges of all terms one after another; counts when ranges is null. */
static int64_t gather_ranges(gattn_graph *const *terms, int64_t n,
                             gattn_range *ranges) {
  int64_t count = 0;
  for (int64_t t = 0; t < n; t++) {
    gattn_shape shape = gattn_shape_of(terms[t]);
    if (ranges)
      memcpy(ranges + count, shape.rows, (size_t)shape.n_rows * sizeof *ranges);
    count += shape.n_rows;
  }
  return count;
}

gattn_status gattn_hubs_make(gattn_context *context,
                             const gattn_attend_problem *problem,
                             gattn_graph *const *terms, int64_t n,
                             gattn_hubs *out) {
  gattn_hubs hubs = {.capacity = gather_ranges(terms, n, NULL)};
  if (hubs.capacity == 0) {
    *out = hubs;
    return GATTN_SUCCESS;
  }
  gattn_status status =
      gattn_allocate(context, "hub rows", hubs.capacity, sizeof *hubs.vertices,
                     (void **)&hubs.vertices);
  if (status) return status;
  gather_ranges(terms, n, hubs.vertices);
  hubs.n_ranges = join_ranges(hubs.vertices, hubs.capacity);
  const int64_t count = find_positions(problem, &hubs, NULL);
  status = gattn_allocate(context, "hub rows", count, sizeof *hubs.positions,
                          (void **)&hubs.positions);
  if (status) {
    gattn_hubs_clear(context, &hubs);
    return status;
  }
  hubs.count = count;
  find_positions(problem, &hubs, hubs.positions);
  *out = hubs;
  return GATTN_SUCCESS;
}

void gattn_hubs_clear(gattn_context *context, gattn_hubs *hubs) {
  gattn_free(context, hubs->vertices, hubs->capacity, sizeof *hubs->vertices);
  gattn_free(context, hubs->positions, hubs->count, sizeof *hubs->positions);
  *hubs = (gattn_hubs){0};
}
