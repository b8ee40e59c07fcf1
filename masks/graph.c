/* Graphs: lifetime, size, and what may be known without looking.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/graph.h"

#include <string.h>

#include "masks/device_csr.h"
#include "masks/stack.h"

static gattn_status check_vertices(gattn_context *context, const char *argument,
                                   int64_t n) {
  if (n < 0)
    return gattn_fail(context, GATTN_ERROR_SIZE, "%s: %lld is negative",
                      argument, (long long)n);
  if (n > GATTN_MAX_VERTICES)
    return gattn_fail(context, GATTN_ERROR_SIZE,
                      "%s: %lld is more than 2^62 vertices", argument,
                      (long long)n);
  return GATTN_SUCCESS;
}

gattn_status gattn_graph_check_size(gattn_context *context, int64_t n_q,
                                    int64_t n_kv) {
  gattn_status status = check_vertices(context, "n_q", n_q);
  return status ? status : check_vertices(context, "n_kv", n_kv);
}

gattn_status gattn_graph_new(gattn_context *context,
                             const gattn_graph_class *class_, size_t size,
                             int64_t n_q, int64_t n_kv, void *out) {
  gattn_status status = gattn_graph_check_size(context, n_q, n_kv);
  if (status) return status;
  void *memory;
  status = gattn_allocate(context, "graph", 1, size, &memory);
  if (status) return status;
  memset(memory, 0, size);
  gattn_graph *graph = memory;
  graph->class_ = class_;
  graph->context = gattn_context_retain(context);
  atomic_init(&graph->references, 1);
  graph->n_q = n_q;
  graph->n_kv = n_kv;
  graph->size = size;
  memcpy(out, &memory, sizeof memory);
  return GATTN_SUCCESS;
}

gattn_graph *gattn_graph_retain(gattn_graph *graph) {
  if (graph)
    atomic_fetch_add_explicit(&graph->references, 1, memory_order_relaxed);
  return graph;
}

void gattn_graph_release(gattn_graph *graph) {
  if (!graph) return;
  if (atomic_fetch_sub_explicit(&graph->references, 1,
                                memory_order_acq_rel) != 1)
    return;
  if (graph->class_->release) graph->class_->release(graph);
  gattn_context *context = graph->context;
  gattn_free(context, graph, 1, graph->size);
  gattn_context_unref(context);
}

int64_t gattn_graph_queries(const gattn_graph *graph) {
  return graph ? graph->n_q : 0;
}

int64_t gattn_graph_keys(const gattn_graph *graph) {
  return graph ? graph->n_kv : 0;
}

int64_t gattn_graph_heads(const gattn_graph *graph) {
  if (!graph) return 0;
  return gattn_is_stack(graph) ? gattn_stack_of(graph)->heads : 1;
}

gattn_status gattn_graph_check(gattn_context *context, const char *argument,
                               const gattn_graph *graph) {
  if (!graph) return gattn_fail_null(context, argument);
  if (gattn_is_stack(graph))
    return gattn_fail(context, GATTN_ERROR_UNSUPPORTED,
                      "%s: is a stack of %lld graphs; ask gattn_graph_head for "
                      "one of them",
                      argument, (long long)gattn_graph_heads(graph));
  return GATTN_SUCCESS;
}

gattn_status gattn_graph_check_row(gattn_context *context,
                                   const gattn_graph *graph, int64_t i) {
  if (i < 0 || i >= graph->n_q)
    return gattn_fail(context, GATTN_ERROR_INDEX,
                      "i: %lld is outside the %lld query vertices",
                      (long long)i, (long long)graph->n_q);
  return GATTN_SUCCESS;
}

gattn_status gattn_graph_fail_broken(gattn_context *context,
                                     const gattn_graph *graph) {
  if (gattn_is_device_csr(graph))
    return gattn_device_csr_fail(context, graph);
  return gattn_fail(context, GATTN_ERROR_CALLBACK,
                    "graph: a callback of a generator in this %s answered "
                    "outside its contract",
                    graph->class_->name);
}

gattn_status gattn_graph_check_broken(gattn_context *context,
                                      const gattn_graph *graph) {
  return gattn_graph_broken(graph) ? gattn_graph_fail_broken(context, graph)
                                   : GATTN_SUCCESS;
}

bool gattn_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  if (a == b) return true;
  return graph->class_->same_row && graph->class_->same_row(graph, a, b);
}

gattn_shape gattn_shape_of(const gattn_graph *graph) {
  gattn_shape shape = {.form = GATTN_FORM_GENERAL, .stride = 1};
  if (graph->class_->shape) graph->class_->shape(graph, &shape);
  return shape;
}

bool gattn_graph_broken(const gattn_graph *graph) {
  return graph->class_->broken && graph->class_->broken(graph);
}
