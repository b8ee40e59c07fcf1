/* From chosen edges to a graph. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/filter/filter.h"

#include "lib/device.h"

static gattn_status check_values(gattn_context *context,
                                 const gattn_tensor *values,
                                 gattn_selection *selection) {
  gattn_status status =
      gattn_view_of(context, "values", values, 3, &selection->values);
  if (status) return status;
  if (selection->values.shape[0] != 1)
    return gattn_fail(context, GATTN_ERROR_UNSUPPORTED,
                      "values: has batch %lld; a graph is the same for all "
                      "of a batch",
                      (long long)selection->values.shape[0]);
  selection->heads = selection->values.shape[1];
  return GATTN_SUCCESS;
}

gattn_status gattn_selection_check(gattn_context *context,
                                   const gattn_graph *graph,
                                   const gattn_frontier *frontier,
                                   const gattn_tensor *values,
                                   gattn_selection *selection) {
  *selection = (gattn_selection){.heads = gattn_graph_heads(graph)};
  if (frontier && !frontier->unique)
    return gattn_fail(context, GATTN_ERROR_DUPLICATE,
                      "frontier: vertex %lld stands in it twice",
                      (long long)frontier->duplicate);
  return values ? check_values(context, values, selection) : GATTN_SUCCESS;
}

/* The values' memory, from its first byte to its last, on the host. */
static gattn_status copy_values(gattn_context *context,
                                gattn_selection *selection) {
  gattn_view *values = &selection->values;
  int64_t below, above;
  gattn_view_reach(values, &below, &above);
  if (!values->shape[0] || !values->shape[1] || !values->shape[2])
    return GATTN_SUCCESS;
  gattn_status status = gattn_allocate(context, "values", above - below, 1,
                                       &selection->copy);
  if (status) return status;
  selection->copy_bytes = above - below;
  status = gattn_device_download(context, selection->copy,
                                 values->data + below, (size_t)(above - below));
  values->data = (char *)selection->copy - below;
  return status;
}

/* The device's edge values may have room for more edges than there are. */
static gattn_status open_device(gattn_context *context, gattn_graph *graph,
                                gattn_frontier *frontier,
                                gattn_selection *selection) {
  gattn_edges counted;
  gattn_status status = gattn_edges_of(context, graph, frontier, &counted);
  if (status) return status;
  if (selection->values.data) {
    status = gattn_edges_count(context, &counted);
    if (!status)
      status = gattn_check_edge_values(context, "values", &counted,
                                       &selection->values);
    if (!status) status = copy_values(context, selection);
  }
  if (!status && frontier)
    status = gattn_frontier_to_host(context, frontier, &selection->frontier);
  return status ? status
                : gattn_edges_open_host(context, graph, selection->frontier,
                                        &selection->edges);
}

gattn_status gattn_selection_open(gattn_context *context, gattn_graph *graph,
                                  gattn_frontier *frontier,
                                  const gattn_tensor *values,
                                  gattn_selection *selection) {
  gattn_selection opened;
  gattn_status status =
      gattn_selection_check(context, graph, frontier, values, &opened);
  if (status) return status;
  if (gattn_on_device(context)) {
    status = open_device(context, graph, frontier, &opened);
  } else {
    status = gattn_edges_open(context, graph, frontier, &opened.edges);
    if (!status && values)
      status = gattn_check_edge_values(context, "values", &opened.edges,
                                       &opened.values);
  }
  if (!status && opened.heads < 1)
    status = gattn_fail(context, GATTN_ERROR_SHAPE, "values: has no heads");
  if (status)
    gattn_selection_close(context, &opened);
  else
    *selection = opened;
  return status;
}

void gattn_selection_close(gattn_context *context, gattn_selection *selection) {
  gattn_edges_close(context, &selection->edges);
  gattn_frontier_release(selection->frontier);
  gattn_free(context, selection->copy, selection->copy_bytes, 1);
}

/* The graph of one head. */
static gattn_status choose_head(gattn_context *context,
                                const gattn_selection *selection, int64_t h,
                                gattn_choose choose, const void *how,
                                gattn_chosen *chosen, gattn_graph **out) {
  const gattn_edges *edges = &selection->edges;
  chosen->count = 0;
  gattn_status status = choose(context, selection, h, how, chosen);
  if (!status) status = gattn_edges_check_broken(context, edges);
  if (status) return status;
  return gattn_graph_from_coo(context, edges->n_q, edges->n_kv, chosen->count,
                              chosen->rows, chosen->columns, out);
}

static gattn_status choose_heads(gattn_context *context,
                                 const gattn_selection *selection,
                                 gattn_choose choose, const void *how,
                                 gattn_chosen *chosen, gattn_graph **out) {
  int64_t heads = selection->heads, made = 0;
  void *memory;
  gattn_status status = gattn_allocate(context, "graphs of the heads", heads,
                                       sizeof(gattn_graph *), &memory);
  if (status) return status;
  gattn_graph **graphs = memory;
  for (; made < heads && !status; made += !status)
    status = choose_head(context, selection, made, choose, how, chosen,
                         &graphs[made]);
  if (!status && heads == 1)
    *out = gattn_graph_retain(graphs[0]);
  else if (!status)
    status = gattn_graph_stack(context, graphs, heads, out);
  while (made-- > 0) gattn_graph_release(graphs[made]);
  gattn_free(context, memory, heads, sizeof(gattn_graph *));
  return status;
}

gattn_status gattn_selection_graph(gattn_context *context,
                                   const gattn_selection *selection,
                                   int64_t capacity, gattn_choose choose,
                                   const void *how, gattn_graph **out) {
  void *memory;
  gattn_status status = gattn_allocate(context, "chosen edges", capacity,
                                       2 * sizeof(int64_t), &memory);
  if (status) return status;
  gattn_chosen chosen = {.capacity = capacity,
                         .rows = memory,
                         .columns = (int64_t *)memory + capacity};
  status = choose_heads(context, selection, choose, how, &chosen, out);
  gattn_free(context, memory, capacity, 2 * sizeof(int64_t));
  return status;
}
