/* Hub rows and hub columns: rows, cols, global.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/atoms.h"
#include "masks/degrees.h"
#include "masks/interval.h"

/* Ranges ascending, disjoint, not touching, none empty. `room` ranges were
 * allocated. */
typedef struct hubs {
  gattn_graph graph;
  gattn_range *ranges;
  int64_t n, room;
  int64_t positions; /* in all ranges */
} hubs;

/* The first range that ends after x; n when there is none. */
static int64_t range_after(const hubs *self, int64_t x) {
  int64_t lo = 0, hi = self->n;
  while (lo < hi) {
    int64_t middle = lo + (hi - lo) / 2;
    if (self->ranges[middle].end > x)
      hi = middle;
    else
      lo = middle + 1;
  }
  return lo;
}

static bool is_hub(const hubs *self, int64_t x) {
  int64_t r = range_after(self, x);
  return r < self->n && self->ranges[r].begin <= x;
}

static void describe_set(const hubs *self, const char *name, gattn_text *text) {
  const char *separator = "";
  gattn_text_append(text, "%s(", name);
  for (int64_t r = 0; r < self->n && !text->truncated; r++) {
    gattn_range *range = &self->ranges[r];
    if (range->end - range->begin == 1)
      gattn_text_append(text, "%s%lld", separator, (long long)range->begin);
    else
      gattn_text_append(text, "%s%lld:%lld", separator, (long long)range->begin,
                        (long long)range->end);
    separator = ", ";
  }
  gattn_text_append(text, ")");
}

static void hubs_release(gattn_graph *graph) {
  hubs *self = (hubs *)graph;
  gattn_free(graph->context, self->ranges, self->room, sizeof *self->ranges);
}

/* --------------------------------------------------------------- rows */

static gattn_run rows_row(const gattn_graph *graph, int64_t i) {
  return (gattn_run){0, is_hub((const hubs *)graph, i) ? graph->n_kv : 0};
}

GATTN_INTERVAL_CLASS(rows, rows_row)

static bool rows_count(const gattn_graph *graph, int64_t begin, int64_t end,
                       gattn_counts *counts) {
  const hubs *self = (const hubs *)graph;
  int64_t full = 0;
  for (int64_t r = range_after(self, begin); r < self->n; r++) {
    gattn_range *range = &self->ranges[r];
    if (range->begin >= end) break;
    full += gattn_min(range->end, end) - gattn_max(range->begin, begin);
  }
  *counts = gattn_counts_none();
  gattn_counts_add(counts, full, graph->n_kv);
  gattn_counts_add(counts, end - begin - full, 0);
  return true;
}

static bool rows_atoms(const gattn_graph *graph, gattn_atoms *atoms) {
  const hubs *self = (const hubs *)graph;
  return gattn_atoms_rows(atoms, self->ranges, self->n);
}

static bool rows_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  const hubs *self = (const hubs *)graph;
  return is_hub(self, a) == is_hub(self, b);
}

static void rows_shape(const gattn_graph *graph, gattn_shape *shape) {
  const hubs *self = (const hubs *)graph;
  shape->form = GATTN_FORM_ROWS;
  shape->rows = self->ranges;
  shape->n_rows = self->n;
}

static void rows_describe(const gattn_graph *graph, gattn_text *text) {
  describe_set((const hubs *)graph, "rows", text);
}

/* --------------------------------------------------------------- cols */

static int64_t cols_next(const gattn_graph *graph, int64_t i, int64_t j) {
  const hubs *self = (const hubs *)graph;
  int64_t r = range_after(self, j);
  (void)i;
  return r < self->n ? gattn_max(self->ranges[r].begin, j) : graph->n_kv;
}

static int64_t cols_stretch(const gattn_graph *graph, int64_t i, int64_t j) {
  const hubs *self = (const hubs *)graph;
  (void)i;
  return self->ranges[range_after(self, j)].end;
}

static int64_t cols_degree(const gattn_graph *graph, int64_t i) {
  (void)i;
  return ((const hubs *)graph)->positions;
}

static bool cols_count(const gattn_graph *graph, int64_t begin, int64_t end,
                       gattn_counts *counts) {
  *counts = gattn_counts_none();
  gattn_counts_add(counts, end - begin, ((const hubs *)graph)->positions);
  return true;
}

static bool cols_atoms(const gattn_graph *graph, gattn_atoms *atoms) {
  const hubs *self = (const hubs *)graph;
  return gattn_atoms_columns(atoms, self->ranges, self->n);
}

static bool cols_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  (void)graph, (void)a, (void)b;
  return true;
}

static void cols_shape(const gattn_graph *graph, gattn_shape *shape) {
  (void)graph;
  shape->form = GATTN_FORM_COLUMNS;
}

static void cols_describe(const gattn_graph *graph, gattn_text *text) {
  describe_set((const hubs *)graph, "cols", text);
}

/* ------------------------------------------------------------- making */

static gattn_status hubs_transpose(gattn_context *context, gattn_graph *graph,
                                   gattn_graph **transpose);

static const gattn_graph_class rows_class = {
    .name = "rows",
    .next = rows_next,
    .stretch = rows_stretch,
    .degree = rows_degree,
    .count = rows_count,
    .atoms = rows_atoms,
    .runs = rows_runs,
    .same_row = rows_same_row,
    .shape = rows_shape,
    .transpose = hubs_transpose,
    .describe = rows_describe,
    .release = hubs_release,
};

static const gattn_graph_class cols_class = {
    .name = "cols",
    .next = cols_next,
    .stretch = cols_stretch,
    .degree = cols_degree,
    .count = cols_count,
    .atoms = cols_atoms,
    .same_row = cols_same_row,
    .shape = cols_shape,
    .transpose = hubs_transpose,
    .describe = cols_describe,
    .release = hubs_release,
};

