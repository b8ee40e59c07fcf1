/* CSR arrays, and coordinates made of the same: bytes n_q and n_kv, then
 * n_q + 1 offsets, then columns. A number is a signed byte, or 0x80 and eight
 * bytes. SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { MOST_COLUMNS = 4096, MOST_ROWS = 256 };

typedef struct reader {
  const uint8_t *at, *end;
} reader;

static int64_t read_number(reader *in) {
  int64_t number = 0;
  if (in->at == in->end) return 0;
  int8_t byte = (int8_t)*in->at++;
  if (byte != INT8_MIN) return byte;
  size_t left = (size_t)(in->end - in->at);
  size_t taken = left < sizeof number ? left : sizeof number;
  memcpy(&number, in->at, taken);
  in->at += taken;
  return number;
}

/* What the library took must be what was given: in order and in range. */
static void check_taken(gattn_context *context, gattn_graph *graph,
                        const int64_t *offsets, const int64_t *columns) {
  int64_t queries = gattn_graph_queries(graph), edges = -1;
  FUZZ_HOLDS(offsets[0] == 0);
  for (int64_t i = 0; i < queries; i++)
    FUZZ_HOLDS(offsets[i] <= offsets[i + 1]);
  for (int64_t e = 0; e < offsets[queries]; e++)
    FUZZ_HOLDS(columns[e] >= 0 && columns[e] < gattn_graph_keys(graph));
  FUZZ_HOLDS(!gattn_graph_edges(context, graph, &edges));
  FUZZ_HOLDS(edges <= offsets[queries]);
  fuzz_walk(context, graph);
}

/* The same edges as coordinates, last first, make the same graph. */
static void check_same_edges(gattn_context *context, gattn_graph *graph,
                             const int64_t *offsets, const int64_t *columns) {
  int64_t n_q = gattn_graph_queries(graph), n = offsets[n_q];
  int64_t csr_edges = -1, coo_edges = -2;
  static int64_t rows[MOST_COLUMNS], backward[MOST_COLUMNS];
  for (int64_t i = 0; i < n_q; i++)
    for (int64_t e = offsets[i]; e < offsets[i + 1]; e++) {
      rows[n - 1 - e] = i;
      backward[n - 1 - e] = columns[e];
    }
  gattn_graph *coo = NULL;
  gattn_status status = gattn_graph_from_coo(
      context, n_q, gattn_graph_keys(graph), n, rows, backward, &coo);
  if (status == GATTN_ERROR_MEMORY) return;
  FUZZ_HOLDS(!status);
  FUZZ_HOLDS(!gattn_graph_edges(context, graph, &csr_edges));
  FUZZ_HOLDS(!gattn_graph_edges(context, coo, &coo_edges));
  FUZZ_HOLDS(csr_edges == coo_edges);
  static int64_t taken[2][MOST_COLUMNS];
  FUZZ_HOLDS(!gattn_graph_csr(context, graph, NULL, taken[0]));
  FUZZ_HOLDS(!gattn_graph_csr(context, coo, NULL, taken[1]));
  FUZZ_HOLDS(!memcmp(taken[0], taken[1], (size_t)csr_edges * sizeof **taken));
  gattn_graph_release(coo);
}

/* Coordinates of which one side or both are any numbers. */
static void try_coordinates(gattn_context *context, int64_t n_q, int64_t n_kv,
                            const int64_t *columns, int64_t n) {
  gattn_graph *coo = NULL;
  gattn_status status = gattn_graph_from_coo(context, n_q, n_kv, n / 2,
                                             columns, columns + n / 2, &coo);
  if (status) {
    FUZZ_HOLDS(!coo);
    fuzz_expect_message(context, status);
  } else {
    fuzz_walk(context, coo);
  }
  gattn_graph_release(coo);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (length < 2) return 0;
  int64_t offsets[MOST_ROWS];
  int64_t n_q = bytes[0] % (MOST_ROWS - 1), n_kv = bytes[1];
  reader in = {bytes + 2, bytes + length};
  for (int64_t i = 0; i <= n_q; i++) offsets[i] = read_number(&in);
  int64_t last = offsets[n_q];
  if (last > MOST_COLUMNS) return 0;
  /* Exactly as many columns as the last offset says: one more is a fault. */
  size_t columns_bytes = last > 0 ? (size_t)last * sizeof(int64_t) : 0;
  int64_t *columns = malloc(columns_bytes ? columns_bytes : 1);
  if (!columns) return 0;
  for (int64_t e = 0; e < last; e++) columns[e] = read_number(&in);
  gattn_context *context = fuzz_context();
  gattn_graph *graph = NULL;
  gattn_status status =
      gattn_graph_from_csr(context, n_q, n_kv, offsets, columns, &graph);
  if (status) {
    FUZZ_HOLDS(!graph);
    fuzz_expect_message(context, status);
  } else {
    check_taken(context, graph, offsets, columns);
    check_same_edges(context, graph, offsets, columns);
    gattn_graph_release(graph);
  }
  if (last > 0) try_coordinates(context, n_q, n_kv, columns, last);
  free(columns);
  fuzz_context_end(context);
  return 0;
}
