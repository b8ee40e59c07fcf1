/* Trees: a vertex and its ancestors. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/degrees.h"

/* An ancestor chain is cut into segments v, v-1, …, top whose vertices are one
 * another's parents: each is one run of the row. The segments above one
 * another form a tree of their own, with jumps upwards over so many of them
 * that any is found in logarithmic time (Myers, "An applicative random-access
 * stack", 1983): a path of 2^20 vertices costs no more than a bush. */
typedef struct segment {
  int64_t top;   /* the first vertex of the segment that ends here */
  int64_t up;    /* the parent of top; -1 for a root */
  int64_t jump;  /* a vertex one or more segments up; itself at the top */
  int64_t level; /* segments above */
  int64_t depth; /* vertices above */
} segment;

typedef struct tree {
  gattn_graph graph;
  segment *at; /* [n] */
} tree;

/* The highest segment end above (or at) i that is >= j; j <= i. */
static int64_t highest_from(const tree *self, int64_t i, int64_t j) {
  const segment *at = self->at;
  while (at[i].up >= j) i = at[i].jump >= j ? at[i].jump : at[i].up;
  return i;
}

/* The segment end above (or at) i on a level <= i's. */
static int64_t on_level(const tree *self, int64_t i, int64_t level) {
  const segment *at = self->at;
  while (at[i].level > level)
    i = at[at[i].jump].level >= level ? at[i].jump : at[i].up;
  return i;
}

static int64_t tree_next(const gattn_graph *graph, int64_t i, int64_t j) {
  const tree *self = (const tree *)graph;
  if (j > i) return graph->n_kv;
  return gattn_max(j, self->at[highest_from(self, i, j)].top);
}

static int64_t tree_stretch(const gattn_graph *graph, int64_t i, int64_t j) {
  return highest_from((const tree *)graph, i, j) + 1;
}

static int64_t tree_degree(const gattn_graph *graph, int64_t i) {
  return ((const tree *)graph)->at[i].depth + 1;
}

static bool tree_count(const gattn_graph *graph, int64_t begin, int64_t end,
                       gattn_counts *counts) {
  *counts = gattn_counts_none();
  for (int64_t i = begin; i < end; i++)
    gattn_counts_add(counts, 1, tree_degree(graph, i));
  return true;
}

/* The `capacity` highest segments from lo on: climbs to the lowest of them,
 * then collects on the way up. */
static int64_t tree_runs(const gattn_graph *graph, int64_t i, int64_t stride,
                         int64_t lo, int64_t hi, gattn_run *runs,
                         int64_t capacity, int64_t *upto) {
  const tree *self = (const tree *)graph;
  const segment *at = self->at;
  if (stride > 1)
    return gattn_runs_walk(graph, i, stride, lo, hi, runs, capacity, upto);
  *upto = hi;
  if (lo > i) return 0;
  int64_t highest = at[highest_from(self, i, lo)].level;
  int64_t n = gattn_min(capacity, at[i].level - highest + 1);
  int64_t v = on_level(self, i, highest + n - 1);
  if (v < i) *upto = gattn_min(hi, v + 1);
  for (int64_t r = n; r-- > 0; v = at[v].up)
    runs[r] = (gattn_run){gattn_max(at[v].top, lo), gattn_min(v + 1, hi)};
  while (n > 0 && runs[n - 1].begin >= hi) n--;
  return n;
}

static void tree_shape(const gattn_graph *graph, gattn_shape *shape) {
  (void)graph;
  shape->form = GATTN_FORM_LIST;
}

static void tree_describe(const gattn_graph *graph, gattn_text *text) {
  (void)graph;
  gattn_text_append(text, "tree(…)");
}

static void tree_release(gattn_graph *graph) {
  tree *self = (tree *)graph;
  gattn_free(graph->context, self->at, graph->n_q, sizeof *self->at);
}

static const gattn_graph_class tree_class = {
    .name = "tree",
    .next = tree_next,
    .stretch = tree_stretch,
    .degree = tree_degree,
    .count = tree_count,
    .runs = tree_runs,
    .shape = tree_shape,
    .describe = tree_describe,
    .release = tree_release,
};

/* Parents stand before their children, so their segments are known. */
static segment segment_of(const segment *at, int64_t v, int64_t parent) {
  segment made = {.top = v, .up = parent, .jump = v};
  if (parent >= 0) made.depth = at[parent].depth + 1;
  if (parent >= 0 && parent == v - 1) {
    made.top = at[parent].top;
    made.up = at[parent].up;
  }
  if (made.up < 0) return made;
  const segment *up = &at[made.up], *over = &at[up->jump];
  made.level = up->level + 1;
  made.jump = up->level - over->level == over->level - at[over->jump].level
                  ? over->jump
                  : made.up;
  return made;
}

static gattn_status check_parents(gattn_context *context,
                                  const int64_t *parents, int64_t n) {
  for (int64_t v = 0; v < n; v++)
    if (parents[v] < -1 || parents[v] >= v)
      return gattn_fail(context, GATTN_ERROR_CYCLE,
                        "parents: %lld of vertex %lld is neither -1 nor "
                        "below it",
                        (long long)parents[v], (long long)v);
  return GATTN_SUCCESS;
}

gattn_status gattn_mask_tree(gattn_context *context, int64_t n_q, int64_t n_kv,
                             const int64_t *parents, int64_t n,
                             gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_array(context, "parents", parents, n);
  if (!status) status = gattn_check_length(context, "parents", n, "n_q", n_q);
  if (!status) status = gattn_check_length(context, "parents", n, "n_kv", n_kv);
  if (!status) status = check_parents(context, parents, n);
  if (status) return status;
  void *memory;
  status = gattn_allocate(context, "tree", n, sizeof(segment), &memory);
  if (status) return status;
  tree *self;
  status =
      gattn_graph_new(context, &tree_class, sizeof *self, n_q, n_kv, &self);
  if (status) goto free_segments;
  self->at = memory;
  for (int64_t v = 0; v < n; v++)
    self->at[v] = segment_of(self->at, v, parents[v]);
  *graph = &self->graph;
  return GATTN_SUCCESS;
free_segments:
  gattn_free(context, memory, n, sizeof(segment));
  return status;
}
