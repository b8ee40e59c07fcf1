/* Explicit edges: checked, sorted, each once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "masks/csr.h"

/* ------------------------------------------------------------ sorting */

enum {
  RADIX_BITS = 8,
  RADIX = 1 << RADIX_BITS,
  SHORT_ROW = 48 /* up to here insertion moves less than counting clears */
};

static bool is_ascending(const int64_t *columns, int64_t n) {
  for (int64_t e = 1; e < n; e++)
    if (columns[e - 1] >= columns[e]) return false;
  return true;
}

static void insertion_sort(int64_t *columns, int64_t n) {
  for (int64_t e = 1; e < n; e++) {
    int64_t column = columns[e], at = e;
    for (; at && columns[at - 1] > column; at--) columns[at] = columns[at - 1];
    columns[at] = column;
  }
}

/* By the digit at `shift`, stably; false when all have the same. */
static bool scatter_digit(const int64_t *from, int64_t n, int shift,
                          int64_t *to) {
  int64_t start[RADIX] = {0};
  for (int64_t e = 0; e < n; e++) start[(from[e] >> shift) & (RADIX - 1)]++;
  int64_t before = 0;
  for (int digit = 0; digit < RADIX; digit++) {
    if (start[digit] == n) return false;
    int64_t count = start[digit];
    start[digit] = before;
    before += count;
  }
  for (int64_t e = 0; e < n; e++)
    to[start[(from[e] >> shift) & (RADIX - 1)]++] = from[e];
  return true;
}

/* Time linear in n for any columns below n_kv; scratch[n]. */
static void radix_sort(int64_t *columns, int64_t n, int64_t n_kv,
                       int64_t *scratch) {
  int64_t *from = columns, *to = scratch;
  for (int shift = 0; shift < 63 && (n_kv - 1) >> shift; shift += RADIX_BITS) {
    if (!scatter_digit(from, n, shift, to)) continue;
    int64_t *sorted = to;
    to = from;
    from = sorted;
  }
  if (from != columns) memcpy(columns, from, (size_t)n * sizeof *columns);
}

/* The longest row that only counting can sort well. */
static int64_t longest_unsorted(const gattn_csr *csr, const int64_t *columns) {
  int64_t longest = 0;
  for (int64_t i = 0; i < csr->graph.n_q; i++) {
    int64_t n = csr->offsets[i + 1] - csr->offsets[i];
    if (n > SHORT_ROW && n > longest &&
        !is_ascending(columns + csr->offsets[i], n))
      longest = n;
  }
  return longest;
}

/* Sorts every row, drops what is named twice, and closes the gaps. */
static void make_rows_sets(gattn_csr *csr, int64_t *columns,
                           int64_t *scratch) {
  int64_t begin = 0, kept = 0;
  for (int64_t i = 0; i < csr->graph.n_q; i++) {
    int64_t end = csr->offsets[i + 1], n = end - begin;
    if (!is_ascending(columns + begin, n)) {
      if (n <= SHORT_ROW)
        insertion_sort(columns + begin, n);
      else
        radix_sort(columns + begin, n, csr->graph.n_kv, scratch);
    }
    int64_t row = kept;
    for (int64_t e = begin; e < end; e++)
      if (kept == row || columns[kept - 1] != columns[e])
        columns[kept++] = columns[e];
    csr->offsets[i + 1] = kept;
    begin = end;
  }
}

/* Finishes a graph whose offsets stand and whose columns, checked but in any
 * order, are columns[n_edges]. */
static gattn_status finish(gattn_context *context, gattn_csr *csr,
                           int64_t *columns) {
  int64_t longest = longest_unsorted(csr, columns);
  int64_t *scratch;
  gattn_status status = gattn_allocate(context, "scratch", longest,
                                       sizeof *scratch, (void **)&scratch);
  if (status) return status;
  make_rows_sets(csr, columns, scratch);
  gattn_free(context, scratch, longest, sizeof *scratch);
  int64_t edges = gattn_csr_edges(csr);
  status = gattn_csr_columns(context, csr, edges);
  if (status) return status;
  for (int64_t e = 0; e < edges; e++) gattn_csr_put(csr, e, columns[e]);
  return GATTN_SUCCESS;
}

/* ------------------------------------------------------------ checks */

static gattn_status check_array(gattn_context *context, const char *argument,
                                const int64_t *array) {
  if (!array) return gattn_fail_null(context, argument);
  if ((uintptr_t)array % sizeof *array)
    return gattn_fail(context, GATTN_ERROR_STRIDE,
                      "%s: is not aligned to its 8-byte elements", argument);
  return GATTN_SUCCESS;
}

static gattn_status check_offsets(gattn_context *context,
                                  const int64_t *offsets, int64_t n_q) {
  if (offsets[0])
    return gattn_fail(context, GATTN_ERROR_OFFSETS,
                      "offsets[0]: is %lld, not 0", (long long)offsets[0]);
  for (int64_t i = 0; i < n_q; i++)
    if (offsets[i + 1] < offsets[i])
      return gattn_fail(context, GATTN_ERROR_OFFSETS,
                        "offsets[%lld]: %lld is below offsets[%lld] = %lld",
                        (long long)(i + 1), (long long)offsets[i + 1],
                        (long long)i, (long long)offsets[i]);
  return GATTN_SUCCESS;
}

