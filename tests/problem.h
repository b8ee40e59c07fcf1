/* Problems of attention for tests: a graph and, made from a definition of the
 * test's own, the dense mask that it must equal.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_PROBLEM_H
#define GATTN_TESTS_PROBLEM_H

#include <gattn.h>

#include "tests/oracle.h"

/* How a test's mask is given to the library and to the oracle. */
typedef enum test_mask {
  MASK_FULL,
  MASK_CAUSAL,
  MASK_BAND,    /* local(3, 2) */
  MASK_STRIDED, /* strided(3) */
  MASK_HOLES,   /* coordinates from a hash; every third row is empty */
  MASK_NOTHING, /* no edge at all */
  MASKS
} test_mask;

typedef enum test_frontier {
  FRONTIER_ALL,   /* null */
  FRONTIER_RANGE, /* the middle */
  FRONTIER_LIST,  /* every other vertex, last to first */
  FRONTIERS
} test_frontier;

typedef struct test_problem_options {
  test_mask mask;
  test_frontier frontier;
  bool stack; /* head h uses the mask (mask + h) mod MASKS */
  gattn_type type;
  oracle_layout layout;
  int rank;                       /* of q, k, v: 2 … 4; 0: 4 */
  int64_t batch, heads, kv_heads; /* 0: 1 */
  int64_t n_q, n_kv, dim, dim_v;
  uint64_t seed;
} test_problem_options;

typedef struct test_problem {
  gattn_context *context; /* borrowed */
  gattn_graph *graph;
  gattn_frontier *frontier;
  oracle_problem oracle;
  oracle_array q, k, v;
  bool *edge;
  int64_t *vertices;
  double *o, *lse, *scores, *weights; /* the oracle's answers, dense */
} test_problem;

/* Builds graph, frontier and arrays, and lets the oracle answer. Arrays lie
 * where the context computes, here and below. */
test_problem test_problem_make(gattn_context *context,
                               const test_problem_options *options);
/* The oracle's answers again, after the problem was changed. */
void test_problem_solve(test_problem *problem);
void test_problem_free(test_problem *problem);

/* Arrays of the problem's batch, heads and rank: [.., edges], [.., n_f] and
 * [.., n_f, dim_v]. */
oracle_array test_problem_edges(const test_problem *problem,
                                oracle_layout layout, uint64_t seed);
oracle_array test_problem_rows(const test_problem *problem, gattn_type type,
                               oracle_layout layout);
oracle_array test_problem_output(const test_problem *problem,
                                 oracle_layout layout);

/* Families of problems, each given to a check: every frontier, every layout, a
 * graph per head, and sizes that hurt with every mask. */
typedef void (*test_problem_check)(const test_problem_options *options);
void test_problems_of_mask(test_mask mask, test_problem_check check);
void test_problems_of_type(gattn_type type, test_problem_check check);
void test_problems_of_stacks(test_problem_check check);
enum { TEST_SHAPES = 8 };
void test_problems_of_shape(int shape, test_problem_check check);

/* Fails the test unless the edge array holds the edges of a dense matrix; the
 * tails of shorter heads must still hold what they held before. */
void test_problem_assert_edges(const char *what, const test_problem *problem,
                               oracle_array *got, const double *dense);

#endif
