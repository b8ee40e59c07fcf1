/* Edges at random for tests, and the dense mask that they are.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_EDGE_LIST_H
#define GATTN_TESTS_EDGE_LIST_H

#include "tests/dense.h"

typedef struct edge_list {
  int64_t n;
  int64_t *rows, *columns; /* [n] */
  int64_t *offsets;        /* [n_q + 1] */
  dense truth;
} edge_list;

/* Row by row, up to `per_row` in each, in random order and some named more than
 * once; every fifth row has none. */
edge_list edge_list_random(uint64_t *state, int64_t n_q, int64_t n_kv,
                           int64_t per_row);
void edge_list_free(edge_list *list);

/* rows and columns alone: offsets are those of the order before. */
void edge_list_shuffle(uint64_t *state, edge_list *list);

#endif
