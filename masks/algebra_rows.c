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
  int64_t upto;  /* nothing else is left below this position */
  gattn_run runs[CHUNK];
} cursor;

typedef struct sweep {
  int64_t i, stride, hi;
  int64_t fetch;   /* runs to ask for */
  int64_t refills; /* fetches left */
  cursor left, right;
} sweep;

/* Whether position p < hi is in the operand, which then or else holds for all
 * of [p, *end). */
static inline bool segment(sweep *s, cursor *c, int64_t p, int64_t *end) {
  while (c->at < c->n && c->runs[c->at].end <= p) c->at++;
  if (c->at == c->n) {
    if (p >= c->upto) {
      s->refills--;
      c->at = 0;
      c->n = gattn_runs(c->graph, s->i, s->stride, p, s->hi, c->runs, s->fetch,
                        &c->upto);
    }
    if (c->at == c->n) {
      *end = c->upto;
      return false;
    }
  }
  const gattn_run *run = &c->runs[c->at];
  bool in = run->begin <= p;
  *end = in ? run->end : run->begin;
  return in;
}

/* Each says whether all or nothing of [p, *end) is in the result. */
static inline bool union_segment(sweep *s, int64_t p, int64_t *end) {
  int64_t left, right;
  if (segment(s, &s->left, p, &left)) {
    *end = left;
    return true;
  }
  bool in = segment(s, &s->right, p, &right);
  *end = in ? right : min64(left, right);
  return in;
}

static inline bool intersection_segment(sweep *s, int64_t p, int64_t *end) {
  int64_t left, right;
  if (!segment(s, &s->left, p, &left)) {
    *end = left;
    return false;
  }
  bool in = segment(s, &s->right, p, &right);
  *end = in ? min64(left, right) : right;
  return in;
}

static inline bool difference_segment(sweep *s, int64_t p, int64_t *end) {
  int64_t left, right;
  if (!segment(s, &s->left, p, &left)) {
    *end = left;
    return false;
  }
  bool out = segment(s, &s->right, p, &right);
  *end = out ? right : min64(left, right);
  return !out;
}

/* Runs on until `capacity` runs are complete (each but the first follows a gap,
 * and the first gap after the last ends the sweep), hi is reached, or the operands
 * have been asked often: rows may have runs without end of which nothing, or
 * a single run, remains. */
static inline __attribute__((always_inline)) int64_t sweep_runs(
    const gattn_graph *graph, int64_t i, int64_t stride, int64_t lo,
    int64_t hi, gattn_run *runs, int64_t capacity, int64_t *upto,
    bool (*result)(sweep *, int64_t, int64_t *)) {
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
  int64_t n = 0, p = lo;
  while (p < hi && s.refills > 0) {
    int64_t end;
    bool in = result(&s, p, &end);
    if (in && n && runs[n - 1].end == p) {
      runs[n - 1].end = end;
    } else if (in) {
      runs[n++] = (gattn_run){p, end};
    } else if (n == capacity) {
      p = end;
      break;
    }
    p = end;
  }
  *upto = p;
  return n;
}

int64_t gattn_union_runs(const gattn_graph *graph, int64_t i, int64_t stride,
                         int64_t lo, int64_t hi, gattn_run *runs,
                         int64_t capacity, int64_t *upto) {
  return sweep_runs(graph, i, stride, lo, hi, runs, capacity, upto,
                    union_segment);
}

int64_t gattn_intersection_runs(const gattn_graph *graph, int64_t i,
                                int64_t stride, int64_t lo, int64_t hi,
                                gattn_run *runs, int64_t capacity,
                                int64_t *upto) {
  return sweep_runs(graph, i, stride, lo, hi, runs, capacity, upto,
                    intersection_segment);
}

int64_t gattn_difference_runs(const gattn_graph *graph, int64_t i,
                              int64_t stride, int64_t lo, int64_t hi,
                              gattn_run *runs, int64_t capacity,
                              int64_t *upto) {
  return sweep_runs(graph, i, stride, lo, hi, runs, capacity, upto,
                    difference_segment);
}
