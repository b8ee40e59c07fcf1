/* Masks as dense matrices: the naive truth that graphs are held against.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_DENSE_H
#define GATTN_TESTS_DENSE_H

#include <gattn/graph.h>
#include <stdbool.h>

/* edge[i·n_kv + j] says whether i -> j. */
typedef struct dense {
  int64_t n_q, n_kv;
  bool *edge; /* [n_q, n_kv] */
} dense;

/* No edges. Fails the test when there is no memory. */
dense dense_new(int64_t n_q, int64_t n_kv);
void dense_free(dense *matrix);

static inline bool *dense_at(const dense *matrix, int64_t i, int64_t j) {
  return &matrix->edge[i * matrix->n_kv + j];
}

/* A small generator of numbers for tests; *state is any seed. */
uint64_t dense_random(uint64_t *state);
/* One in [0, n), n >= 1. */
int64_t dense_below(uint64_t *state, int64_t n);

/* Edges at random: runs and gaps of about `length`. */
dense dense_scattered(uint64_t *state, int64_t n_q, int64_t n_kv,
                      int64_t length);

/* Asks a graph everything that the contract lets one ask, publicly and from
 * inside, of every row, for strides 1 … 5 and small capacities, and fails the
 * test where an answer is not that of the matrix. `what` names the graph. */
void dense_check(gattn_context *context, gattn_graph *graph,
                 const dense *truth, const char *what);

/* The graph's transpose against the matrix's, and the transpose of that;
 * the graph materialised. */
void dense_check_derived(gattn_context *context, gattn_graph *graph,
                         const dense *truth, const char *what);

/* The call returned the status and left a message that holds `part`. */
void expect_failure(gattn_context *context, gattn_status got,
                    gattn_status wanted, const char *part);

#endif
