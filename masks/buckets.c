/* Buckets: vertices with equal ids. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/degrees.h"

/* ids[i] = ids[j]. The vertices sorted by bucket, ascending within each; for
 * every vertex, where its bucket stands in that order. */
typedef struct buckets {
  gattn_graph graph;
  int64_t *order;   /* [n] */
  gattn_run *spans; /* [n] */
  int64_t *starts;  /* [n_starts]: where buckets begin in the order */
  int64_t n_starts;
} buckets;

/* Where in the order the first member >= j of a bucket stands. */
static int64_t member_from(const buckets *self, gattn_run span, int64_t j) {
  while (span.begin < span.end) {
    int64_t middle = span.begin + (span.end - span.begin) / 2;
    if (self->order[middle] >= j)
      span.end = middle;
    else
      span.begin = middle + 1;
  }
  return span.begin;
}

static int64_t buckets_next(const gattn_graph *graph, int64_t i, int64_t j) {
  const buckets *self = (const buckets *)graph;
  int64_t at = member_from(self, self->spans[i], j);
  return at < self->spans[i].end ? self->order[at] : graph->n_kv;
}

/* Members ascend by at least one, so those of a run are as far apart in the
 * order as they are as keys: a binary search finds the last. */
static int64_t buckets_stretch(const gattn_graph *graph, int64_t i, int64_t j) {
  const buckets *self = (const buckets *)graph;
  int64_t end = self->spans[i].end;
  int64_t at = member_from(self, self->spans[i], j);
  int64_t lo = at, hi = end;
  while (hi - lo > 1) {
    int64_t middle = lo + (hi - lo) / 2;
    if (self->order[middle] - j == middle - at)
      lo = middle;
    else
      hi = middle;
  }
  return self->order[lo] + 1;
}

static int64_t buckets_degree(const gattn_graph *graph, int64_t i) {
  gattn_run span = ((const buckets *)graph)->spans[i];
  return span.end - span.begin;
}

static bool buckets_count(const gattn_graph *graph, int64_t begin, int64_t end,
                          gattn_counts *counts) {
  *counts = gattn_counts_none();
  for (int64_t i = begin; i < end; i++)
    gattn_counts_add(counts, 1, buckets_degree(graph, i));
  return true;
}

static int64_t buckets_runs(const gattn_graph *graph, int64_t i, int64_t stride,
                            int64_t lo, int64_t hi, gattn_run *runs,
                            int64_t capacity, int64_t *upto) {
  const buckets *self = (const buckets *)graph;
  gattn_run span = self->spans[i];
  int64_t residue = stride > 1 ? i % stride : 0;
  int64_t n = 0;
  *upto = hi;
  for (int64_t at = member_from(self, span, residue + stride * lo);
       at < span.end; at++) {
    int64_t t = self->order[at];
    if (stride > 1) {
      if (t % stride != residue) continue;
      t /= stride;
    }
    if (t >= hi) break;
    if (n && runs[n - 1].end == t) {
      runs[n - 1].end++;
    } else if (n < capacity) {
      runs[n++] = (gattn_run){t, t + 1};
    } else {
      *upto = t;
      break;
    }
  }
  return n;
}

static bool buckets_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  const buckets *self = (const buckets *)graph;
  return self->spans[a].begin == self->spans[b].begin;
}

static void buckets_shape(const gattn_graph *graph, gattn_shape *shape) {
  shape->form = GATTN_FORM_BUCKETS;
  shape->order = ((const buckets *)graph)->order;
  shape->starts = ((const buckets *)graph)->starts;
  shape->n_starts = ((const buckets *)graph)->n_starts;
}

static gattn_status buckets_transpose(gattn_context *context,
                                      gattn_graph *graph,
                                      gattn_graph **transpose) {
  (void)context;
  *transpose = gattn_graph_retain(graph);
  return GATTN_SUCCESS;
}

static void buckets_describe(const gattn_graph *graph, gattn_text *text) {
  (void)graph;
  gattn_text_append(text, "buckets(…)");
}

static void buckets_release(gattn_graph *graph) {
  buckets *self = (buckets *)graph;
  gattn_free(graph->context, self->order, graph->n_q, sizeof *self->order);
  gattn_free(graph->context, self->spans, graph->n_q, sizeof *self->spans);
  gattn_free(graph->context, self->starts, self->n_starts,
             sizeof *self->starts);
}

