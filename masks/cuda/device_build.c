/* Graphs of edges that lie on the device. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/device.h"
#include "masks/cuda/build.h"
#include "masks/device_csr.h"

/* What was given. Either offsets or rows are there. */
typedef struct given {
  int64_t n_q, n_kv;
  gattn_build_ids offsets, rows, columns;
} given;

static gattn_build_ids ids_of(const gattn_tensor *tensor) {
  return (gattn_build_ids){tensor->data, tensor->shape[0], tensor->strides[0]};
}

static gattn_status check(gattn_context *context, int error) {
  return gattn_device_check(context, error, "edges");
}

/* ------------------------------------------------------------ errors */

/* One id back from the device. */
static gattn_status read_id(gattn_context *context, const gattn_build_ids *ids,
                            int64_t e, int64_t *id) {
  return gattn_device_download(context, id, ids->data + e * ids->stride,
                               sizeof *id);
}

static gattn_status fail_offset(gattn_context *context, const given *edges,
                                int64_t i) {
  int64_t offset, before = 0;
  gattn_status status = read_id(context, &edges->offsets, i, &offset);
  if (!status && i)
    status = read_id(context, &edges->offsets, i - 1, &before);
  if (status) return status;
  if (!i)
    return gattn_fail(context, GATTN_ERROR_OFFSETS,
                      "offsets[0]: is %lld, not 0", (long long)offset);
  return gattn_fail(context, GATTN_ERROR_OFFSETS,
                    "offsets[%lld]: %lld is below offsets[%lld] = %lld",
                    (long long)i, (long long)offset, (long long)i - 1,
                    (long long)before);
}

static gattn_status fail_id(gattn_context *context, const char *argument,
                            const gattn_build_ids *ids, int64_t e, int64_t n,
                            const char *side) {
  int64_t id;
  gattn_status status = read_id(context, ids, e, &id);
  if (status) return status;
  return gattn_fail(context, GATTN_ERROR_INDEX,
                    "%s[%lld]: %lld is outside the %lld %s vertices", argument,
                    (long long)e, (long long)id, (long long)n, side);
}

/* The same for a column of CSR, whose row is looked for. */
static gattn_status fail_column(gattn_context *context, const given *edges,
                                int64_t e) {
  int64_t lo = 0, hi = edges->n_q, id;
  gattn_status status = GATTN_SUCCESS;
  while (!status && hi - lo > 1) {
    const int64_t middle = lo + (hi - lo) / 2;
    int64_t offset = 0;
    status = read_id(context, &edges->offsets, middle, &offset);
    if (offset <= e)
      lo = middle;
    else
      hi = middle;
  }
  if (!status) status = read_id(context, &edges->columns, e, &id);
  if (status) return status;
  return gattn_fail(context, GATTN_ERROR_INDEX,
                    "columns[%lld]: %lld in row %lld is outside the %lld key "
                    "vertices",
                    (long long)e, (long long)id, (long long)lo,
                    (long long)edges->n_kv);
}

static gattn_status judge(gattn_context *context, const given *edges,
                          const gattn_build_findings *findings) {
  if (findings->bad_offset >= 0)
    return fail_offset(context, edges, findings->bad_offset);
  if (edges->offsets.data && findings->edges > edges->columns.n)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "columns: has %lld entries, but offsets end at %lld",
                      (long long)edges->columns.n, (long long)findings->edges);
  if (findings->bad_row >= 0)
    return fail_id(context, "rows", &edges->rows, findings->bad_row,
                   edges->n_q, "query");
  if (findings->bad_column < 0) return GATTN_SUCCESS;
  if (edges->offsets.data)
    return fail_column(context, edges, findings->bad_column);
  return fail_id(context, "columns", &edges->columns, findings->bad_column,
                 edges->n_kv, "key");
}

/* Checks what was given, and finds out what must be done with it. */
static gattn_status look(gattn_context *context, const given *edges,
                         gattn_build_findings *findings) {
  void *record;
  gattn_status status =
      gattn_device_allocate(context, "findings", 1, sizeof *findings, &record);
  if (status) return status;
  status = check(context,
                 gattn_build_look(edges->offsets, edges->rows, edges->columns,
                                  edges->n_q, edges->n_kv, record,
                                  gattn_device_stream(context)));
  if (!status)
    status =
        gattn_device_download(context, findings, record, sizeof *findings);
  gattn_device_free(context, record, 1, sizeof *findings);
  return status ? status : judge(context, edges, findings);
}

/* ------------------------------------------------------------ building */

