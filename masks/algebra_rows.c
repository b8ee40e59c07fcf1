/* The rows of unions, intersections and differences: a sweep over the runs of
 * both operands. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/algebra.h"

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

/* ------------------------------------------------------------ next, stretch */

int64_t gattn_union_next(const gattn_graph *graph, int64_t i, int64_t j) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  int64_t first =
      gattn_next(node->right_first ? node->right : node->left, i, j);
  if (first == j) return j;
  return min64(first,
               gattn_next(node->right_first ? node->left : node->right, i, j));
}

int64_t gattn_union_stretch(const gattn_graph *graph, int64_t i, int64_t j) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  const gattn_graph *first = node->right_first ? node->right : node->left;
  if (gattn_next(first, i, j) == j) return gattn_stretch(first, i, j);
  return gattn_stretch(node->right_first ? node->left : node->right, i, j);
}

int64_t gattn_intersection_next(const gattn_graph *graph, int64_t i,
                                int64_t j) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  for (;;) {
    int64_t left = gattn_next(node->left, i, j);
    if (left == graph->n_kv) return left;
    j = gattn_next(node->right, i, left);
    if (j == left || j == graph->n_kv) return j;
  }
}

int64_t gattn_intersection_stretch(const gattn_graph *graph, int64_t i,
                                   int64_t j) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  return min64(gattn_stretch(node->left, i, j),
               gattn_stretch(node->right, i, j));
}

int64_t gattn_difference_next(const gattn_graph *graph, int64_t i, int64_t j) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  for (;;) {
    j = gattn_next(node->left, i, j);
    if (j == graph->n_kv || gattn_next(node->right, i, j) != j) return j;
    j = gattn_stretch(node->right, i, j);
  }
}

int64_t gattn_difference_stretch(const gattn_graph *graph, int64_t i,
                                 int64_t j) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  int64_t end = gattn_stretch(node->left, i, j);
  return end == j + 1 ? end : min64(end, gattn_next(node->right, i, j));
}

/* ------------------------------------------------------------ runs */

enum {
  CHUNK = 64,   /* runs fetched from an operand at a time */
  REFILLS = 16, /* fetches before a sweep gives the control back */
  /* Above this depth chunks would fill the stacks of threads: next and stretch
   * are walked there. 64 nodes of 2 KiB are 128 KiB. */
  CHUNK_DEPTH = 64
};

/* One operand's runs from some position on. */
typedef struct cursor {
  const gattn_graph *graph;
  int64_t n, at; /* runs fetched; the first that is not wholly passed */
  int64_t upto;  /* past the runs nothing is left below this position */
  gattn_run runs[CHUNK];
} cursor;

typedef struct output {
  gattn_run *runs;
  int64_t n, capacity;
} output;

/* Adds [begin, end), not empty, at or past what is there; false when full. */
static inline bool emit(output *out, int64_t begin, int64_t end) {
  if (out->n && out->runs[out->n - 1].end >= begin) {
    if (end > out->runs[out->n - 1].end) out->runs[out->n - 1].end = end;
    return true;
  }
  if (out->n == out->capacity) return false;
  out->runs[out->n++] = (gattn_run){begin, end};
  return true;
}

/* The merges below decide positions [p, limit), where both operands are known,
 * and return up to where they came: limit, or the run for which there was no
 * place. No run of either operand ends at or before p; what a run has before p
 * has been decided, and where it was taken, emit joins the rest to it. */

static inline int64_t merge_union(const cursor *left, const cursor *right,
                                  int64_t limit, output *out) {
  for (int64_t l = left->at, r = right->at;;) {
    int64_t at_left = l < left->n ? left->runs[l].begin : limit;
    int64_t at_right = r < right->n ? right->runs[r].begin : limit;
    if (at_left >= limit && at_right >= limit) return limit;
    const gattn_run *run =
        at_left <= at_right ? &left->runs[l++] : &right->runs[r++];
    if (!emit(out, run->begin, min64(run->end, limit))) return run->begin;
  }
}

/* Of two runs, the one that ends first ends by limit: cursors are known as far
 * as their runs go. */
static inline int64_t merge_intersection(const cursor *left,
                                         const cursor *right, int64_t limit,
                                         output *out) {
  int64_t l = left->at, r = right->at;
  while (l < left->n && r < right->n) {
    const gattn_run *a = &left->runs[l], *b = &right->runs[r];
    int64_t begin = max64(a->begin, b->begin), end = min64(a->end, b->end);
    if (begin < end && !emit(out, begin, end)) return begin;
    l += a->end == end;
    r += b->end == end;
  }
  return limit;
}

