/* The graphs of gattn bench. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>

#include "cli/bench.h"

/* The Graph500's probabilities of the four quarters, of 2^16. */
enum { QUARTER_A = 37356, QUARTER_B = 12452, QUARTER_C = 12452 };
enum { EDGES_A_ROW = 32 };

/* SplitMix64's output function: bits of draw t. */
static uint64_t bits_of(uint64_t t) {
  uint64_t x = (t + 1) * UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return x ^ x >> 31;
}

/* Edge e of the recursive matrix over 2^levels vertices: at every level one of
 * four quarters, by 16 bits of a draw. */
static void rmat_edge(int64_t e, int levels, int64_t *row, int64_t *column) {
  uint64_t bits = 0;
  *row = *column = 0;
  for (int level = 0; level < levels; level++) {
    if (level % 4 == 0) bits = bits_of((uint64_t)e * 16 + (uint64_t)level / 4);
    const int pick = (int)(bits & 0xffff);
    const bool right = (pick >= QUARTER_A && pick < QUARTER_A + QUARTER_B) ||
                       pick >= QUARTER_A + QUARTER_B + QUARTER_C;
    const bool lower = pick >= QUARTER_A + QUARTER_B;
    *row = 2 * *row + lower;
    *column = 2 * *column + right;
    bits >>= 16;
  }
  /* Vertices are renumbered, so that hubs lie anywhere. */
  const uint64_t mask = ((uint64_t)1 << levels) - 1;
  *row = (int64_t)(((uint64_t)*row * 0x9e3779b1u + 12345) & mask);
  *column = (int64_t)(((uint64_t)*column * 0x9e3779b1u + 12345) & mask);
}

/* Duplicates are the library's to drop. */
static gattn_status rmat(gattn_context *context, int64_t n,
                         gattn_graph **graph) {
  int levels = 0;
  while (levels < 40 && (int64_t)2 << levels <= n) levels++;
  const int64_t edges = n * EDGES_A_ROW;
  if (n > (int64_t)1 << 40) return GATTN_ERROR_MEMORY;
  int64_t *rows = malloc((size_t)edges * 2 * sizeof *rows);
  if (!rows) return GATTN_ERROR_MEMORY;
  int64_t *columns = rows + edges;
#pragma omp parallel for num_threads(gattn_context_threads(context))
  for (int64_t e = 0; e < edges; e++)
    rmat_edge(e, levels, &rows[e], &columns[e]);
  gattn_status status =
      gattn_graph_from_coo(context, n, n, edges, rows, columns, graph);
  free(rows);
  return status;
}

static gattn_status edges_of(gattn_context *context,
                             const bench_workload *workload,
                             gattn_graph **graph) {
  gattn_graph *expression;
  gattn_status status = gattn_mask_parse(context, workload->mask, workload->n,
                                         workload->n, &expression);
  if (status) return status;
  status = gattn_graph_materialize(context, expression, graph);
  gattn_graph_release(expression);
  return status;
}

gattn_status bench_graph(gattn_context *context, const bench_workload *workload,
                         gattn_graph **graph) {
  if (workload->kind == BENCH_RMAT) return rmat(context, workload->n, graph);
  if (workload->kind == BENCH_EDGES) return edges_of(context, workload, graph);
  return gattn_mask_parse(context, workload->mask, workload->n, workload->n,
                          graph);
}
