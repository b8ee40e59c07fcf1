/* Bands around the diagonal: full, causal, local; and prefix.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/atoms.h"
#include "masks/degrees.h"
#include "masks/interval.h"

/* ------------------------------------------------ full, causal, local */

/* left, right <= GATTN_WITHOUT_END */
typedef struct band {
  gattn_graph graph;
  int64_t left, right;
} band;

static gattn_run band_row(const gattn_graph *graph, int64_t i) {
  const band *self = (const band *)graph;
  return (gattn_run){gattn_max(i - self->left, 0),
                     gattn_min(i + self->right + 1, graph->n_kv)};
}

GATTN_INTERVAL_CLASS(band, band_row)

static int64_t band_degree_at(const void *graph, int64_t i) {
  return band_degree(graph, i);
}

static bool band_count(const gattn_graph *graph, int64_t begin, int64_t end,
                       gattn_counts *counts) {
  const band *self = (const band *)graph;
  int64_t breaks[] = {self->left, graph->n_kv - self->right,
                      graph->n_kv + self->left};
  *counts = gattn_counts_none();
  gattn_counts_add_pieces(counts, begin, end, 1, band_degree_at, graph, breaks,
                          3);
  return true;
}

static bool band_atoms(const gattn_graph *graph, gattn_atoms *atoms) {
  const band *self = (const band *)graph;
  return gattn_atoms_keys(atoms, gattn_bound_shift(-self->left),
                          gattn_bound_shift(self->right + 1));
}

static bool band_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  gattn_run row = band_row(graph, a), other = band_row(graph, b);
  return row.begin == other.begin && row.end == other.end;
}

static void band_shape(const gattn_graph *graph, gattn_shape *shape) {
  (void)graph;
  shape->form = GATTN_FORM_BAND;
}

static void band_describe(const gattn_graph *graph, gattn_text *text) {
  const band *self = (const band *)graph;
  if (self->right == GATTN_WITHOUT_END && self->left == GATTN_WITHOUT_END)
    gattn_text_append(text, "full");
  else if (self->right == 0 && self->left == GATTN_WITHOUT_END)
    gattn_text_append(text, "causal");
  else if (self->left == self->right)
    gattn_text_append(text, "local(%lld)", (long long)self->left);
  else
    gattn_text_append(text, "local(%lld, %lld)", (long long)self->left,
                      (long long)self->right);
}

static gattn_status band_transpose(gattn_context *context, gattn_graph *graph,
                                   gattn_graph **transpose);

static const gattn_graph_class band_class = {
    .name = "band",
    .next = band_next,
    .stretch = band_stretch,
    .degree = band_degree,
    .count = band_count,
    .atoms = band_atoms,
    .runs = band_runs,
    .same_row = band_same_row,
    .shape = band_shape,
    .transpose = band_transpose,
    .describe = band_describe,
};

static gattn_status band_new(gattn_context *context, int64_t n_q, int64_t n_kv,
                             int64_t left, int64_t right, gattn_graph **graph) {
  band *self;
  gattn_status status =
      gattn_graph_new(context, &band_class, sizeof *self, n_q, n_kv, &self);
  if (status) return status;
  self->left = gattn_min(left, GATTN_WITHOUT_END);
  self->right = gattn_min(right, GATTN_WITHOUT_END);
  *graph = &self->graph;
  return GATTN_SUCCESS;
}

static gattn_status band_transpose(gattn_context *context, gattn_graph *graph,
                                   gattn_graph **transpose) {
  const band *self = (const band *)graph;
  return band_new(context, graph->n_kv, graph->n_q, self->right, self->left,
                  transpose);
}

gattn_status gattn_mask_full(gattn_context *context, int64_t n_q, int64_t n_kv,
                             gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (status) return status;
  return band_new(context, n_q, n_kv, GATTN_WITHOUT_END, GATTN_WITHOUT_END,
                  graph);
}

gattn_status gattn_mask_causal(gattn_context *context, int64_t n_q,
                               int64_t n_kv, gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (status) return status;
  return band_new(context, n_q, n_kv, GATTN_WITHOUT_END, 0, graph);
}

gattn_status gattn_mask_local(gattn_context *context, int64_t n_q, int64_t n_kv,
                              int64_t left, int64_t right,
                              gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_least(context, "left", left, 0);
  if (!status) status = gattn_check_least(context, "right", right, 0);
  if (status) return status;
  return band_new(context, n_q, n_kv, left, right, graph);
}

