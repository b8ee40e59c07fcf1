/* The graph contract from inside: what a family of masks implements, and what
 * the planner and the kernels may ask. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_GRAPH_H
#define GATTN_MASKS_GRAPH_H

#include <stdatomic.h>

#include <gattn/graph.h>
#include <gattn/masks.h>

#include "lib/context.h"
#include "lib/text.h"

typedef unsigned __int128 gattn_wide; /* counts of edges */

/* Neighbours begin, begin + 1, …, end - 1 of some row. */
typedef struct gattn_run {
  int64_t begin, end;
} gattn_run;

/* Counts over rows, before they are put into a gattn_graph_stats. */
typedef struct gattn_counts {
  gattn_wide edges;
  int64_t min_degree, max_degree, empty_rows;
} gattn_counts;

/* Which part of the design's table of forms a graph belongs to. */
typedef enum gattn_form {
  GATTN_FORM_GENERAL = 0, /* nothing is known without looking */
  GATTN_FORM_BAND,        /* a few intervals a row, ends in closed form */
  GATTN_FORM_STRIDED,     /* the same after renumbering by residue classes */
  GATTN_FORM_GRID,        /* the same after tiling a grid */
  GATTN_FORM_BUCKETS,     /* the same after a sort by bucket */
  GATTN_FORM_ROWS,        /* hub rows: all keys for a few rows */
  GATTN_FORM_COLUMNS,     /* hub columns: a few keys for all rows */
  GATTN_FORM_BLOCKS,      /* rows of one block share their neighbours */
  GATTN_FORM_LIST         /* explicit or random edges */
} gattn_form;

/* What the planner may know of a graph without looking at its rows. */
typedef struct gattn_shape {
  gattn_form form;
  int64_t stride;        /* >= 1: every edge has i mod stride = j mod stride */
  int64_t grid_h, grid_w; /* GRID: the extent of the grid, in vertices */
  const gattn_range *rows; /* ROWS: the rows, sorted and disjoint */
  int64_t n_rows;          /* ranges in rows */
  const int64_t *order;    /* BUCKETS: the n_q vertices, bucket by bucket,
                            * ascending within each */
  /* BUCKETS, when edges join all of each bucket and nothing else: where in the
   * order buckets begin, ascending, the first 0. Else null. */
  const int64_t *starts;
  int64_t n_starts;
} gattn_shape;

typedef struct gattn_atoms gattn_atoms; /* see masks/atoms.h */

/* A family of masks. Functions are pure, may be called from many threads at
 * once, and are called only with arguments in range. Pointers may be null
 * where it says optional. */
typedef struct gattn_graph_class {
  const char *name;
  int64_t (*next)(const gattn_graph *graph, int64_t i, int64_t j);
  int64_t (*stretch)(const gattn_graph *graph, int64_t i, int64_t j);
  /* Optional: the degree in closed form. Null: the runs are walked. */
  int64_t (*degree)(const gattn_graph *graph, int64_t i);
  /* Optional: counts of rows [begin, end), begin < end, in closed form or in
   * time linear in what the graph stores; false when there is none. */
  bool (*count)(const gattn_graph *graph, int64_t begin, int64_t end,
                gattn_counts *counts);
  /* Optional: the edges as a formula of closed-form atoms, so that whole
   * expressions can be counted; see masks/atoms.h. */
  bool (*atoms)(const gattn_graph *graph, gattn_atoms *atoms);
  /* Optional: the runs of row i in class space; see gattn_runs. */
  int64_t (*runs)(const gattn_graph *graph, int64_t i, int64_t stride,
                  int64_t lo, int64_t hi, gattn_run *runs, int64_t capacity,
                  int64_t *upto);
  /* Optional: true only if rows a and b have the same neighbours. */
  bool (*same_row)(const gattn_graph *graph, int64_t a, int64_t b);
  /* Optional: what the planner may know; null: GENERAL, stride 1. */
  void (*shape)(const gattn_graph *graph, gattn_shape *shape);
  /* Optional: the transpose in closed form; null: materialised. */
  gattn_status (*transpose)(gattn_context *context, gattn_graph *graph,
                            gattn_graph **transpose);
  /* The graph as an expression. */
  void (*describe)(const gattn_graph *graph, gattn_text *text);
  /* Optional: frees what the graph owns, before the graph itself. */
  void (*release)(gattn_graph *graph);
  /* Optional: whether a generator somewhere below broke its contract; only for
   * classes that ask other graphs or a user. */
  bool (*broken)(const gattn_graph *graph);
} gattn_graph_class;

