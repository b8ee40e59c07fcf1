/* Compact and neighbors on the device. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "frontier/scratch.h"
#include "lib/device.h"
#include "masks/graph.h"
#include "operators/cuda/rows.h"

/* The rows of the vertices, on the device. */
static gattn_status make_rows(gattn_context *context,
                              const gattn_frontier *vertices,
                              const gattn_graph *graph,
                              gattn_device_rows *rows) {
  *rows = (gattn_device_rows){0};
  return gattn_device_rows_make(context, (gattn_graph *)graph,
                                (gattn_frontier *)vertices, rows);
}

gattn_status gattn_frontier_compact_device(gattn_context *context,
                                           const gattn_frontier *frontier,
                                           const gattn_graph *graph,
                                           gattn_frontier **out) {
  gattn_frontier *list, *made = NULL;
  gattn_frontier_scratch scratch;
  gattn_device_rows rows;
  gattn_status status = gattn_frontier_to_device(context, frontier, &list);
  if (status) return status;
  status = make_rows(context, list, graph, &rows);
  if (status) goto release_list;
  status = gattn_frontier_scratch_open(context, list->size, 0, &scratch);
  if (status) goto free_rows;
  status = gattn_frontier_device_new(context, list->n, list->size, &made);
  if (!status) {
    made->ascending = list->ascending;
    made->unique = list->unique;
    made->duplicate = list->duplicate;
    int error = gattn_frontier_occupied_launch(
        list->device_vertices, rows.offsets, list->size, made->device_vertices,
        made->device_size, gattn_frontier_temp_of(&scratch),
        gattn_device_stream(context));
    status = gattn_device_check(context, error, "frontier");
  }
  status = gattn_frontier_scratch_close(&scratch, status, made, out);
free_rows:
  gattn_device_rows_free(context, &rows);
release_list:
  gattn_frontier_release(list);
  return status;
}

gattn_status gattn_frontier_neighbors_device(gattn_context *context,
                                             const gattn_frontier *frontier,
                                             const gattn_graph *graph,
                                             gattn_frontier **out) {
  gattn_frontier *made = NULL;
  gattn_frontier_scratch scratch;
  gattn_device_rows rows;
  const int64_t n_kv = graph->n_kv;
  gattn_status status = make_rows(context, frontier, graph, &rows);
  if (status) return status;
  status = gattn_frontier_scratch_open(context, 0, n_kv, &scratch);
  if (status) goto free_rows;
  status = gattn_frontier_device_new(context, n_kv, n_kv, &made);
  if (!status) {
    int error = gattn_frontier_reached_launch(
        rows.offsets, frontier->size, rows.columns, rows.narrow, rows.edges,
        n_kv, made->device_vertices, made->device_size,
        gattn_frontier_temp_of(&scratch), gattn_device_stream(context));
    status = gattn_device_check(context, error, "frontier");
  }
  status = gattn_frontier_scratch_close(&scratch, status, made, out);
free_rows:
  gattn_device_rows_free(context, &rows);
  return status;
}
