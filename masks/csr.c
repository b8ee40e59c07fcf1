/* Graphs stored as compressed sparse rows. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/csr.h"

#include <string.h>

#include "masks/device_csr.h"

/* ------------------------------------------------------------ rows */

/* The first entry of row i whose column is >= j; the row's end when none. */
static int64_t seek(const gattn_csr *csr, int64_t i, int64_t j) {
  int64_t first = csr->offsets[i], last = csr->offsets[i + 1];
  while (first < last) {
    int64_t middle = first + (last - first) / 2;
    if (gattn_csr_column(csr, middle) < j)
      first = middle + 1;
    else
      last = middle;
  }
  return first;
}

static int64_t csr_next(const gattn_graph *graph, int64_t i, int64_t j) {
  const gattn_csr *csr = gattn_csr_of(graph);
  int64_t e = seek(csr, i, j);
  return e < csr->offsets[i + 1] ? gattn_csr_column(csr, e) : graph->n_kv;
}

static int64_t csr_stretch(const gattn_graph *graph, int64_t i, int64_t j) {
  const gattn_csr *csr = gattn_csr_of(graph);
  int64_t last = csr->offsets[i + 1];
  int64_t end = j + 1;
  for (int64_t e = seek(csr, i, j) + 1;
       e < last && gattn_csr_column(csr, e) == end; e++)
    end++;
  return end;
}

static int64_t csr_degree(const gattn_graph *graph, int64_t i) {
  const gattn_csr *csr = gattn_csr_of(graph);
  return csr->offsets[i + 1] - csr->offsets[i];
}

static bool csr_count(const gattn_graph *graph, int64_t begin, int64_t end,
                      gattn_counts *counts) {
  const gattn_csr *csr = gattn_csr_of(graph);
  int64_t first = csr_degree(graph, begin);
  *counts = (gattn_counts){
      .edges = (gattn_wide)(csr->offsets[end] - csr->offsets[begin]),
      .min_degree = first,
      .max_degree = first};
  for (int64_t i = begin; i < end; i++) {
    int64_t degree = csr_degree(graph, i);
    if (degree < counts->min_degree) counts->min_degree = degree;
    if (degree > counts->max_degree) counts->max_degree = degree;
    counts->empty_rows += !degree;
  }
  return true;
}

static int64_t csr_runs(const gattn_graph *graph, int64_t i, int64_t stride,
                        int64_t lo, int64_t hi, gattn_run *runs,
                        int64_t capacity, int64_t *upto) {
  const gattn_csr *csr = gattn_csr_of(graph);
  int64_t residue = i % stride, last = csr->offsets[i + 1];
  int64_t n = 0;
  for (int64_t e = seek(csr, i, residue + stride * lo); e < last; e++) {
    int64_t t = gattn_csr_column(csr, e);
    if (stride > 1) {
      if (t % stride != residue) continue;
      t /= stride;
    }
    if (t >= hi) break;
    if (n && runs[n - 1].end == t) {
      runs[n - 1].end++;
    } else if (n == capacity) {
      *upto = t;
      return n;
    } else {
      runs[n++] = (gattn_run){t, t + 1};
    }
  }
  *upto = hi;
  return n;
}

static bool csr_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  const gattn_csr *csr = gattn_csr_of(graph);
  int64_t degree = csr_degree(graph, a);
  if (degree != csr_degree(graph, b)) return false;
  int64_t at = csr->offsets[a], bt = csr->offsets[b];
  return csr->narrow
             ? !memcmp(csr->narrow + at, csr->narrow + bt,
                       (size_t)degree * sizeof *csr->narrow)
             : !memcmp(csr->wide + at, csr->wide + bt,
                       (size_t)degree * sizeof *csr->wide);
}

static void csr_shape(const gattn_graph *graph, gattn_shape *shape) {
  (void)graph;
  shape->form = GATTN_FORM_LIST;
}

