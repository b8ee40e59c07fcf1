/* Programs: the operators as nodes. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "operators/segmented_reduce/segmented_reduce.h"
#include "plan/program.h"

/* A value of this program, of one of two kinds. */
static gattn_status find(gattn_program *program, const char *name,
                         gattn_value value, gattn_value_kind kind,
                         gattn_value_kind or_kind,
                         const gattn_value_info **info) {
  static const char *const kinds[] = {"a tensor", "edge values",
                                      "values of rows"};
  if (value < 0 || value >= program->n_values)
    return gattn_fail(program->context, GATTN_ERROR_STATE,
                      "%s: %d is none of the program's %d values", name,
                      (int)value, (int)program->n_values);
  const gattn_value_info *found = &program->values[value];
  if (found->kind != kind && found->kind != or_kind)
    return gattn_fail(program->context, GATTN_ERROR_STATE,
                      "%s: value %d is %s, expected %s", name, (int)value,
                      kinds[found->kind], kinds[kind]);
  *info = found;
  return GATTN_SUCCESS;
}

static gattn_status find_tensor(gattn_program *program, const char *name,
                                gattn_value value,
                                const gattn_value_info **info,
                                gattn_view *view) {
  gattn_status status =
      find(program, name, value, GATTN_VALUE_TENSOR, GATTN_VALUE_TENSOR, info);
  return status ? status
                : gattn_value_view(program->context, name, *info, 4, view);
}

/* Appends a node whose values have been appended; retains what it holds. */
static void append_node(gattn_program *program, const gattn_node *node) {
  gattn_graph_retain(node->edges.graph);
  gattn_frontier_retain(node->edges.frontier);
  program->nodes[program->n_nodes++] = *node;
}

/* Edge values of an advance: bound, so their extent must be counted, or
 * computed on the same edges. */
static gattn_status check_edge_values(gattn_program *program, gattn_value value,
                                      gattn_edges *edges, const gattn_view *q) {
  gattn_context *context = program->context;
  const gattn_value_info *info = NULL;
  gattn_view view;
  gattn_status status = find(program, "edge_values", value, GATTN_VALUE_EDGES,
                             GATTN_VALUE_TENSOR, &info);
  if (!status)
    status = gattn_value_view(context, "edge_values", info, 3, &view);
  if (status) return status;
  if (info->kind == GATTN_VALUE_EDGES) {
    if (!gattn_edges_equal(&program->nodes[info->node].edges, edges))
      return gattn_fail(context, GATTN_ERROR_STATE,
                        "edge_values: value %d is of another graph or "
                        "frontier",
                        (int)value);
    view.shape[2] = edges->edges;
  } else {
    status = gattn_edges_count(context, edges);
    if (status) return status;
  }
  return gattn_check_edge_values_of(context, "edge_values", edges, &view,
                                    q->shape[0], q->shape[1]);
}

gattn_status gattn_program_advance(gattn_program *program, gattn_graph *graph,
                                   gattn_frontier *frontier, gattn_value q,
                                   gattn_value k, const double *scale,
                                   const gattn_score *score,
                                   gattn_value edge_values,
                                   gattn_value *scores) {
  if (!program) return GATTN_ERROR_NULL;
  gattn_context *context = program->context;
  if (!scores) return gattn_fail_null(context, "scores");
  const gattn_value_info *q_info = NULL, *k_info = NULL;
  gattn_view q_view, k_view;
  gattn_node node = {.kind = GATTN_NODE_ADVANCE,
                     .inputs = {q, k, edge_values},
                     .outputs = {0, GATTN_NO_VALUE},
                     .score = gattn_score_of(score)};
  bool given = edge_values != GATTN_NO_VALUE;
  gattn_status status = gattn_edges_of(context, graph, frontier, &node.edges);
  if (!status) status = find_tensor(program, "q", q, &q_info, &q_view);
  if (!status) status = find_tensor(program, "k", k, &k_info, &k_view);
  if (!status)
    status = gattn_check_advance(context, &node.edges, &q_view, &k_view, score,
                                 given);
  if (!status)
    status = gattn_check_scale(context, scale, q_view.shape[3], &node.scale);
  if (!status && given)
    status = check_edge_values(program, edge_values, &node.edges, &q_view);
  int32_t rank = status ? 0 : q_info->rank - 1;
  if (!status) status = gattn_program_reserve(program, 1, 1);
  if (status) return status;
  const int64_t shape[] = {q_view.shape[0], q_view.shape[1], node.edges.edges};
  node.outputs[0] = gattn_program_append_value(
      program, GATTN_VALUE_EDGES, GATTN_FLOAT32, rank, shape + 3 - rank);
  append_node(program, &node);
  *scores = node.outputs[0];
  return GATTN_SUCCESS;
}