/* The head that every graph's structure begins with. */
struct gattn_graph {
  const gattn_graph_class *class_;
  gattn_context *context; /* whose allocator it came from; retained */
  atomic_llong references;
  int64_t n_q, n_kv;
  size_t size; /* of the whole structure */
};

/* A graph structure of `size` bytes, zeroed but for its head; one reference.
 * Checks 0 <= n_q, n_kv <= GATTN_MAX_VERTICES. */
gattn_status gattn_graph_new(gattn_context *context,
                             const gattn_graph_class *class_, size_t size,
                             int64_t n_q, int64_t n_kv, void *graph);

/* The sizes alone, for who must know before it allocates. GATTN_ERROR_SIZE. */
gattn_status gattn_graph_check_size(gattn_context *context, int64_t n_q,
                                    int64_t n_kv);

/* First lines of public functions: null or a stack; a row out of range; a
 * generator that broke its contract (asked after the answers were used; fail
 * where it is known without asking). */
gattn_status gattn_graph_check(gattn_context *context, const char *argument,
                               const gattn_graph *graph);
gattn_status gattn_graph_check_row(gattn_context *context,
                                   const gattn_graph *graph, int64_t i);
gattn_status gattn_graph_check_broken(gattn_context *context,
                                      const gattn_graph *graph);
gattn_status gattn_graph_fail_broken(gattn_context *context,
                                     const gattn_graph *graph);

/* ------------------------------------------------- what everybody may ask */

/* The runs of row i within [lo, hi), ascending, disjoint, at most `capacity`
 * (>= 1) of them; runs that touch may or may not be joined. *upto is the key
 * below which the answer is complete, above lo: hi when nothing is left, else
 * at or past the end of the last run written. Call again with lo = *upto until
 * *upto = hi: no runs with *upto < hi says only that none was found so far.
 *
 * CLASS SPACE. For stride r > 1 keys are counted within the residue class of
 * i: position t stands for the key (i mod r) + r·t, lo, hi, runs and *upto
 * count t, and neighbours of other classes are passed over. r = 1 is the keys
 * themselves. Positions run to gattn_class_keys(n_kv, i mod r, r). */
int64_t gattn_runs(const gattn_graph *graph, int64_t i, int64_t stride,
                   int64_t lo, int64_t hi, gattn_run *runs, int64_t capacity,
                   int64_t *upto);

/* The number of positions of class `residue`: how many t >= 0 have
 * residue + stride·t < n. */
static inline int64_t gattn_class_keys(int64_t n, int64_t residue,
                                       int64_t stride) {
  return n > residue ? (n - residue - 1) / stride + 1 : 0;
}

/* gattn_runs for a class that knows one interval [begin, end) of a row: clips
 * it to the class and to [lo, hi). Returns 0 or 1 runs. */
int64_t gattn_runs_interval(int64_t i, int64_t stride, int64_t begin,
                            int64_t end, int64_t lo, int64_t hi,
                            gattn_run *run);

/* gattn_runs by next and stretch: what a class without `runs` gets. */
int64_t gattn_runs_walk(const gattn_graph *graph, int64_t i, int64_t stride,
                        int64_t lo, int64_t hi, gattn_run *runs,
                        int64_t capacity, int64_t *upto);

/* next and stretch without checks; j == n_kv gives n_kv. */
static inline int64_t gattn_next(const gattn_graph *graph, int64_t i,
                                 int64_t j) {
  return graph->class_->next(graph, i, j);
}
static inline int64_t gattn_stretch(const gattn_graph *graph, int64_t i,
                                    int64_t j) {
  return graph->class_->stretch(graph, i, j);
}

/* The degree, in closed form or by walking. */
int64_t gattn_degree(const gattn_graph *graph, int64_t i);

bool gattn_same_row(const gattn_graph *graph, int64_t a, int64_t b);
gattn_shape gattn_shape_of(const gattn_graph *graph);

/* Answers of a user's generator outside its contract are clamped so that
 * nothing is accessed out of range, and noted here; readable at any time, from
 * any thread. True for every graph made of a broken one. */
bool gattn_graph_broken(const gattn_graph *graph);

#endif
