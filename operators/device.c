/* Edges on the device, and calls that need memory there.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/device.h"

#include "lib/device.h"
#include "masks/device_csr.h"
#include "operators/cuda/rows.h"

/* ------------------------------------------------------------ rows */

static gattn_status make_rows(gattn_context *context, gattn_edges *edges,
                              gattn_device_set *set) {
  for (int64_t h = 0; h < edges->graphs; h++) {
    gattn_status status =
        gattn_device_rows_make(context, gattn_edges_graph(edges, h),
                               edges->frontier, &set->rows[h]);
    if (status) return status;
    if (set->rows[h].edges > edges->edges) edges->edges = set->rows[h].edges;
  }
  return GATTN_SUCCESS;
}

static gattn_status upload_rows(gattn_context *context,
                                const gattn_edges *edges,
                                gattn_device_set *set) {
  void *memory;
  if (edges->graphs == 1) return GATTN_SUCCESS;
  gattn_status status = gattn_device_allocate(
      context, "rows of heads", edges->graphs, sizeof *set->rows, &memory);
  if (status) return status;
  set->head_rows = memory;
  return gattn_device_upload(context, memory, set->rows,
                             (size_t)edges->graphs * sizeof *set->rows);
}

static gattn_status fill_set(gattn_context *context, gattn_edges *edges,
                             gattn_device_set *set) {
  const gattn_frontier *frontier = edges->frontier;
  gattn_status status = GATTN_SUCCESS;
  if (frontier && !gattn_frontier_is_range(frontier))
    status = gattn_frontier_to_device(context, frontier, &set->list);
  if (!status) status = make_rows(context, edges, set);
  return status ? status : upload_rows(context, edges, set);
}

gattn_status gattn_device_set_open(gattn_context *context,
                                   gattn_edges *edges) {
  void *memory, *rows;
  int previous;
  gattn_status status = gattn_allocate(context, "edges", 1,
                                       sizeof(gattn_device_set), &memory);
  if (status) return status;
  gattn_device_set *set = memory;
  *set = (gattn_device_set){0};
  status = gattn_allocate(context, "edges", edges->graphs, sizeof *set->rows,
                          &rows);
  if (status) {
    gattn_free(context, set, 1, sizeof *set);
    return status;
  }
  set->rows = rows;
  for (int64_t h = 0; h < edges->graphs; h++)
    set->rows[h] = (gattn_device_rows){0};
  edges->device = set;
  edges->edges = 0;
  status = gattn_device_enter(context, &previous);
  if (!status) {
    status = fill_set(context, edges, set);
    gattn_device_leave(context, previous);
  }
  if (status) gattn_device_set_close(context, edges);
  return status;
}

void gattn_device_set_close(gattn_context *context, gattn_edges *edges) {
  gattn_device_set *set = edges->device;
  if (!set) return;
  for (int64_t h = 0; h < edges->graphs; h++)
    gattn_device_rows_free(context, &set->rows[h]);
  gattn_device_free(context, set->head_rows, edges->graphs,
                    sizeof *set->head_rows);
  gattn_frontier_release(set->list);
  gattn_free(context, set->rows, edges->graphs, sizeof *set->rows);
  gattn_free(context, set, 1, sizeof *set);
  edges->device = NULL;
}

/* A graph that is lent as it lies tells how many edges there can be. */
static bool lent(const gattn_edges *edges, int64_t *most) {
  if (edges->frontier) return false;
  *most = 0;
  for (int64_t h = 0; h < edges->graphs; h++) {
    const gattn_graph *graph = gattn_edges_graph(edges, h);
    if (!gattn_is_device_csr(graph)) return false;
    const int64_t capacity = gattn_device_csr_of(graph)->capacity;
    if (capacity > *most) *most = capacity;
  }
  return true;
}

gattn_status gattn_device_set_count(gattn_context *context,
                                    gattn_edges *edges) {
  gattn_edges opened = *edges;
  if (lent(edges, &edges->edges)) return GATTN_SUCCESS;
  gattn_status status = gattn_device_set_open(context, &opened);
  if (status) return status;
  edges->edges = opened.edges;
  gattn_device_set_close(context, &opened);
  return GATTN_SUCCESS;
}