/* The arrays of a graph on their way. */
typedef struct arrays {
  int64_t n_q;
  bool narrow;
  int64_t edges;
  int64_t *offsets;
  void *columns;
} arrays;

static size_t column_size(const arrays *rows) {
  return rows->narrow ? sizeof(int32_t) : sizeof(int64_t);
}

static gattn_status allocate_arrays(gattn_context *context, arrays *rows) {
  void *offsets, *columns;
  gattn_status status =
      gattn_device_allocate(context, "offsets", rows->n_q + 1,
                            sizeof *rows->offsets, &offsets);
  if (status) return status;
  status = gattn_device_allocate(context, "columns", rows->edges,
                                 column_size(rows), &columns);
  if (status) {
    gattn_device_free(context, offsets, rows->n_q + 1, sizeof *rows->offsets);
    return status;
  }
  rows->offsets = offsets;
  rows->columns = columns;
  return GATTN_SUCCESS;
}

static void free_arrays(gattn_context *context, const arrays *rows) {
  gattn_device_free(context, rows->offsets, rows->n_q + 1,
                    sizeof *rows->offsets);
  gattn_device_free(context, rows->columns, rows->edges, column_size(rows));
}

/* Rows that are sorted sets already. */
static gattn_status copy_rows(gattn_context *context, const given *edges,
                              arrays *rows) {
  void *stream = gattn_device_stream(context);
  gattn_status status = allocate_arrays(context, rows);
  if (status) return status;
  gattn_build_ids columns = edges->columns;
  columns.n = rows->edges;
  status = check(context, gattn_build_copy(edges->offsets, 0, rows->offsets,
                                           stream));
  if (!status)
    status = check(context, gattn_build_copy(columns, rows->narrow,
                                             rows->columns, stream));
  if (status) free_arrays(context, rows);
  return status;
}

static int32_t bits_of(int64_t n) {
  int32_t bits = 0;
  while (n > (int64_t)1 << bits) bits++;
  return bits;
}

static gattn_status allocate_edges(gattn_context *context,
                                   gattn_build_edges *edges, bool pairs) {
  void *keys, *rows = NULL;
  gattn_status status = gattn_device_allocate(context, "edges", edges->n,
                                              sizeof *edges->keys, &keys);
  if (!status && pairs) {
    status = gattn_device_allocate(context, "edges", edges->n,
                                   sizeof *edges->rows, &rows);
    if (status)
      gattn_device_free(context, keys, edges->n, sizeof *edges->keys);
  }
  if (status) return status;
  edges->keys = keys;
  edges->rows = rows;
  return GATTN_SUCCESS;
}

static void free_edges(gattn_context *context, const gattn_build_edges *edges) {
  gattn_device_free(context, edges->keys, edges->n, sizeof *edges->keys);
  gattn_device_free(context, edges->rows, edges->n, sizeof *edges->rows);
}

static gattn_status sort(gattn_context *context, gattn_build_edges *edges,
                         bool pairs) {
  void *stream = gattn_device_stream(context), *scratch;
  gattn_build_edges spare = *edges;
  size_t bytes = 0;
  gattn_status status = allocate_edges(context, &spare, pairs);
  if (status) return status;
  status = check(context,
                 gattn_build_sort(edges, &spare, NULL, &bytes, stream));
  if (!status)
    status = gattn_device_allocate(context, "scratch", (int64_t)bytes, 1,
                                   &scratch);
  if (status) goto free_spare;
  status = check(context,
                 gattn_build_sort(edges, &spare, scratch, &bytes, stream));
  const gattn_status done = gattn_device_synchronize(context);
  if (!status) status = done;
  gattn_device_free(context, scratch, (int64_t)bytes, 1);
free_spare:
  free_edges(context, &spare);
  return status;
}

/* Numbers sorted edges without repeats, and counts them. */
static gattn_status number(gattn_context *context,
                           const gattn_build_edges *edges, int64_t *places,
                           int64_t *count) {
  void *stream = gattn_device_stream(context), *scratch;
  size_t bytes = 0;
  gattn_status status = check(
      context, gattn_build_places(*edges, places, NULL, &bytes, stream));
  if (!status)
    status = gattn_device_allocate(context, "scratch", (int64_t)bytes, 1,
                                   &scratch);
  if (status) return status;
  status = check(context,
                 gattn_build_places(*edges, places, scratch, &bytes, stream));
  const gattn_status done = gattn_device_download(
      context, count, places + edges->n - 1, sizeof *count);
  if (!status) status = done;
  gattn_device_free(context, scratch, (int64_t)bytes, 1);
  return status;
}

