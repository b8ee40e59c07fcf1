/* One given interval of keys a row. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/atoms.h"
#include "masks/degrees.h"
#include "masks/interval.h"

/* rows[i] are the keys of row i. */
typedef struct intervals {
  gattn_graph graph;
  gattn_run *rows;  /* [n_q] */
  int64_t *summary; /* see gattn_atoms_bounds */
} intervals;

static int64_t summary_numbers(int64_t n_q) {
  return gattn_blocks_of(n_q, GATTN_SUMMARY_ROWS) * GATTN_SUMMARY_NUMBERS;
}

static gattn_run intervals_row(const gattn_graph *graph, int64_t i) {
  return ((const intervals *)graph)->rows[i];
}

GATTN_INTERVAL_CLASS(intervals, intervals_row)

static bool intervals_count(const gattn_graph *graph, int64_t begin,
                            int64_t end, gattn_counts *counts) {
  *counts = gattn_counts_none();
  for (int64_t i = begin; i < end; i++)
    gattn_counts_add(counts, 1, intervals_degree(graph, i));
  return true;
}

static bool intervals_atoms(const gattn_graph *graph, gattn_atoms *atoms) {
  const intervals *self = (const intervals *)graph;
  return gattn_atoms_bounds(atoms, self->rows, self->summary);
}

static bool intervals_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  gattn_run row = intervals_row(graph, a), other = intervals_row(graph, b);
  return row.begin == other.begin && row.end == other.end;
}

static void intervals_shape(const gattn_graph *graph, gattn_shape *shape) {
  (void)graph;
  shape->form = GATTN_FORM_BAND;
}

static void intervals_describe(const gattn_graph *graph, gattn_text *text) {
  (void)graph;
  gattn_text_append(text, "intervals(…)");
}

static void intervals_release(gattn_graph *graph) {
  intervals *self = (intervals *)graph;
  gattn_free(graph->context, self->rows, graph->n_q, sizeof *self->rows);
  gattn_free(graph->context, self->summary, summary_numbers(graph->n_q),
             sizeof *self->summary);
}

static const gattn_graph_class intervals_class = {
    .name = "intervals",
    .next = intervals_next,
    .stretch = intervals_stretch,
    .degree = intervals_degree,
    .count = intervals_count,
    .atoms = intervals_atoms,
    .runs = intervals_runs,
    .same_row = intervals_same_row,
    .shape = intervals_shape,
    .describe = intervals_describe,
    .release = intervals_release,
};

static gattn_status check_interval(gattn_context *context, int64_t i,
                                   int64_t lo, int64_t hi, int64_t n_kv) {
  if (lo > hi)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "lo: %lld is above hi = %lld in row %lld", (long long)lo,
                      (long long)hi, (long long)i);
  if (lo < 0)
    return gattn_fail(context, GATTN_ERROR_INDEX,
                      "lo: %lld in row %lld is negative", (long long)lo,
                      (long long)i);
  if (hi > n_kv)
    return gattn_fail(context, GATTN_ERROR_INDEX,
                      "hi: %lld in row %lld is above the %lld keys",
                      (long long)hi, (long long)i, (long long)n_kv);
  return GATTN_SUCCESS;
}

static gattn_status check_intervals(gattn_context *context, int64_t n_q,
                                    int64_t n_kv, const int64_t *lo,
                                    const int64_t *hi, int64_t n) {
  gattn_status status = gattn_check_array(context, "lo", lo, n);
  if (!status) status = gattn_check_array(context, "hi", hi, n);
  if (!status) status = gattn_check_length(context, "lo", n, "n_q", n_q);
  for (int64_t i = 0; i < n && !status; i++)
    status = check_interval(context, i, lo[i], hi[i], n_kv);
  return status;
}

static void summarise(const gattn_run *rows, int64_t n, int64_t *summary) {
  for (int64_t begin = 0; begin < n; begin += GATTN_SUMMARY_ROWS) {
    int64_t end = gattn_min(begin + GATTN_SUMMARY_ROWS, n);
    gattn_run least = rows[begin], greatest = rows[begin];
    for (int64_t i = begin + 1; i < end; i++) {
      least.begin = gattn_min(least.begin, rows[i].begin);
      least.end = gattn_min(least.end, rows[i].end);
      greatest.begin = gattn_max(greatest.begin, rows[i].begin);
      greatest.end = gattn_max(greatest.end, rows[i].end);
    }
    *summary++ = least.begin;
    *summary++ = greatest.begin;
    *summary++ = least.end;
    *summary++ = greatest.end;
  }
}

gattn_status gattn_mask_intervals(gattn_context *context, int64_t n_q,
                                  int64_t n_kv, const int64_t *lo,
                                  const int64_t *hi, int64_t n,
                                  gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = check_intervals(context, n_q, n_kv, lo, hi, n);
  if (status) return status;
  void *rows, *summary;
  status = gattn_allocate(context, "rows", n, sizeof(gattn_run), &rows);
  if (status) return status;
  status = gattn_allocate(context, "summary", summary_numbers(n),
                          sizeof(int64_t), &summary);
  if (status) goto free_rows;
  intervals *self;
  status = gattn_graph_new(context, &intervals_class, sizeof *self, n_q, n_kv,
                           &self);
  if (status) goto free_summary;
  self->rows = rows;
  self->summary = summary;
  for (int64_t i = 0; i < n; i++) self->rows[i] = (gattn_run){lo[i], hi[i]};
  summarise(self->rows, n, self->summary);
  *graph = &self->graph;
  return GATTN_SUCCESS;
free_summary:
  gattn_free(context, summary, summary_numbers(n), sizeof(int64_t));
free_rows:
  gattn_free(context, rows, n, sizeof(gattn_run));
  return status;
}
