/* Per-head stacks of graphs. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/stack.h"

static void stack_describe(const gattn_graph *graph, gattn_text *text) {
  const gattn_stack *stack = gattn_stack_of(graph);
  gattn_text_append(text, "stack of %lld: ", (long long)stack->heads);
  for (int64_t h = 0; h < stack->heads; h++) {
    if (h) gattn_text_append(text, "; ");
    stack->head[h]->class_->describe(stack->head[h], text);
  }
}

static void stack_release(gattn_graph *graph) {
  gattn_stack *stack = (gattn_stack *)graph;
  for (int64_t h = 0; h < stack->heads; h++)
    gattn_graph_release(stack->head[h]);
}

static bool stack_broken(const gattn_graph *graph) {
  const gattn_stack *stack = gattn_stack_of(graph);
  for (int64_t h = 0; h < stack->heads; h++)
    if (gattn_graph_broken(stack->head[h])) return true;
  return false;
}

const gattn_graph_class gattn_stack_class = {
    .name = "stack",
    .describe = stack_describe,
    .release = stack_release,
    .broken = stack_broken,
};

static gattn_status check_member(gattn_context *context,
                                 gattn_graph *const *graphs, int64_t h) {
  if (!graphs[h])
    return gattn_fail(context, GATTN_ERROR_NULL, "graphs[%lld]: is null",
                      (long long)h);
  if (gattn_is_stack(graphs[h]))
    return gattn_fail(context, GATTN_ERROR_UNSUPPORTED,
                      "graphs[%lld]: is itself a stack of %lld graphs",
                      (long long)h, (long long)gattn_graph_heads(graphs[h]));
  if (graphs[h]->n_q != graphs[0]->n_q || graphs[h]->n_kv != graphs[0]->n_kv)
    return gattn_fail(
        context, GATTN_ERROR_SHAPE,
        "graphs[%lld]: is %lld × %lld, but graphs[0] is %lld × %lld",
        (long long)h, (long long)graphs[h]->n_q, (long long)graphs[h]->n_kv,
        (long long)graphs[0]->n_q, (long long)graphs[0]->n_kv);
  return GATTN_SUCCESS;
}

gattn_status gattn_graph_stack(gattn_context *context,
                               gattn_graph *const *graphs, int64_t n_heads,
                               gattn_graph **out) {
  if (!context) return gattn_fail_null(context, "context");
  if (!graphs) return gattn_fail_null(context, "graphs");
  if (!out) return gattn_fail_null(context, "stack");
  if (n_heads < 1)
    return gattn_fail(context, GATTN_ERROR_SIZE, "n_heads: %lld is below 1",
                      (long long)n_heads);
  for (int64_t h = 0; h < n_heads; h++) {
    gattn_status status = check_member(context, graphs, h);
    if (status) return status;
  }
  gattn_stack *stack;
  gattn_status status = gattn_graph_new(
      context, &gattn_stack_class,
      sizeof *stack + (size_t)n_heads * sizeof(gattn_graph *), graphs[0]->n_q,
      graphs[0]->n_kv, &stack);
  if (status) return status;
  stack->heads = n_heads;
  for (int64_t h = 0; h < n_heads; h++)
    stack->head[h] = gattn_graph_retain(graphs[h]);
  *out = &stack->graph;
  return GATTN_SUCCESS;
}

gattn_status gattn_graph_head(gattn_context *context, gattn_graph *graph,
                              int64_t head, gattn_graph **out) {
  if (!context) return gattn_fail_null(context, "context");
  if (!graph) return gattn_fail_null(context, "graph");
  if (!out) return gattn_fail_null(context, "out");
  if (head < 0 || (gattn_is_stack(graph) && head >= gattn_graph_heads(graph)))
    return gattn_fail(context, GATTN_ERROR_INDEX,
                      "head: %lld is outside the stack of %lld graphs",
                      (long long)head, (long long)gattn_graph_heads(graph));
  *out = gattn_graph_retain(gattn_head_of(graph, head));
  return GATTN_SUCCESS;
}