static gattn_status rows_of_sorted(gattn_context *context,
                                   const gattn_build_edges *edges,
                                   arrays *rows) {
  void *places;
  gattn_status status = gattn_device_allocate(context, "edges", edges->n,
                                              sizeof(int64_t), &places);
  if (status) return status;
  status = number(context, edges, places, &rows->edges);
  if (!status) status = allocate_arrays(context, rows);
  if (status) goto free_places;
  status = check(context,
                 gattn_build_rows(*edges, places, rows->n_q, rows->narrow,
                                  rows->offsets, rows->columns,
                                  gattn_device_stream(context)));
  const gattn_status done = gattn_device_synchronize(context);
  if (!status) status = done;
  if (status) free_arrays(context, rows);
free_places:
  gattn_device_free(context, places, edges->n, sizeof(int64_t));
  return status;
}

/* Edges in any order, as often as they like; at least one. */
static gattn_status sort_rows(gattn_context *context, const given *from,
                              bool unsorted, arrays *rows) {
  gattn_build_edges edges = {.n = rows->edges,
                             .shift = bits_of(from->n_kv),
                             .row_bits = bits_of(from->n_q)};
  const bool pairs = edges.shift + edges.row_bits > 64;
  gattn_status status = allocate_edges(context, &edges, pairs);
  if (status) return status;
  status = check(context,
                 gattn_build_keys(from->offsets, from->rows, from->columns,
                                  from->n_q, edges,
                                  gattn_device_stream(context)));
  if (!status && unsorted) status = sort(context, &edges, pairs);
  if (!status) status = rows_of_sorted(context, &edges, rows);
  free_edges(context, &edges);
  return status;
}

static gattn_status no_rows(gattn_context *context, arrays *rows) {
  gattn_status status = allocate_arrays(context, rows);
  if (status) return status;
  const gattn_build_edges none = {.n = 0};
  status = check(context, gattn_build_rows(none, NULL, rows->n_q, rows->narrow,
                                           rows->offsets, rows->columns,
                                           gattn_device_stream(context)));
  if (status) free_arrays(context, rows);
  return status;
}

static gattn_status build(gattn_context *context, const given *edges,
                          gattn_graph **graph) {
  gattn_build_findings findings;
  gattn_status status = look(context, edges, &findings);
  if (status) return status;
  arrays rows = {.n_q = edges->n_q,
                 .narrow = edges->n_kv <= INT32_MAX,
                 .edges = edges->offsets.data ? findings.edges
                                              : edges->rows.n};
  const bool unsorted = findings.unsorted >= 0;
  if (!rows.edges)
    status = no_rows(context, &rows);
  else if (edges->offsets.data && !unsorted)
    status = copy_rows(context, edges, &rows);
  else
    status = sort_rows(context, edges, unsorted, &rows);
  if (status) return status;
  status = gattn_device_csr_adopt(context, edges->n_q, edges->n_kv,
                                  rows.offsets, rows.columns, rows.narrow,
                                  rows.edges, graph);
  /* What was given may go when this returns. */
  if (!status) status = gattn_device_synchronize(context);
  else free_arrays(context, &rows);
  return status;
}

static gattn_status build_on_device(gattn_context *context, const given *edges,
                                    gattn_graph **out) {
  int previous;
  gattn_graph *graph = NULL;
  gattn_status status = gattn_device_enter(context, &previous);
  if (status) return status;
  status = build(context, edges, &graph);
  gattn_device_leave(context, previous);
  if (status)
    gattn_graph_release(graph);
  else
    *out = graph;
  return status;
}

gattn_status gattn_device_csr_from_csr(gattn_context *context, int64_t n_q,
                                       int64_t n_kv,
                                       const gattn_tensor *offsets,
                                       const gattn_tensor *columns,
                                       gattn_graph **graph) {
  const given edges = {.n_q = n_q,
                       .n_kv = n_kv,
                       .offsets = ids_of(offsets),
                       .columns = ids_of(columns)};
  return build_on_device(context, &edges, graph);
}

gattn_status gattn_device_csr_from_coo(gattn_context *context, int64_t n_q,
                                       int64_t n_kv, const gattn_tensor *rows,
                                       const gattn_tensor *columns,
                                       gattn_graph **graph) {
  given edges = {.n_q = n_q,
                 .n_kv = n_kv,
                 .rows = ids_of(rows),
                 .columns = ids_of(columns)};
  return build_on_device(context, &edges, graph);
}
