/* Blocks on the diagonal: blocks and blocklocal.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/atoms.h"
#include "masks/degrees.h"
#include "masks/interval.h"

/* |i/b - j/b| <= w; blocks(b) is w = 0. w <= GATTN_WITHOUT_END. */
typedef struct blocklocal {
  gattn_graph graph;
  int64_t b, w;
  int64_t key_blocks; /* ceil(n_kv / b) */
} blocklocal;

static gattn_run block_row(const blocklocal *self, int64_t block) {
  int64_t begin = block - self->w, end = block + self->w + 1;
  return (gattn_run){
      begin <= 0 ? 0 : gattn_saturating_multiply(begin, self->b),
      end >= self->key_blocks ? self->graph.n_kv : end * self->b};
}

static gattn_run blocklocal_row(const gattn_graph *graph, int64_t i) {
  const blocklocal *self = (const blocklocal *)graph;
  return block_row(self, i / self->b);
}

GATTN_INTERVAL_CLASS(blocklocal, blocklocal_row)

static int64_t block_degree_at(const void *graph, int64_t block) {
  return gattn_interval_degree(block_row(graph, block));
}

static bool blocklocal_count(const gattn_graph *graph, int64_t begin,
                             int64_t end, gattn_counts *counts) {
  const blocklocal *self = (const blocklocal *)graph;
  int64_t breaks[] = {self->w, self->key_blocks - self->w - 1,
                      self->key_blocks + self->w};
  gattn_rectangle parts[3];
  int n = gattn_rectangles(begin, end, self->b, parts);
  *counts = gattn_counts_none();
  for (int p = 0; p < n; p++)
    gattn_counts_add_pieces(counts, parts[p].line_begin, parts[p].line_end,
                            parts[p].column_end - parts[p].column_begin,
                            block_degree_at, graph, breaks, 3);
  return true;
}

static bool blocklocal_atoms(const gattn_graph *graph, gattn_atoms *atoms) {
  const blocklocal *self = (const blocklocal *)graph;
  int64_t before = gattn_saturating_multiply(self->w, self->b);
  int64_t after = gattn_saturating_add(before, self->b);
  return gattn_atoms_keys(atoms, gattn_bound_block(self->b, -before),
                          gattn_bound_block(self->b, after));
}

static bool blocklocal_same_row(const gattn_graph *graph, int64_t a,
                                int64_t b) {
  gattn_run row = blocklocal_row(graph, a), other = blocklocal_row(graph, b);
  return row.begin == other.begin && row.end == other.end;
}

static void blocklocal_shape(const gattn_graph *graph, gattn_shape *shape) {
  (void)graph;
  shape->form = GATTN_FORM_BAND;
}

static void blocklocal_describe(const gattn_graph *graph, gattn_text *text) {
  const blocklocal *self = (const blocklocal *)graph;
  if (self->w == 0)
    gattn_text_append(text, "blocks(%lld)", (long long)self->b);
  else
    gattn_text_append(text, "blocklocal(%lld, %lld)", (long long)self->b,
                      (long long)self->w);
}

static gattn_status blocklocal_transpose(gattn_context *context,
                                         gattn_graph *graph,
                                         gattn_graph **transpose);

static const gattn_graph_class blocklocal_class = {
    .name = "blocklocal",
    .next = blocklocal_next,
    .stretch = blocklocal_stretch,
    .degree = blocklocal_degree,
    .count = blocklocal_count,
    .atoms = blocklocal_atoms,
    .runs = blocklocal_runs,
    .same_row = blocklocal_same_row,
    .shape = blocklocal_shape,
    .transpose = blocklocal_transpose,
    .describe = blocklocal_describe,
};

static gattn_status blocklocal_new(gattn_context *context, int64_t n_q,
                                   int64_t n_kv, int64_t b, int64_t w,
                                   gattn_graph **graph) {
  blocklocal *self;
  gattn_status status = gattn_graph_new(context, &blocklocal_class,
                                        sizeof *self, n_q, n_kv, &self);
  if (status) return status;
  self->b = b;
  self->w = gattn_min(w, GATTN_WITHOUT_END);
  self->key_blocks = gattn_blocks_of(n_kv, b);
  *graph = &self->graph;
  return GATTN_SUCCESS;
}

static gattn_status blocklocal_transpose(gattn_context *context,
                                         gattn_graph *graph,
                                         gattn_graph **transpose) {
  const blocklocal *self = (const blocklocal *)graph;
  return blocklocal_new(context, graph->n_kv, graph->n_q, self->b, self->w,
                        transpose);
}

gattn_status gattn_mask_blocks(gattn_context *context, int64_t n_q,
                               int64_t n_kv, int64_t b, gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_least(context, "b", b, 1);
  if (status) return status;
  return blocklocal_new(context, n_q, n_kv, b, 0, graph);
}

gattn_status gattn_mask_blocklocal(gattn_context *context, int64_t n_q,
                                   int64_t n_kv, int64_t b, int64_t w,
                                   gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_least(context, "b", b, 1);
  if (!status) status = gattn_check_least(context, "w", w, 0);
  if (status) return status;
  return blocklocal_new(context, n_q, n_kv, b, w, graph);
}
