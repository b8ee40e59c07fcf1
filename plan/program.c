/* Programs: values, inputs and outputs. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/program.h"

#include <stdio.h>
#include <string.h>

gattn_status gattn_program_create(gattn_context *context, gattn_program **out) {
  if (!context) return GATTN_ERROR_NULL;
  if (!out) return gattn_fail_null(context, "program");
  void *memory;
  gattn_status status =
      gattn_allocate(context, "program", 1, sizeof(gattn_program), &memory);
  if (status) return status;
  gattn_program *program = memory;
  *program = (gattn_program){.context = gattn_context_retain(context)};
  *out = program;
  return GATTN_SUCCESS;
}

void gattn_program_destroy(gattn_program *program) {
  if (!program) return;
  gattn_context *context = program->context;
  for (int32_t n = 0; n < program->n_nodes; n++) {
    gattn_graph_release(program->nodes[n].edges.graph);
    gattn_frontier_release(program->nodes[n].edges.frontier);
  }
  gattn_free(context, program->nodes, program->node_capacity,
             sizeof *program->nodes);
  gattn_free(context, program->values, program->value_capacity,
             sizeof *program->values);
  gattn_free(context, program, 1, sizeof *program);
  gattn_context_unref(context);
}

/* Moves an array of *capacity elements into one with room for `wanted`. */
static gattn_status grow(gattn_context *context, const char *what,
                         int32_t wanted, size_t size, int32_t *capacity,
                         void **array) {
  if (wanted <= *capacity) return GATTN_SUCCESS;
  int32_t doubled = *capacity < 8 ? 16 : 2 * *capacity;
  void *larger;
  gattn_status status = gattn_allocate(context, what, doubled, size, &larger);
  if (status) return status;
  if (*array) memcpy(larger, *array, (size_t)*capacity * size);
  gattn_free(context, *array, *capacity, size);
  *array = larger;
  *capacity = doubled;
  return GATTN_SUCCESS;
}

gattn_status gattn_program_reserve(gattn_program *program, int32_t values,
                                   int32_t nodes) {
  void *array = program->values;
  if (program->n_values > INT32_MAX / 4)
    return gattn_fail(program->context, GATTN_ERROR_OVERFLOW,
                      "program: has %d values", (int)program->n_values);
  gattn_status status =
      grow(program->context, "values", program->n_values + values,
           sizeof *program->values, &program->value_capacity, &array);
  program->values = array;
  if (status) return status;
  array = program->nodes;
  status = grow(program->context, "nodes", program->n_nodes + nodes,
                sizeof *program->nodes, &program->node_capacity, &array);
  program->nodes = array;
  return status;
}

gattn_value gattn_program_append_value(gattn_program *program,
                                       gattn_value_kind kind, gattn_type type,
                                       int32_t rank, const int64_t *shape) {
  gattn_value value = program->n_values++;
  gattn_value_info *info = &program->values[value];
  *info = (gattn_value_info){
      .kind = kind, .type = type, .rank = rank, .node = program->n_nodes};
  memcpy(info->shape, shape, (size_t)rank * sizeof *shape);
  snprintf(info->name, sizeof info->name, "value %d", (int)value);
  return value;
}

gattn_status gattn_program_input(gattn_program *program, const char *name,
                                 gattn_type type, int32_t rank,
                                 const int64_t *shape, gattn_value *value) {
  if (!program) return GATTN_ERROR_NULL;
  if (!name) return gattn_fail_null(program->context, "name");
  if (!value) return gattn_fail_null(program->context, "value");
  gattn_tensor checked;
  gattn_status status =
      gattn_tensor_dense(program->context, NULL, type, rank, shape, &checked);
  if (!status) status = gattn_program_reserve(program, 1, 0);
  if (status) return status;
  *value = gattn_program_append_value(program, GATTN_VALUE_TENSOR, type, rank,
                                      shape);
  gattn_value_info *info = &program->values[*value];
  info->node = -1;
  snprintf(info->name, sizeof info->name, "%s", name);
  return GATTN_SUCCESS;
}

static gattn_status check_value(gattn_program *program, gattn_value value) {
  if (value >= 0 && value < program->n_values) return GATTN_SUCCESS;
  return gattn_fail(program->context, GATTN_ERROR_STATE,
                    "value: %d is none of the program's %d values", (int)value,
                    (int)program->n_values);
}

gattn_status gattn_program_output(gattn_program *program, const char *name,
                                  gattn_value value) {
  if (!program) return GATTN_ERROR_NULL;
  if (!name) return gattn_fail_null(program->context, "name");
  gattn_status status = check_value(program, value);
  if (status) return status;
  gattn_value_info *info = &program->values[value];
  if (info->node < 0)
    return gattn_fail(program->context, GATTN_ERROR_STATE,
                      "value: %d is the input \"%s\", which cannot be an "
                      "output",
                      (int)value, info->name);
  if (info->output)
    return gattn_fail(program->context, GATTN_ERROR_STATE,
                      "value: %d is already the output \"%s\"", (int)value,
                      info->name);
  info->output = true;
  snprintf(info->name, sizeof info->name, "%s", name);
  return GATTN_SUCCESS;
}

gattn_status gattn_program_value(gattn_program *program, gattn_value value,
                                 gattn_type *type, int32_t *rank,
                                 int64_t shape[GATTN_MAX_RANK]) {
  if (!program) return GATTN_ERROR_NULL;
  if (!type) return gattn_fail_null(program->context, "type");
  if (!rank) return gattn_fail_null(program->context, "rank");
  if (!shape) return gattn_fail_null(program->context, "shape");
  gattn_status status = check_value(program, value);
  if (status) return status;
  gattn_value_info *info = &program->values[value];
  int64_t *last = &info->shape[info->rank - 1];
  if (info->kind == GATTN_VALUE_EDGES && *last < 0) {
    gattn_edges *edges = &program->nodes[info->node].edges;
    status = gattn_edges_count(program->context, edges);
    if (status) return status;
    *last = edges->edges;
  }
  *type = info->type;
  *rank = info->rank;
  memcpy(shape, info->shape, sizeof info->shape);
  return GATTN_SUCCESS;
}

gattn_status gattn_value_view(gattn_context *context, const char *name,
                              const gattn_value_info *value, int axes,
                              gattn_view *view) {
  if (value->rank < axes - 2 || value->rank > axes)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "%s: has rank %d, expected %d to %d", name,
                      (int)value->rank, axes - 2, axes);
  int missing = axes - value->rank;
  *view = (gattn_view){.type = value->type};
  for (int a = 0; a < GATTN_MAX_RANK; a++)
    view->shape[a] = a >= missing && a < axes ? value->shape[a - missing] : 1;
  return GATTN_SUCCESS;
}
