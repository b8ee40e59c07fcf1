/* Plans: what they will do, in lines. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/segmented_reduce/segmented_reduce.h"
#include "plan/plan.h"

static const char *const operator_names[] = {
    [GATTN_NODE_ADVANCE] = "advance",
    [GATTN_NODE_SEGMENTED_REDUCE] = "segmented_reduce",
    [GATTN_NODE_SEGMENTED_SOFTMAX] = "segmented_softmax",
    [GATTN_NODE_GATHER] = "gather",
};

/* What a step reads and writes, and the operations it makes, per edge and per
 * row of every batch and head. */
typedef struct cost {
  double edge_bytes, row_bytes, edge_operations;
} cost;

static double row_bytes(const gattn_value_info *info) {
  return (double)info->shape[info->rank - 1] *
         (double)gattn_type_size(info->type);
}

static cost advance_cost(const gattn_plan *plan, const gattn_node *node) {
  const gattn_value_info *q = &plan->values[node->inputs[0]];
  bool values = node->inputs[2] != GATTN_NO_VALUE;
  return (cost){row_bytes(&plan->values[node->inputs[1]]) + 4 + 4 * values,
                row_bytes(q), 2 * (double)q->shape[q->rank - 1]};
}

static cost gather_cost(const gattn_plan *plan, const gattn_node *node) {
  const gattn_value_info *v = &plan->values[node->inputs[1]];
  return (cost){4 + row_bytes(v), row_bytes(v),
                2 * (double)v->shape[v->rank - 1]};
}

static cost reduce_cost(const gattn_node *node) {
  double width = (double)gattn_type_size(gattn_monoid_type(node->monoid));
  return (cost){node->monoid == GATTN_COUNT ? 0 : 4, width, 1};
}

static cost node_cost(const gattn_plan *plan, const gattn_node *node) {
  switch (node->kind) {
    case GATTN_NODE_ADVANCE:
      return advance_cost(plan, node);
    case GATTN_NODE_GATHER:
      return gather_cost(plan, node);
    case GATTN_NODE_SEGMENTED_REDUCE:
      return reduce_cost(node);
    default:
      return (cost){12, 4, 4}; /* two reads and a write; max, exp, sum, scale */
  }
}

/* Of one graph; where they lie on a device, what there is room for. */
static double edges_of(const gattn_edges *set, int64_t g) {
  return (double)(set->device ? set->device->rows[g].edges
                              : gattn_edges_offsets(set, g)[set->n_f]);
}

/* Edges of all batches and heads. */
static double all_edges(const gattn_edges *set, const gattn_view *values) {
  double edges = 0;
  for (int64_t g = 0; g < set->graphs; g++) edges += edges_of(set, g);
  double heads = set->graphs > 1 ? 1 : (double)values->shape[1];
  return (double)values->shape[0] * heads * edges;
}

static void explain_edges(const gattn_edges *edges, gattn_text *text) {
  gattn_text_append(text, "   graph ");
  edges->graph->class_->describe(edges->graph, text);
  gattn_text_append(text, " over %lld x %lld, ", (long long)edges->n_q,
                    (long long)edges->n_kv);
  if (edges->frontier)
    gattn_text_append(text, "frontier of %lld vertices\n",
                      (long long)edges->n_f);
  else
    gattn_text_append(text, "all query vertices\n");
}

/* The value that tells a node's batch and heads. */
static gattn_value edge_value_of(const gattn_node *node) {
  return node->kind == GATTN_NODE_ADVANCE ? node->outputs[0] : node->inputs[0];
}

static void explain_node(const gattn_plan *plan, const gattn_step *step,
                         gattn_text *text) {
  const gattn_node *node = &plan->nodes[step->node];
  const gattn_edges *set = &plan->sets[step->set];
  gattn_view values;
  gattn_value_view(NULL, "", &plan->values[edge_value_of(node)], 3, &values);
  double edges = all_edges(set, &values);
  double rows = (double)(values.shape[0] * values.shape[1]) * (double)set->n_f;
  cost each = node_cost(plan, node);
  gattn_text_append(text, "%s", operator_names[node->kind]);
  if (node->kind == GATTN_NODE_ADVANCE)
    gattn_text_append(text, " (score: %s)", gattn_score_name(&node->score));
  if (node->kind == GATTN_NODE_SEGMENTED_REDUCE)
    gattn_text_append(text, " (%s)", gattn_monoid_name(node->monoid));
  gattn_text_append(text, "\n");
  explain_edges(set, text);
  gattn_text_append(text, "   edges %.0f, bytes %.0f, operations %.0f\n", edges,
                    edges * each.edge_bytes + rows * each.row_bytes,
                    edges * each.edge_operations);
}

static void explain_fused(const gattn_plan *plan, const gattn_step *step,
                          gattn_text *text) {
  const gattn_node *advance = &plan->nodes[step->advance];
  gattn_text_append(text,
                    "attention: advance (score: %s), segmented_softmax and "
                    "gather fused\n",
                    gattn_score_name(&advance->score));
  explain_edges(&advance->edges, text);
  gattn_attend_explain(step->attend, text);
}

gattn_status gattn_plan_explain(const gattn_plan *plan, char *text,
                                size_t size) {
  if (!plan) return GATTN_ERROR_NULL;
  if (!text && size) return gattn_fail_null(plan->context, "text");
  gattn_text written = gattn_text_start(text, size);
  for (int32_t n = 0; n < plan->n_steps; n++) {
    gattn_text_append(&written, "%d. ", (int)n + 1);
    if (plan->steps[n].attend)
      explain_fused(plan, &plan->steps[n], &written);
    else
      explain_node(plan, &plan->steps[n], &written);
  }
  gattn_text_append(&written, "workspace: %zu bytes\n", plan->workspace);
  return written.truncated ? GATTN_NOTE_TRUNCATED : GATTN_SUCCESS;
}
