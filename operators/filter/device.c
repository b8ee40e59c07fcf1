/* Top-k and threshold on a device: the result is made and stays there.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/device.h"
#include "masks/device_csr.h"
#include "operators/device.h"
#include "operators/filter/filter.h"

/* One selection, head after head. */
typedef struct device_selection {
  gattn_selection selection; /* its edges opened on the device */
  int64_t k, capacity;       /* edges that a head may keep */
  float threshold;
  gattn_call call;
} device_selection;

static int64_t capacity_of(const gattn_edges *edges, int64_t k) {
  int64_t most = edges->edges, chosen;
  if (k && gattn_multiply(edges->n_f, k, &chosen) && chosen < most)
    most = chosen;
  return most;
}

static gattn_device_select select_of(gattn_context *context,
                                     const device_selection *job, int64_t h) {
  const gattn_edges *edges = &job->selection.edges;
  const gattn_device_set *set = edges->device;
  gattn_device_select select = {
      .edges = gattn_device_edges_of(context, edges, 1, 1),
      .n_q = edges->n_q,
      .values = gattn_operand_of(&job->selection.values),
      .k = job->k,
      .threshold = job->threshold};
  select.values.data =
      gattn_view_row(&job->selection.values, 0, h, 0);
  select.edges.rows = set->rows[edges->graphs > 1 ? h : 0];
  select.edges.head_rows = NULL;
  select.edges.graphs = 1;
  return select;
}

static size_t column_size(const gattn_device_select *select) {
  return select->edges.rows.narrow ? sizeof(int32_t) : sizeof(int64_t);
}

static gattn_status select_head(gattn_context *context,
                                const device_selection *job, int64_t h,
                                gattn_graph **out) {
  const gattn_edges *edges = &job->selection.edges;
  gattn_device_select select = select_of(context, job, h);
  void *offsets, *columns;
  gattn_status status =
      gattn_device_allocate(context, "offsets of chosen edges", edges->n_q + 1,
                            sizeof(int64_t), &offsets);
  if (status) return status;
  status = gattn_device_allocate(context, "chosen edges", job->capacity,
                                 column_size(&select), &columns);
  if (status) goto free_offsets;
  select.out_offsets = offsets;
  select.out_columns = columns;
  status = gattn_device_check(
      context,
      gattn_select_launch(&select, job->call.workspace,
                          gattn_call_stream(&job->call)),
      "selection");
  if (!status)
    status = gattn_device_csr_adopt(context, edges->n_q, edges->n_kv, offsets,
                                    columns, select.edges.rows.narrow,
                                    job->capacity, out);
  if (!status) return GATTN_SUCCESS;
  gattn_device_synchronize(context);
  gattn_device_free(context, columns, job->capacity, column_size(&select));
free_offsets:
  gattn_device_free(context, offsets, edges->n_q + 1, sizeof(int64_t));
  return status;
}

static gattn_status select_heads(gattn_context *context,
                                 const device_selection *job,
                                 gattn_graph **out) {
  const int64_t heads = job->selection.heads;
  int64_t made = 0;
  void *memory;
  gattn_status status = gattn_allocate(context, "graphs of the heads", heads,
                                       sizeof(gattn_graph *), &memory);
  if (status) return status;
  gattn_graph **graphs = memory;
  for (; made < heads && !status; made += !status)
    status = select_head(context, job, made, &graphs[made]);
  if (!status && heads == 1)
    *out = gattn_graph_retain(graphs[0]);
  else if (!status)
    status = gattn_graph_stack(context, graphs, heads, out);
  while (made-- > 0) gattn_graph_release(graphs[made]);
  gattn_free(context, memory, heads, sizeof(gattn_graph *));
  return status;
}

static gattn_status select_opened(gattn_context *context, device_selection *job,
                                  gattn_graph **out) {
  const gattn_edges *edges = &job->selection.edges;
  gattn_status status = gattn_check_edge_values(context, "values", edges,
                                                &job->selection.values);
  if (!status && job->selection.heads < 1)
    status = gattn_fail(context, GATTN_ERROR_SHAPE, "values: has no heads");
  if (status) return status;
  const gattn_device_edges device =
      gattn_device_edges_of(context, edges, 1, 1);
  job->capacity = capacity_of(edges, job->k);
  status = gattn_call_open(
      context, gattn_select_workspace(&device, edges->n_q), &job->call);
  if (status) return status;
  gattn_graph *made = NULL;
  status = gattn_call_close(&job->call, select_heads(context, job, &made));
  if (status)
    gattn_graph_release(made);
  else
    *out = made;
  return status;
}

gattn_status gattn_select_device(gattn_context *context, gattn_graph *graph,
                                 gattn_frontier *frontier,
                                 const gattn_tensor *values, int64_t k,
                                 float threshold, gattn_graph **out) {
  device_selection job = {.k = k, .threshold = threshold};
  gattn_status status = gattn_selection_check(context, graph, frontier, values,
                                              &job.selection);
  if (!status)
    status = gattn_edges_open(context, graph, frontier, &job.selection.edges);
  if (status) return status;
  status = select_opened(context, &job, out);
  gattn_edges_close(context, &job.selection.edges);
  return status;
}