/* ------------------------------------------------------------- prefix */

/* j < p or j <= i; transposed: i < p or j >= i. */
typedef struct prefix {
  gattn_graph graph;
  gattn_range hubs; /* [0, p) */
  bool transposed;
} prefix;

static gattn_run prefix_row(const gattn_graph *graph, int64_t i) {
  const prefix *self = (const prefix *)graph;
  if (self->transposed)
    return (gattn_run){i < self->hubs.end ? 0 : i, graph->n_kv};
  return (gattn_run){0,
                     gattn_min(gattn_max(self->hubs.end, i + 1), graph->n_kv)};
}

GATTN_INTERVAL_CLASS(prefix, prefix_row)

static int64_t prefix_degree_at(const void *graph, int64_t i) {
  return prefix_degree(graph, i);
}

static bool prefix_count(const gattn_graph *graph, int64_t begin, int64_t end,
                         gattn_counts *counts) {
  const prefix *self = (const prefix *)graph;
  int64_t breaks[] = {self->hubs.end, graph->n_kv};
  *counts = gattn_counts_none();
  gattn_counts_add_pieces(counts, begin, end, 1, prefix_degree_at, graph,
                          breaks, 2);
  return true;
}

static bool prefix_atoms(const gattn_graph *graph, gattn_atoms *atoms) {
  const prefix *self = (const prefix *)graph;
  int64_t p = self->hubs.end;
  bool said = self->transposed
                  ? gattn_atoms_rows(atoms, &self->hubs, p > 0) &&
                        gattn_atoms_keys(atoms, gattn_bound_shift(0),
                                         gattn_bound_constant(graph->n_kv))
                  : gattn_atoms_keys(atoms, gattn_bound_constant(0),
                                     gattn_bound_constant(p)) &&
                        gattn_atoms_keys(atoms, gattn_bound_constant(0),
                                         gattn_bound_shift(1));
  return said && gattn_atoms_apply(atoms, GATTN_ATOMS_UNION);
}

static bool prefix_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  gattn_run row = prefix_row(graph, a), other = prefix_row(graph, b);
  return row.begin == other.begin && row.end == other.end;
}

static void prefix_describe(const gattn_graph *graph, gattn_text *text) {
  const prefix *self = (const prefix *)graph;
  long long p = self->hubs.end;
  if (!self->transposed)
    gattn_text_append(text, "prefix(%lld)", p);
  else if (p == 0)
    gattn_text_append(text, "local(0, %lld)", (long long)GATTN_WITHOUT_END);
  else
    gattn_text_append(text, "(rows(0:%lld) | local(0, %lld))", p,
                      (long long)GATTN_WITHOUT_END);
}

static gattn_status prefix_transpose(gattn_context *context, gattn_graph *graph,
                                     gattn_graph **transpose);

static const gattn_graph_class prefix_class = {
    .name = "prefix",
    .next = prefix_next,
    .stretch = prefix_stretch,
    .degree = prefix_degree,
    .count = prefix_count,
    .atoms = prefix_atoms,
    .runs = prefix_runs,
    .same_row = prefix_same_row,
    .shape = band_shape,
    .transpose = prefix_transpose,
    .describe = prefix_describe,
};

static gattn_status prefix_new(gattn_context *context, int64_t n_q,
                               int64_t n_kv, int64_t p, bool transposed,
                               gattn_graph **graph) {
  prefix *self;
  gattn_status status =
      gattn_graph_new(context, &prefix_class, sizeof *self, n_q, n_kv, &self);
  if (status) return status;
  self->hubs = (gattn_range){0, p};
  self->transposed = transposed;
  *graph = &self->graph;
  return GATTN_SUCCESS;
}

static gattn_status prefix_transpose(gattn_context *context, gattn_graph *graph,
                                     gattn_graph **transpose) {
  const prefix *self = (const prefix *)graph;
  return prefix_new(context, graph->n_kv, graph->n_q, self->hubs.end,
                    !self->transposed, transpose);
}

gattn_status gattn_mask_prefix(gattn_context *context, int64_t n_q,
                               int64_t n_kv, int64_t p, gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_least(context, "p", p, 0);
  if (status) return status;
  if (p > n_kv)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "p: %lld is above the %lld keys", (long long)p,
                      (long long)n_kv);
  return prefix_new(context, n_q, n_kv, p, false, graph);
}