static void csr_describe(const gattn_graph *graph, gattn_text *text) {
  const gattn_csr *csr = gattn_csr_of(graph);
  if (csr->label)
    gattn_text_append(text, "%s", csr->label);
  else
    gattn_text_append(text, "csr(%lld edges)", (long long)gattn_csr_edges(csr));
}

static void csr_release(gattn_graph *graph) {
  gattn_csr *csr = (gattn_csr *)graph;
  gattn_context *context = graph->context;
  gattn_free(context, csr->offsets, graph->n_q + 1, sizeof *csr->offsets);
  gattn_free(context, csr->narrow, csr->capacity, sizeof *csr->narrow);
  gattn_free(context, csr->wide, csr->capacity, sizeof *csr->wide);
  gattn_free(context, csr->label, csr->label_size, 1);
}

const gattn_graph_class gattn_csr_class = {
    .name = "csr",
    .next = csr_next,
    .stretch = csr_stretch,
    .degree = csr_degree,
    .count = csr_count,
    .runs = csr_runs,
    .same_row = csr_same_row,
    .shape = csr_shape,
    .describe = csr_describe,
    .release = csr_release,
};

/* ------------------------------------------------------------ construction */

gattn_status gattn_csr_new(gattn_context *context, int64_t n_q, int64_t n_kv,
                           gattn_csr **out) {
  gattn_csr *csr;
  gattn_status status = gattn_graph_new(context, &gattn_csr_class, sizeof *csr,
                                        n_q, n_kv, &csr);
  if (status) return status;
  status = gattn_allocate(context, "offsets", n_q + 1, sizeof *csr->offsets,
                          (void **)&csr->offsets);
  if (status) {
    gattn_graph_release(&csr->graph);
    return status;
  }
  *out = csr;
  return GATTN_SUCCESS;
}

gattn_status gattn_csr_columns(gattn_context *context, gattn_csr *csr,
                               int64_t capacity) {
  bool narrow = csr->graph.n_kv <= INT32_MAX;
  void *columns;
  gattn_status status = gattn_allocate(
      context, "columns", capacity,
      narrow ? sizeof *csr->narrow : sizeof *csr->wide, &columns);
  if (status) return status;
  csr->capacity = capacity;
  if (narrow)
    csr->narrow = columns;
  else
    csr->wide = columns;
  return GATTN_SUCCESS;
}

gattn_status gattn_csr_label(gattn_context *context, gattn_graph *graph,
                             const char *expression) {
  gattn_csr *csr = (gattn_csr *)graph;
  int64_t size = (int64_t)strlen(expression) + 1;
  void *label;
  gattn_status status = gattn_allocate(context, "label", size, 1, &label);
  if (status) return status;
  memcpy(label, expression, (size_t)size);
  csr->label = label;
  csr->label_size = size;
  return GATTN_SUCCESS;
}

gattn_status gattn_graph_csr(gattn_context *context, const gattn_graph *graph,
                             int64_t *offsets, int64_t *columns) {
  if (!context) return gattn_fail_null(context, "context");
  if (!graph) return gattn_fail_null(context, "graph");
  const gattn_csr *csr = gattn_csr_of(graph);
  if (gattn_is_device_csr(graph)) {
    gattn_status status = gattn_device_csr_mirror(context, graph, &csr);
    if (status) return status;
  } else if (!gattn_is_csr(graph)) {
    return gattn_fail(context, GATTN_ERROR_UNSUPPORTED,
                      "graph: is a %s, not stored as CSR", graph->class_->name);
  }
  int64_t edges = gattn_csr_edges(csr);
  if (offsets)
    memcpy(offsets, csr->offsets,
           (size_t)(graph->n_q + 1) * sizeof *csr->offsets);
  for (int64_t e = 0; columns && e < edges; e++)
    columns[e] = gattn_csr_column(csr, e);
  return GATTN_SUCCESS;
}
