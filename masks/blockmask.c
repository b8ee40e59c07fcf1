/* Blocks chosen by a graph over blocks. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/blockmask.h"

#include "masks/degrees.h"
#include "masks/random.h"

/* (i/b, j/b) is an edge of blocks. */
typedef struct blockmask {
  gattn_graph graph;
  gattn_graph *blocks; /* owned reference */
  int64_t b;
} blockmask;

/* The first key of a key block, at most n_kv: block may be one past the last,
 * whose begin can lie past any key. */
static int64_t block_begin(const blockmask *self, int64_t block) {
  return block < self->blocks->n_kv ? block * self->b : self->graph.n_kv;
}

static int64_t blockmask_next(const gattn_graph *graph, int64_t i, int64_t j) {
  const blockmask *self = (const blockmask *)graph;
  if (j >= graph->n_kv) return graph->n_kv;
  int64_t block = gattn_next(self->blocks, i / self->b, j / self->b);
  return gattn_max(j, block_begin(self, block));
}

static int64_t blockmask_stretch(const gattn_graph *graph, int64_t i,
                                 int64_t j) {
  const blockmask *self = (const blockmask *)graph;
  int64_t end = gattn_stretch(self->blocks, i / self->b, j / self->b);
  return block_begin(self, end);
}

/* The neighbours of a row of query block `block`. */
static int64_t block_degree(const blockmask *self, int64_t block) {
  int64_t degree = gattn_degree(self->blocks, block);
  int64_t rest = self->graph.n_kv % self->b, last = self->blocks->n_kv - 1;
  if (rest && gattn_next(self->blocks, block, last) == last)
    return (degree - 1) * self->b + rest;
  return degree * self->b;
}

static int64_t blockmask_degree(const gattn_graph *graph, int64_t i) {
  const blockmask *self = (const blockmask *)graph;
  return block_degree(self, i / self->b);
}

/* Query blocks [begin, end), `rows` rows of each, where every key block is
 * whole: the counts of the block graph, times b. */
static bool count_whole(const blockmask *self, int64_t begin, int64_t end,
                        int64_t rows, gattn_counts *counts) {
  gattn_counts blocks;
  if (self->graph.n_kv % self->b || !self->blocks->class_->count ||
      !self->blocks->class_->count(self->blocks, begin, end, &blocks))
    return false;
  counts->edges += blocks.edges * (gattn_wide)self->b * (gattn_wide)rows;
  counts->min_degree =
      gattn_min(counts->min_degree, blocks.min_degree * self->b);
  counts->max_degree =
      gattn_max(counts->max_degree, blocks.max_degree * self->b);
  counts->empty_rows += blocks.empty_rows * rows;
  return true;
}

/* Block by block where degrees need no walk, up to so many as are counted in
 * about a second. */
static bool count_each(const blockmask *self, int64_t begin, int64_t end,
                       int64_t rows, gattn_counts *counts) {
  enum { MOST = 1 << 20 };
  if (end - begin > MOST || !self->blocks->class_->degree) return false;
  for (int64_t block = begin; block < end; block++)
    gattn_counts_add(counts, rows, block_degree(self, block));
  return true;
}

static bool blockmask_count(const gattn_graph *graph, int64_t begin,
                            int64_t end, gattn_counts *counts) {
  const blockmask *self = (const blockmask *)graph;
  gattn_rectangle parts[3];
  int n = gattn_rectangles(begin, end, self->b, parts);
  *counts = gattn_counts_none();
  for (int p = 0; p < n; p++) {
    gattn_rectangle *part = &parts[p];
    int64_t rows = part->column_end - part->column_begin;
    if (!count_whole(self, part->line_begin, part->line_end, rows, counts) &&
        !count_each(self, part->line_begin, part->line_end, rows, counts))
      return false;
  }
  return true;
}

