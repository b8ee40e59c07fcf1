/* Attention over operands too large for the host: they repeat with a period, so
 * that a row of any length can be held against float64.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_LARGE_CASE_H
#define GATTN_TESTS_LARGE_CASE_H

#include "tests/attend_case.h"

/* A prime: no two elements 2^k apart are alike, and of any dimension rows this
 * far apart are. */
enum { LARGE_PERIOD = 1048573 };

/* One head of float16. Element e of operand a is a number of its own for each
 * (e + shift of a) mod LARGE_PERIOD. */
typedef struct large_case {
  gattn_context *context;
  int64_t n, dim;
  bool over_q;
  double *pattern;   /* [LARGE_PERIOD] */
  void *operands[4]; /* q, k, v, o: [n, dim]; o is q where over_q */
  float *lse;        /* [n], on the device */
} large_case;

enum { LARGE_Q, LARGE_K, LARGE_V, LARGE_O };

/* Device memory of its operands. */
int64_t large_case_bytes(int64_t n, int64_t dim, bool over_q);

/* The context is borrowed. Failures end the running test. */
void large_case_create(gattn_context *context, int64_t n, int64_t dim,
                       bool over_q, large_case *x);
void large_case_release(large_case *x);

/* One gattn_attention, done when it returns. */
void large_case_attend(large_case *x, gattn_graph *graph);

/* Row i against float64, its neighbours those of the graph or neighbours[n]. */
void large_case_check_row(const large_case *x, const char *what,
                          const gattn_graph *graph, int64_t i);
void large_case_check_listed(const large_case *x, const char *what, int64_t i,
                             const int64_t *neighbours, int64_t n);

/* The main of a program that needs so much device memory: SKIP with less. */
int large_main(Suite *(*maker)(void), int64_t gib);

#endif
