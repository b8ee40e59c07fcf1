/* Edges at random for tests. SPDX-License-Identifier: Apache-2.0 */
#include "tests/edge_list.h"

#include <check.h>
#include <stdlib.h>

edge_list edge_list_random(uint64_t *state, int64_t n_q, int64_t n_kv,
                           int64_t per_row) {
  edge_list list = {.truth = dense_new(n_q, n_kv)};
  const size_t most = (size_t)(n_q * per_row) + 1;
  list.rows = calloc(most, sizeof(int64_t));
  list.columns = calloc(most, sizeof(int64_t));
  list.offsets = calloc((size_t)n_q + 1, sizeof(int64_t));
  ck_assert(list.rows && list.columns && list.offsets);
  for (int64_t i = 0; i < n_q; i++) {
    const int64_t degree =
        n_kv && i % 5 != 3 ? dense_below(state, per_row + 1) : 0;
    for (int64_t e = 0; e < degree; e++) {
      const int64_t j = dense_below(state, n_kv);
      *dense_at(&list.truth, i, j) = true;
      list.rows[list.n] = i;
      list.columns[list.n++] = j;
    }
    list.offsets[i + 1] = list.n;
  }
  return list;
}

void edge_list_free(edge_list *list) {
  dense_free(&list->truth);
  free(list->rows);
  free(list->columns);
  free(list->offsets);
}

void edge_list_shuffle(uint64_t *state, edge_list *list) {
  for (int64_t e = list->n - 1; e > 0; e--) {
    const int64_t other = dense_below(state, e + 1);
    const int64_t row = list->rows[e], column = list->columns[e];
    list->rows[e] = list->rows[other];
    list->columns[e] = list->columns[other];
    list->rows[other] = row;
    list->columns[other] = column;
  }
}