static int64_t blockmask_runs(const gattn_graph *graph, int64_t i,
                              int64_t stride, int64_t lo, int64_t hi,
                              gattn_run *runs, int64_t capacity,
                              int64_t *upto) {
  const blockmask *self = (const blockmask *)graph;
  if (stride > 1)
    return gattn_runs_walk(graph, i, stride, lo, hi, runs, capacity, upto);
  int64_t until;
  int64_t n = gattn_runs(self->blocks, i / self->b, 1, lo / self->b,
                         (hi - 1) / self->b + 1, runs, capacity, &until);
  for (int64_t r = 0; r < n; r++)
    runs[r] = (gattn_run){gattn_max(lo, block_begin(self, runs[r].begin)),
                          gattn_min(hi, block_begin(self, runs[r].end))};
  *upto = gattn_min(hi, block_begin(self, until));
  return n;
}

static bool blockmask_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  const blockmask *self = (const blockmask *)graph;
  return gattn_same_row(self->blocks, a / self->b, b / self->b);
}

static void blockmask_shape(const gattn_graph *graph, gattn_shape *shape) {
  (void)graph;
  shape->form = GATTN_FORM_BLOCKS;
}

static void blockmask_describe(const gattn_graph *graph, gattn_text *text) {
  const blockmask *self = (const blockmask *)graph;
  int64_t k, seed;
  if (gattn_random_parameters(self->blocks, &k, &seed)) {
    gattn_text_append(text, "randomblocks(%lld, %lld, %lld)",
                      (long long)self->b, (long long)k, (long long)seed);
    return;
  }
  gattn_text_append(text, "blockmask(");
  self->blocks->class_->describe(self->blocks, text);
  gattn_text_append(text, ", %lld)", (long long)self->b);
}

static gattn_status blockmask_transpose(gattn_context *context,
                                        gattn_graph *graph,
                                        gattn_graph **transpose) {
  const blockmask *self = (const blockmask *)graph;
  gattn_graph *blocks;
  gattn_status status = gattn_graph_transpose(context, self->blocks, &blocks);
  if (status) return status;
  status = gattn_mask_blockmask(context, graph->n_kv, graph->n_q, blocks,
                                self->b, transpose);
  gattn_graph_release(blocks);
  return status;
}

static bool blockmask_broken(const gattn_graph *graph) {
  return gattn_graph_broken(((const blockmask *)graph)->blocks);
}

static void blockmask_release(gattn_graph *graph) {
  gattn_graph_release(((blockmask *)graph)->blocks);
}

static const gattn_graph_class blockmask_class = {
    .name = "blockmask",
    .next = blockmask_next,
    .stretch = blockmask_stretch,
    .degree = blockmask_degree,
    .count = blockmask_count,
    .runs = blockmask_runs,
    .same_row = blockmask_same_row,
    .shape = blockmask_shape,
    .transpose = blockmask_transpose,
    .describe = blockmask_describe,
    .release = blockmask_release,
    .broken = blockmask_broken,
};

bool gattn_blockmask_parameters(const gattn_graph *graph, gattn_graph **blocks,
                                int64_t *b) {
  if (graph->class_ != &blockmask_class) return false;
  *blocks = ((const blockmask *)graph)->blocks;
  *b = ((const blockmask *)graph)->b;
  return true;
}

gattn_status gattn_mask_blockmask(gattn_context *context, int64_t n_q,
                                  int64_t n_kv, gattn_graph *blocks, int64_t b,
                                  gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_graph_check(context, "blocks", blocks);
  if (!status) status = gattn_check_least(context, "b", b, 1);
  if (status) return status;
  int64_t query_blocks = gattn_blocks_of(n_q, b);
  int64_t key_blocks = gattn_blocks_of(n_kv, b);
  if (blocks->n_q != query_blocks || blocks->n_kv != key_blocks)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "blocks: is %lld x %lld, where blocks of %lld need "
                      "%lld x %lld",
                      (long long)blocks->n_q, (long long)blocks->n_kv,
                      (long long)b, (long long)query_blocks,
                      (long long)key_blocks);
  blockmask *self;
  status = gattn_graph_new(context, &blockmask_class, sizeof *self, n_q, n_kv,
                           &self);
  if (status) return status;
  self->blocks = gattn_graph_retain(blocks);
  self->b = b;
  *graph = &self->graph;
  return GATTN_SUCCESS;
}
