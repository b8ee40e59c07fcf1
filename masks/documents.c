/* Packed documents. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "masks/atoms.h"
#include "masks/degrees.h"
#include "masks/interval.h"

/* i and j in the same document. starts[n] strictly ascending, the first 0;
 * the last document has no end. */
typedef struct documents {
  gattn_graph graph;
  int64_t *starts;
  int64_t n;
} documents;

/* The document of position x: the last that starts at or before it. */
static int64_t document_of(const documents *self, int64_t x) {
  int64_t lo = 0, hi = self->n;
  while (hi - lo > 1) {
    int64_t middle = lo + (hi - lo) / 2;
    if (self->starts[middle] <= x)
      lo = middle;
    else
      hi = middle;
  }
  return lo;
}

static int64_t document_end(const documents *self, int64_t document) {
  return document + 1 < self->n ? self->starts[document + 1] : INT64_MAX;
}

static gattn_run document_keys(const documents *self, int64_t document) {
  return (gattn_run){self->starts[document],
                     gattn_min(document_end(self, document), self->graph.n_kv)};
}

static gattn_run documents_row(const gattn_graph *graph, int64_t i) {
  const documents *self = (const documents *)graph;
  return document_keys(self, document_of(self, i));
}

GATTN_INTERVAL_CLASS(documents, documents_row)

static bool documents_count(const gattn_graph *graph, int64_t begin,
                            int64_t end, gattn_counts *counts) {
  const documents *self = (const documents *)graph;
  *counts = gattn_counts_none();
  for (int64_t d = document_of(self, begin); begin < end; d++) {
    int64_t stop = gattn_min(document_end(self, d), end);
    gattn_counts_add(counts, stop - begin,
                     gattn_interval_degree(document_keys(self, d)));
    begin = stop;
  }
  return true;
}

static bool documents_atoms(const gattn_graph *graph, gattn_atoms *atoms) {
  const documents *self = (const documents *)graph;
  return gattn_atoms_segments(atoms, self->starts, self->n);
}

static bool documents_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  const documents *self = (const documents *)graph;
  return document_of(self, a) == document_of(self, b);
}

static void documents_shape(const gattn_graph *graph, gattn_shape *shape) {
  (void)graph;
  shape->form = GATTN_FORM_BAND;
}

static void documents_describe(const gattn_graph *graph, gattn_text *text) {
  enum { SHORT = 64 };
  const documents *self = (const documents *)graph;
  gattn_text_append(text, "documents(");
  if (self->n > SHORT)
    gattn_text_append(text, "…");
  else
    for (int64_t d = 0; d < self->n; d++)
      gattn_text_append(text, d ? ", %lld" : "%lld",
                        (long long)self->starts[d]);
  gattn_text_append(text, ")");
}

static void documents_release(gattn_graph *graph) {
  documents *self = (documents *)graph;
  gattn_free(graph->context, self->starts, self->n, sizeof *self->starts);
}

static gattn_status documents_transpose(gattn_context *context,
                                        gattn_graph *graph,
                                        gattn_graph **transpose);

static const gattn_graph_class documents_class = {
    .name = "documents",
    .next = documents_next,
    .stretch = documents_stretch,
    .degree = documents_degree,
    .count = documents_count,
    .atoms = documents_atoms,
    .runs = documents_runs,
    .same_row = documents_same_row,
    .shape = documents_shape,
    .transpose = documents_transpose,
    .describe = documents_describe,
    .release = documents_release,
};

static gattn_status documents_new(gattn_context *context, int64_t n_q,
                                  int64_t n_kv, const int64_t *starts,
                                  int64_t n, gattn_graph **graph) {
  void *memory;
  gattn_status status =
      gattn_allocate(context, "starts", n, sizeof *starts, &memory);
  if (status) return status;
  documents *self;
  status = gattn_graph_new(context, &documents_class, sizeof *self, n_q, n_kv,
                           &self);
  if (status) goto free_starts;
  self->starts = memory;
  self->n = n;
  memcpy(self->starts, starts, (size_t)n * sizeof *starts);
  *graph = &self->graph;
  return GATTN_SUCCESS;
free_starts:
  gattn_free(context, memory, n, sizeof *starts);
  return status;
}

static gattn_status documents_transpose(gattn_context *context,
                                        gattn_graph *graph,
                                        gattn_graph **transpose) {
  const documents *self = (const documents *)graph;
  return documents_new(context, graph->n_kv, graph->n_q, self->starts, self->n,
                       transpose);
}

static gattn_status check_starts(gattn_context *context, const int64_t *starts,
                                 int64_t n, int64_t vertices) {
  if (n == 0)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "starts: has 0 positions; needs at least one");
  if (starts[0] != 0)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "starts: the first is %lld, not 0", (long long)starts[0]);
  for (int64_t d = 1; d < n; d++) {
    if (starts[d] <= starts[d - 1])
      return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                        "starts: %lld does not ascend from %lld",
                        (long long)starts[d], (long long)starts[d - 1]);
    if (starts[d] >= vertices)
      return gattn_fail(context, GATTN_ERROR_INDEX,
                        "starts: %lld is outside the %lld vertices",
                        (long long)starts[d], (long long)vertices);
  }
  return GATTN_SUCCESS;
}

gattn_status gattn_mask_documents(gattn_context *context, int64_t n_q,
                                  int64_t n_kv, const int64_t *starts,
                                  int64_t n, gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_array(context, "starts", starts, n);
  if (!status) status = check_starts(context, starts, n, gattn_max(n_q, n_kv));
  if (status) return status;
  return documents_new(context, n_q, n_kv, starts, n, graph);
}