static const gattn_graph_class buckets_class = {
    .name = "buckets",
    .next = buckets_next,
    .stretch = buckets_stretch,
    .degree = buckets_degree,
    .count = buckets_count,
    .runs = buckets_runs,
    .same_row = buckets_same_row,
    .shape = buckets_shape,
    .transpose = buckets_transpose,
    .describe = buckets_describe,
    .release = buckets_release,
};

enum { DIGITS = 256 };

/* One stable pass by the digit of ids at `shift`; false when all digits are
 * equal, and nothing was moved. */
static bool sort_by_digit(const int64_t *ids, int64_t n, int shift,
                          const int64_t *from, int64_t *to) {
  int64_t begin[DIGITS + 1] = {0};
  for (int64_t v = 0; v < n; v++)
    begin[((uint64_t)ids[v] >> shift) % DIGITS + 1]++;
  if (begin[((uint64_t)ids[0] >> shift) % DIGITS + 1] == n) return false;
  for (int d = 0; d < DIGITS; d++) begin[d + 1] += begin[d];
  for (int64_t x = 0; x < n; x++)
    to[begin[((uint64_t)ids[from[x]] >> shift) % DIGITS]++] = from[x];
  return true;
}

/* Sorts the vertices by ids, ascending within equal ones, into order[n];
 * scratch[n]. Which of the two has the result is returned. */
static int64_t *sort_vertices(const int64_t *ids, int64_t n, int64_t *order,
                              int64_t *scratch) {
  for (int64_t v = 0; v < n; v++) order[v] = v;
  for (int shift = 0; shift < 64 && n > 0; shift += 8)
    if (sort_by_digit(ids, n, shift, order, scratch)) {
      int64_t *sorted = scratch;
      scratch = order;
      order = sorted;
    }
  return order;
}

static int64_t count_buckets(const int64_t *ids, int64_t n,
                             const int64_t *order) {
  int64_t count = n > 0;
  for (int64_t x = 1; x < n; x++) count += ids[order[x]] != ids[order[x - 1]];
  return count;
}

static void find_spans(const int64_t *ids, int64_t n, const int64_t *order,
                       gattn_run *spans, int64_t *starts) {
  for (int64_t begin = 0, end; begin < n; begin = end) {
    *starts++ = begin;
    for (end = begin + 1; end < n && ids[order[end]] == ids[order[begin]];)
      end++;
    for (int64_t x = begin; x < end; x++)
      spans[order[x]] = (gattn_run){begin, end};
  }
}

static gattn_status buckets_new(gattn_context *context, const int64_t *ids,
                                int64_t n, gattn_graph **graph) {
  void *order, *scratch, *spans, *starts;
  buckets *self;
  gattn_status status =
      gattn_allocate(context, "order", n, sizeof(int64_t), &order);
  if (status) return status;
  status = gattn_allocate(context, "scratch", n, sizeof(int64_t), &scratch);
  if (status) goto free_order;
  status = gattn_allocate(context, "spans", n, sizeof(gattn_run), &spans);
  if (status) goto free_scratch;
  int64_t *sorted = sort_vertices(ids, n, order, scratch);
  int64_t n_starts = count_buckets(ids, n, sorted);
  status =
      gattn_allocate(context, "starts", n_starts, sizeof(int64_t), &starts);
  if (status) goto free_spans;
  status = gattn_graph_new(context, &buckets_class, sizeof *self, n, n, &self);
  if (status) goto free_starts;
  self->order = sorted;
  self->spans = spans;
  self->starts = starts;
  self->n_starts = n_starts;
  find_spans(ids, n, self->order, self->spans, self->starts);
  gattn_free(context, self->order == order ? scratch : order, n,
             sizeof(int64_t));
  *graph = &self->graph;
  return GATTN_SUCCESS;
free_starts:
  gattn_free(context, starts, n_starts, sizeof(int64_t));
free_spans:
  gattn_free(context, spans, n, sizeof(gattn_run));
free_scratch:
  gattn_free(context, scratch, n, sizeof(int64_t));
free_order:
  gattn_free(context, order, n, sizeof(int64_t));
  return status;
}

gattn_status gattn_mask_buckets(gattn_context *context, int64_t n_q,
                                int64_t n_kv, const int64_t *ids, int64_t n,
                                gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_array(context, "ids", ids, n);
  if (!status) status = gattn_check_length(context, "ids", n, "n_q", n_q);
  if (!status) status = gattn_check_length(context, "ids", n, "n_kv", n_kv);
  if (status) return status;
  return buckets_new(context, ids, n, graph);
}
