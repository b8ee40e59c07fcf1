/* Rows that are one interval of keys. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_INTERVAL_H
#define GATTN_MASKS_INTERVAL_H

#include "masks/parameters.h"

/* A row of an interval family is a gattn_run whose end may lie at or before
 * its begin (an empty row) but never past n_kv. */

static inline int64_t gattn_interval_next(gattn_run row, int64_t j,
                                          int64_t n_kv) {
  j = gattn_max(j, row.begin);
  return j < row.end ? j : n_kv;
}

static inline int64_t gattn_interval_degree(gattn_run row) {
  return gattn_max(row.end - row.begin, 0);
}

/* gattn_runs for a row. */
static inline int64_t gattn_interval_runs(gattn_run row, int64_t i,
                                          int64_t stride, int64_t lo,
                                          int64_t hi, gattn_run *runs,
                                          int64_t *upto) {
  *upto = hi;
  return row.begin < row.end
             ? gattn_runs_interval(i, stride, row.begin, row.end, lo, hi, runs)
             : 0;
}

/* The functions next, stretch, degree and runs of a class whose row i is the
 * interval ROW(graph, i). */
#define GATTN_INTERVAL_CLASS(FAMILY, ROW)                                     \
  static int64_t FAMILY##_next(const gattn_graph *graph, int64_t i,           \
                               int64_t j) {                                   \
    return gattn_interval_next(ROW(graph, i), j, graph->n_kv);                \
  }                                                                           \
  static int64_t FAMILY##_stretch(const gattn_graph *graph, int64_t i,        \
                                  int64_t j) {                                \
    (void)j;                                                                  \
    return ROW(graph, i).end;                                                 \
  }                                                                           \
  static int64_t FAMILY##_degree(const gattn_graph *graph, int64_t i) {       \
    return gattn_interval_degree(ROW(graph, i));                              \
  }                                                                           \
  static int64_t FAMILY##_runs(                                               \
      const gattn_graph *graph, int64_t i, int64_t stride, int64_t lo,        \
      int64_t hi, gattn_run *runs, int64_t capacity, int64_t *upto) {         \
    (void)capacity;                                                           \
    return gattn_interval_runs(ROW(graph, i), i, stride, lo, hi, runs, upto); \
  }

#endif
