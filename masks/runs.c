/* The runs of a row, in keys or in class space.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/graph.h"

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

int64_t gattn_runs_interval(int64_t i, int64_t stride, int64_t begin,
                            int64_t end, int64_t lo, int64_t hi,
                            gattn_run *run) {
  if (stride > 1) {
    int64_t residue = i % stride;
    begin = gattn_class_keys(begin, residue, stride);
    end = gattn_class_keys(end, residue, stride);
  }
  run->begin = max64(begin, lo);
  run->end = min64(end, hi);
  return run->begin < run->end;
}

static int64_t walk_keys(const gattn_graph *graph, int64_t i, int64_t lo,
                         int64_t hi, gattn_run *runs, int64_t capacity,
                         int64_t *upto) {
  int64_t n = 0;
  int64_t j = gattn_next(graph, i, lo);
  while (j < hi && n < capacity) {
    int64_t end = min64(gattn_stretch(graph, i, j), hi);
    runs[n++] = (gattn_run){j, end};
    j = end < hi ? gattn_next(graph, i, end) : hi;
  }
  *upto = min64(j, hi);
  return n;
}

/* A graph may have neighbours without end outside the class of i: the walk
 * then returns early, so that whoever asks keeps control. */
static int64_t walk_class(const gattn_graph *graph, int64_t i, int64_t stride,
                          int64_t lo, int64_t hi, gattn_run *runs,
                          int64_t capacity, int64_t *upto) {
  int64_t residue = i % stride;
  int64_t steps = 64 + 2 * min64(capacity, 1024);
  int64_t n = 0, t = lo;
  while (t < hi && n < capacity && steps-- > 0) {
    int64_t j = gattn_next(graph, i, residue + stride * t);
    if (j == graph->n_kv) {
      t = hi;
      break;
    }
    int64_t begin = gattn_class_keys(j, residue, stride);
    int64_t end = gattn_class_keys(gattn_stretch(graph, i, j), residue, stride);
    end = min64(end, hi);
    if (begin < end) runs[n++] = (gattn_run){begin, end};
    t = max64(begin, end);
  }
  *upto = min64(t, hi);
  return n;
}

int64_t gattn_runs_walk(const gattn_graph *graph, int64_t i, int64_t stride,
                        int64_t lo, int64_t hi, gattn_run *runs,
                        int64_t capacity, int64_t *upto) {
  return stride > 1
             ? walk_class(graph, i, stride, lo, hi, runs, capacity, upto)
             : walk_keys(graph, i, lo, hi, runs, capacity, upto);
}

int64_t gattn_runs(const gattn_graph *graph, int64_t i, int64_t stride,
                   int64_t lo, int64_t hi, gattn_run *runs, int64_t capacity,
                   int64_t *upto) {
  if (lo >= hi) {
    *upto = hi;
    return 0;
  }
  if (graph->class_->runs)
    return graph->class_->runs(graph, i, stride, lo, hi, runs, capacity, upto);
  return gattn_runs_walk(graph, i, stride, lo, hi, runs, capacity, upto);
}

int64_t gattn_degree(const gattn_graph *graph, int64_t i) {
  if (graph->class_->degree) return graph->class_->degree(graph, i);
  enum { CHUNK = 64 };
  gattn_run runs[CHUNK];
  int64_t degree = 0;
  for (int64_t lo = 0; lo < graph->n_kv;) {
    int64_t n = gattn_runs(graph, i, 1, lo, graph->n_kv, runs, CHUNK, &lo);
    for (int64_t r = 0; r < n; r++) degree += runs[r].end - runs[r].begin;
  }
  return degree;
}