static gattn_status check_columns(gattn_context *context,
                                  const int64_t *offsets,
                                  const int64_t *columns, int64_t n_q,
                                  int64_t n_kv) {
  for (int64_t i = 0; i < n_q; i++)
    for (int64_t e = offsets[i]; e < offsets[i + 1]; e++)
      if (columns[e] < 0 || columns[e] >= n_kv)
        return gattn_fail(context, GATTN_ERROR_INDEX,
                          "columns[%lld]: %lld in row %lld is outside the %lld "
                          "key vertices",
                          (long long)e, (long long)columns[e], (long long)i,
                          (long long)n_kv);
  return GATTN_SUCCESS;
}

static gattn_status check_ids(gattn_context *context, const char *argument,
                              const int64_t *ids, int64_t n_edges, int64_t n,
                              const char *side) {
  for (int64_t e = 0; e < n_edges; e++)
    if (ids[e] < 0 || ids[e] >= n)
      return gattn_fail(context, GATTN_ERROR_INDEX,
                        "%s[%lld]: %lld is outside the %lld %s vertices",
                        argument, (long long)e, (long long)ids[e],
                        (long long)n, side);
  return GATTN_SUCCESS;
}

/* ------------------------------------------------------------ entry points */

static gattn_status check_csr(gattn_context *context, int64_t n_q,
                              int64_t n_kv, const int64_t *offsets,
                              const int64_t *columns) {
  gattn_status status = gattn_graph_check_size(context, n_q, n_kv);
  if (status) return status;
  status = check_array(context, "offsets", offsets);
  if (status) return status;
  status = check_offsets(context, offsets, n_q);
  if (status || !offsets[n_q]) return status;
  status = check_array(context, "columns", columns);
  if (status) return status;
  return check_columns(context, offsets, columns, n_q, n_kv);
}

gattn_status gattn_graph_from_csr(gattn_context *context, int64_t n_q,
                                  int64_t n_kv, const int64_t *offsets,
                                  const int64_t *columns,
                                  gattn_graph **graph) {
  if (!context) return gattn_fail_null(context, "context");
  if (!graph) return gattn_fail_null(context, "graph");
  gattn_status status = check_csr(context, n_q, n_kv, offsets, columns);
  if (status) return status;
  gattn_csr *csr;
  status = gattn_csr_new(context, n_q, n_kv, &csr);
  if (status) return status;
  memcpy(csr->offsets, offsets, (size_t)(n_q + 1) * sizeof *offsets);
  int64_t n_edges = offsets[n_q];
  int64_t *sorted;
  status = gattn_allocate(context, "columns", n_edges, sizeof *sorted,
                          (void **)&sorted);
  if (status) goto release_csr;
  if (n_edges) memcpy(sorted, columns, (size_t)n_edges * sizeof *sorted);
  status = finish(context, csr, sorted);
  gattn_free(context, sorted, n_edges, sizeof *sorted);
  if (status) goto release_csr;
  *graph = &csr->graph;
  return GATTN_SUCCESS;
release_csr:
  gattn_graph_release(&csr->graph);
  return status;
}

static gattn_status check_coo(gattn_context *context, int64_t n_q,
                              int64_t n_kv, int64_t n_edges,
                              const int64_t *rows, const int64_t *columns) {
  gattn_status status = gattn_graph_check_size(context, n_q, n_kv);
  if (status) return status;
  if (n_edges < 0)
    return gattn_fail(context, GATTN_ERROR_SIZE, "n_edges: %lld is negative",
                      (long long)n_edges);
  if (!n_edges) return GATTN_SUCCESS;
  status = check_array(context, "rows", rows);
  if (status) return status;
  status = check_array(context, "columns", columns);
  if (status) return status;
  status = check_ids(context, "rows", rows, n_edges, n_q, "query");
  if (status) return status;
  return check_ids(context, "columns", columns, n_edges, n_kv, "key");
}

/* Counting sort by row. Each offset first is where its row's next column goes,
 * and so ends as where the row ends. */
static void scatter_rows(gattn_csr *csr, int64_t n_edges, const int64_t *rows,
                         const int64_t *columns, int64_t *by_row) {
  int64_t n_q = csr->graph.n_q, *offsets = csr->offsets;
  memset(offsets, 0, (size_t)(n_q + 1) * sizeof *offsets);
  for (int64_t e = 0; e < n_edges; e++) offsets[rows[e] + 1]++;
  int64_t before = 0;
  for (int64_t i = 1; i <= n_q; i++) {
    int64_t count = offsets[i];
    offsets[i] = before;
    before += count;
  }
  for (int64_t e = 0; e < n_edges; e++)
    by_row[offsets[rows[e] + 1]++] = columns[e];
}

gattn_status gattn_graph_from_coo(gattn_context *context, int64_t n_q,
                                  int64_t n_kv, int64_t n_edges,
                                  const int64_t *rows, const int64_t *columns,
                                  gattn_graph **graph) {
  if (!context) return gattn_fail_null(context, "context");
  if (!graph) return gattn_fail_null(context, "graph");
  gattn_status status =
      check_coo(context, n_q, n_kv, n_edges, rows, columns);
  if (status) return status;
  gattn_csr *csr;
  status = gattn_csr_new(context, n_q, n_kv, &csr);
  if (status) return status;
  int64_t *by_row;
  status = gattn_allocate(context, "columns", n_edges, sizeof *by_row,
                          (void **)&by_row);
  if (status) goto release_csr;
  scatter_rows(csr, n_edges, rows, columns, by_row);
  status = finish(context, csr, by_row);
  gattn_free(context, by_row, n_edges, sizeof *by_row);
  if (status) goto release_csr;
  *graph = &csr->graph;
  return GATTN_SUCCESS;
release_csr:
  gattn_graph_release(&csr->graph);
  return status;
}