static void sift_down(gattn_range *heap, int64_t at, int64_t n) {
  gattn_range moving = heap[at];
  for (int64_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && heap[child].begin < heap[child + 1].begin) child++;
    if (heap[child].begin <= moving.begin) break;
    heap[at] = heap[child];
  }
  heap[at] = moving;
}

/* In place: a sort that asks nobody for memory. */
static void sort_ranges(gattn_range *ranges, int64_t n) {
  for (int64_t at = n / 2; at-- > 0;) sift_down(ranges, at, n);
  for (int64_t last = n - 1; last > 0; last--) {
    gattn_range largest = ranges[0];
    ranges[0] = ranges[last];
    ranges[last] = largest;
    sift_down(ranges, 0, last);
  }
}

/* Joins ranges that overlap or touch, drops empty ones; returns how many are
 * left. */
static int64_t merge_ranges(gattn_range *ranges, int64_t n) {
  int64_t kept = 0;
  for (int64_t r = 0; r < n; r++) {
    if (ranges[r].begin >= ranges[r].end) continue;
    if (kept && ranges[r].begin <= ranges[kept - 1].end)
      ranges[kept - 1].end = gattn_max(ranges[kept - 1].end, ranges[r].end);
    else
      ranges[kept++] = ranges[r];
  }
  return kept;
}

/* The part of set[n] below `limit`. */
static gattn_status hubs_new(gattn_context *context,
                             const gattn_graph_class *class_, int64_t n_q,
                             int64_t n_kv, const gattn_range *set, int64_t n,
                             int64_t limit, gattn_graph **graph) {
  void *memory;
  gattn_status status = gattn_allocate(context, "set", n, sizeof *set, &memory);
  if (status) return status;
  gattn_range *ranges = memory;
  for (int64_t r = 0; r < n; r++)
    ranges[r] = (gattn_range){set[r].begin, gattn_min(set[r].end, limit)};
  hubs *self;
  status = gattn_graph_new(context, class_, sizeof *self, n_q, n_kv, &self);
  if (status) goto free_ranges;
  sort_ranges(ranges, n);
  self->ranges = ranges;
  self->room = n;
  self->n = merge_ranges(ranges, n);
  for (int64_t r = 0; r < self->n; r++)
    self->positions += ranges[r].end - ranges[r].begin;
  *graph = &self->graph;
  return GATTN_SUCCESS;
free_ranges:
  gattn_free(context, ranges, n, sizeof *ranges);
  return status;
}

static gattn_status hubs_transpose(gattn_context *context, gattn_graph *graph,
                                   gattn_graph **transpose) {
  const hubs *self = (const hubs *)graph;
  const gattn_graph_class *other =
      graph->class_ == &rows_class ? &cols_class : &rows_class;
  return hubs_new(context, other, graph->n_kv, graph->n_q, self->ranges,
                  self->n, GATTN_MAX_VERTICES, transpose);
}

static gattn_status check_range(gattn_context *context, gattn_range range,
                                int64_t limit) {
  if (range.begin < 0)
    return gattn_fail(context, GATTN_ERROR_INDEX, "set: %lld is negative",
                      (long long)range.begin);
  if (range.begin >= range.end)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "set: the range %lld:%lld does not ascend",
                      (long long)range.begin, (long long)range.end);
  if (range.end > limit)
    return gattn_fail(context, GATTN_ERROR_INDEX,
                      "set: %lld is outside the %lld vertices",
                      (long long)(range.end - 1), (long long)limit);
  return GATTN_SUCCESS;
}

static gattn_status check_set(gattn_context *context, int64_t n_q, int64_t n_kv,
                              const gattn_range *set, int64_t n, int64_t limit,
                              gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_array(context, "set", set, n);
  if (status) return status;
  if (n == 0)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "set: has 0 ranges; needs at least one");
  for (int64_t r = 0; r < n && !status; r++)
    status = check_range(context, set[r], limit);
  return status;
}

gattn_status gattn_mask_rows(gattn_context *context, int64_t n_q, int64_t n_kv,
                             const gattn_range *set, int64_t n,
                             gattn_graph **graph) {
  gattn_status status = check_set(context, n_q, n_kv, set, n, n_q, graph);
  if (status) return status;
  return hubs_new(context, &rows_class, n_q, n_kv, set, n, n_q, graph);
}

gattn_status gattn_mask_cols(gattn_context *context, int64_t n_q, int64_t n_kv,
                             const gattn_range *set, int64_t n,
                             gattn_graph **graph) {
  gattn_status status = check_set(context, n_q, n_kv, set, n, n_kv, graph);
  if (status) return status;
  return hubs_new(context, &cols_class, n_q, n_kv, set, n, n_kv, graph);
}

gattn_status gattn_mask_global(gattn_context *context, int64_t n_q,
                               int64_t n_kv, const gattn_range *set, int64_t n,
                               gattn_graph **graph) {
  int64_t limit = gattn_max(n_q, n_kv);
  gattn_status status = check_set(context, n_q, n_kv, set, n, limit, graph);
  if (status) return status;
  gattn_graph *rows, *cols;
  status = hubs_new(context, &rows_class, n_q, n_kv, set, n, n_q, &rows);
  if (status) return status;
  status = hubs_new(context, &cols_class, n_q, n_kv, set, n, n_kv, &cols);
  if (status) goto release_rows;
  if (((hubs *)rows)->n == 0)
    *graph = gattn_graph_retain(cols);
  else if (((hubs *)cols)->n == 0)
    *graph = gattn_graph_retain(rows);
  else
    status = gattn_graph_union(context, rows, cols, graph);
  gattn_graph_release(cols);
release_rows:
  gattn_graph_release(rows);
  return status;
}