static inline int64_t merge_difference(const cursor *left,
                                       const cursor *right, int64_t p,
                                       int64_t limit, output *out) {
  int64_t r = right->at;
  for (int64_t l = left->at; l < left->n; l++) {
    int64_t begin = max64(left->runs[l].begin, p);
    int64_t end = min64(left->runs[l].end, limit);
    while (begin < end) {
      while (r < right->n && right->runs[r].end <= begin) r++;
      int64_t cut = r < right->n ? right->runs[r].begin : end;
      if (begin < cut && !emit(out, begin, min64(cut, end))) return begin;
      begin = cut < end ? right->runs[r].end : end;
    }
  }
  return limit;
}

typedef struct sweep {
  int64_t i, stride, hi;
  int64_t fetch;   /* runs to ask for */
  int64_t refills; /* fetches left */
  cursor left, right;
} sweep;

/* Brings a cursor to p < hi; between p and *first, if that is beyond, it has
 * nothing. False when there have been fetches enough. */
static inline bool bring(sweep *s, cursor *c, int64_t p, int64_t *first) {
  while (c->at < c->n && c->runs[c->at].end <= p) c->at++;
  if (c->at == c->n && p >= c->upto) {
    if (!s->refills--) return false;
    c->at = 0;
    c->n = gattn_runs(c->graph, s->i, s->stride, p, s->hi, c->runs, s->fetch,
                      &c->upto);
  }
  *first = c->at == c->n ? c->upto : c->runs[c->at].begin;
  return true;
}

/* Runs on until `capacity` runs are complete, hi is reached, or the operands
 * have been asked often: rows may have runs without end of which nothing, or
 * a single run, remains. Returns *upto. */
static inline __attribute__((always_inline)) int64_t sweep_rows(
    sweep *s, const gattn_graph_class *class_, int64_t p, output *out) {
  while (p < s->hi) {
    int64_t left, right;
    if (!bring(s, &s->left, p, &left)) break;
    if (class_ != &gattn_union_class && left > p) {
      p = left;
      continue;
    }
    if (!bring(s, &s->right, p, &right)) break;
    if (class_ == &gattn_intersection_class && right > p) {
      p = right;
      continue;
    }
    int64_t limit = min64(s->left.upto, s->right.upto);
    int64_t reached =
        class_ == &gattn_union_class
            ? merge_union(&s->left, &s->right, limit, out)
        : class_ == &gattn_intersection_class
            ? merge_intersection(&s->left, &s->right, limit, out)
            : merge_difference(&s->left, &s->right, p, limit, out);
    p = reached;
    if (reached < limit) break;
  }
  return p;
}

static inline __attribute__((always_inline)) int64_t sweep_runs(
    const gattn_graph *graph, const gattn_graph_class *class_, int64_t i,
    int64_t stride, int64_t lo, int64_t hi, gattn_run *runs, int64_t capacity,
    int64_t *upto) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  if (node->depth > CHUNK_DEPTH)
    return gattn_runs_walk(graph, i, stride, lo, hi, runs, capacity, upto);
  sweep s;
  s.i = i, s.stride = stride, s.hi = hi;
  s.fetch = min64(max64(capacity, 4), CHUNK);
  s.refills = REFILLS;
  s.left.graph = node->left, s.right.graph = node->right;
  s.left.n = s.left.at = s.right.n = s.right.at = 0;
  s.left.upto = s.right.upto = lo;
  output out = {runs, 0, capacity};
  *upto = sweep_rows(&s, class_, lo, &out);
  return out.n;
}

int64_t gattn_union_runs(const gattn_graph *graph, int64_t i, int64_t stride,
                         int64_t lo, int64_t hi, gattn_run *runs,
                         int64_t capacity, int64_t *upto) {
  return sweep_runs(graph, &gattn_union_class, i, stride, lo, hi, runs,
                    capacity, upto);
}

int64_t gattn_intersection_runs(const gattn_graph *graph, int64_t i,
                                int64_t stride, int64_t lo, int64_t hi,
                                gattn_run *runs, int64_t capacity,
                                int64_t *upto) {
  return sweep_runs(graph, &gattn_intersection_class, i, stride, lo, hi, runs,
                    capacity, upto);
}

int64_t gattn_difference_runs(const gattn_graph *graph, int64_t i,
                              int64_t stride, int64_t lo, int64_t hi,
                              gattn_run *runs, int64_t capacity,
                              int64_t *upto) {
  return sweep_runs(graph, &gattn_difference_class, i, stride, lo, hi, runs,
                    capacity, upto);
}