/* What a node on edge values begins with: the same edges. */
static gattn_status find_edges(gattn_program *program, const char *name,
                               gattn_value value, gattn_node *node) {
  const gattn_value_info *info = NULL;
  gattn_status status =
      find(program, name, value, GATTN_VALUE_EDGES, GATTN_VALUE_EDGES, &info);
  if (status) return status;
  node->edges = program->nodes[info->node].edges;
  node->inputs[0] = value;
  return GATTN_SUCCESS;
}

/* The shape of row values beside edge values: the last axis is n_f. */
static void rows_shape(const gattn_value_info *values, const gattn_edges *edges,
                       int64_t shape[GATTN_MAX_RANK]) {
  memcpy(shape, values->shape, sizeof values->shape);
  shape[values->rank - 1] = edges->n_f;
}

static const gattn_node blank_node = {
    .inputs = {GATTN_NO_VALUE, GATTN_NO_VALUE, GATTN_NO_VALUE},
    .outputs = {GATTN_NO_VALUE, GATTN_NO_VALUE}};

gattn_status gattn_program_segmented_reduce(gattn_program *program,
                                            gattn_monoid monoid,
                                            gattn_value values,
                                            gattn_value *rows) {
  if (!program) return GATTN_ERROR_NULL;
  if (!rows) return gattn_fail_null(program->context, "rows");
  gattn_node node = blank_node;
  node.kind = GATTN_NODE_SEGMENTED_REDUCE;
  node.monoid = monoid;
  gattn_status status = gattn_monoid_check(program->context, monoid);
  if (!status) status = find_edges(program, "values", values, &node);
  if (!status) status = gattn_program_reserve(program, 1, 1);
  if (status) return status;
  int64_t shape[GATTN_MAX_RANK];
  rows_shape(&program->values[values], &node.edges, shape);
  node.outputs[0] = gattn_program_append_value(
      program, GATTN_VALUE_ROWS, gattn_monoid_type(monoid),
      program->values[values].rank, shape);
  append_node(program, &node);
  *rows = node.outputs[0];
  return GATTN_SUCCESS;
}

gattn_status gattn_program_segmented_softmax(gattn_program *program,
                                             gattn_value scores,
                                             gattn_value *weights,
                                             gattn_value *lse) {
  if (!program) return GATTN_ERROR_NULL;
  if (!weights) return gattn_fail_null(program->context, "weights");
  gattn_node node = blank_node;
  node.kind = GATTN_NODE_SEGMENTED_SOFTMAX;
  gattn_status status = find_edges(program, "scores", scores, &node);
  if (!status) status = gattn_program_reserve(program, 2, 1);
  if (status) return status;
  const gattn_value_info *info = &program->values[scores];
  int64_t shape[GATTN_MAX_RANK];
  rows_shape(info, &node.edges, shape);
  node.outputs[0] = gattn_program_append_value(
      program, GATTN_VALUE_EDGES, GATTN_FLOAT32, info->rank, info->shape);
  node.outputs[1] = gattn_program_append_value(
      program, GATTN_VALUE_ROWS, GATTN_FLOAT32, info->rank, shape);
  append_node(program, &node);
  *weights = node.outputs[0];
  if (lse) *lse = node.outputs[1];
  return GATTN_SUCCESS;
}

gattn_status gattn_program_gather(gattn_program *program, gattn_value weights,
                                  gattn_value v, gattn_value *o) {
  if (!program) return GATTN_ERROR_NULL;
  gattn_context *context = program->context;
  if (!o) return gattn_fail_null(context, "o");
  const gattn_value_info *v_info = NULL;
  gattn_view weights_view, v_view;
  gattn_node node = blank_node;
  node.kind = GATTN_NODE_GATHER;
  node.inputs[1] = v;
  gattn_status status = find_edges(program, "weights", weights, &node);
  if (!status)
    status = gattn_value_view(context, "weights", &program->values[weights], 3,
                              &weights_view);
  if (!status) status = find_tensor(program, "v", v, &v_info, &v_view);
  if (!status) status = gattn_check_real(context, "v", &v_view);
  if (!status)
    status = gattn_check_keys(context, "v", &node.edges, &v_view, v_view.type,
                              weights_view.shape[0], weights_view.shape[1]);
  if (!status) status = gattn_program_reserve(program, 1, 1);
  if (status) return status;
  int32_t rank = program->values[weights].rank + 1;
  const int64_t shape[] = {weights_view.shape[0], weights_view.shape[1],
                           node.edges.n_f, v_view.shape[3]};
  node.outputs[0] = gattn_program_append_value(
      program, GATTN_VALUE_TENSOR, v_view.type, rank, shape + 4 - rank);
  append_node(program, &node);
  *o = node.outputs[0];
  return GATTN_SUCCESS;
}