gattn_status gattn_device_set_offsets(gattn_context *context,
                                      const gattn_edges *edges, int64_t h,
                                      int64_t *offsets) {
  gattn_device_rows rows = {0};
  int previous;
  gattn_status status = gattn_device_enter(context, &previous);
  if (status) return status;
  status = gattn_device_rows_make(context, gattn_edges_graph(edges, h),
                                  edges->frontier, &rows);
  if (!status)
    status = gattn_device_download(
        context, offsets, rows.offsets,
        (size_t)(edges->n_f + 1) * sizeof *offsets);
  for (int64_t p = edges->n_f; p >= 0 && !status; p--) offsets[p] -= offsets[0];
  gattn_device_rows_free(context, &rows);
  gattn_device_leave(context, previous);
  return status;
}

/* ------------------------------------------------------------ operands */

gattn_device_edges gattn_device_edges_of(const gattn_context *context,
                                         const gattn_edges *edges,
                                         int64_t batch, int64_t heads) {
  const gattn_device_set *set = edges->device;
  gattn_device_edges device = {
      .n_f = edges->n_f,
      .batch = batch,
      .heads = heads,
      .graphs = edges->graphs,
      .edges = edges->edges,
      .begin = edges->frontier ? edges->frontier->begin : 0,
      .multiprocessors = gattn_device_facts_of(context)->multiprocessors};
  if (!set) return device;
  device.rows = set->rows[0];
  device.head_rows = set->head_rows;
  if (set->list) {
    device.vertices = set->list->device_vertices;
    device.size = set->list->device_size;
  }
  return device;
}

gattn_operand gattn_operand_of(const gattn_view *view) {
  return (gattn_operand){.data = view->data,
                         .batch = view->strides[0],
                         .head = view->strides[1],
                         .row = view->strides[2],
                         .dim = view->strides[3]};
}

gattn_status gattn_device_score_make(gattn_context *context,
                                     const gattn_score *score, int64_t heads,
                                     gattn_device_score *device,
                                     float **table, int64_t *elements) {
  void *memory;
  *table = NULL;
  *elements = 0;
  *device = (gattn_device_score){
      .kind = score->kind, .cap = score->cap, .count = score->count};
  if (score->kind == GATTN_SCORE_FUNCTION)
    return gattn_fail(context, GATTN_ERROR_UNSUPPORTED,
                      "score.function: a C function cannot be called on a "
                      "device");
  if (score->kind == GATTN_SCORE_ALIBI) *elements = score->count;
  if (score->kind == GATTN_SCORE_RELATIVE) *elements = score->count * heads;
  if (!*elements) return GATTN_SUCCESS;
  gattn_status status = gattn_device_allocate(context, "score.table", *elements,
                                              sizeof **table, &memory);
  if (status) return status;
  status = gattn_device_upload(context, memory, score->table,
                               (size_t)*elements * sizeof **table);
  if (status) {
    gattn_device_free(context, memory, *elements, sizeof **table);
    return status;
  }
  *table = memory;
  device->table = memory;
  return GATTN_SUCCESS;
}

/* ------------------------------------------------------------ calls */

gattn_status gattn_call_open(gattn_context *context, size_t bytes,
                             gattn_call *call) {
  *call = (gattn_call){.context = context};
  if (!gattn_on_device(context)) return GATTN_SUCCESS;
  gattn_status status = gattn_device_enter(context, &call->previous);
  if (status) return status;
  call->bytes = bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
  status = gattn_device_allocate(context, "workspace", call->bytes, 1,
                                 &call->workspace);
  if (status) gattn_device_leave(context, call->previous);
  return status;
}

void *gattn_call_stream(const gattn_call *call) {
  return gattn_on_device(call->context) ? gattn_device_stream(call->context)
                                        : NULL;
}

gattn_status gattn_call_close(gattn_call *call, gattn_status status) {
  gattn_context *context = call->context;
  if (!gattn_on_device(context)) return status;
  gattn_status waited = gattn_device_synchronize(context);
  gattn_device_free(context, call->workspace, call->bytes, 1);
  gattn_device_leave(context, call->previous);
  return status ? status : waited;
}
