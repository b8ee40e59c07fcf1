/* Plans: made from a program, every choice decided.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/plan.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "lib/device.h"

void gattn_plan_destroy(gattn_plan *plan) {
  if (!plan) return;
  gattn_context *context = plan->context;
  if (gattn_on_device(context)) gattn_device_synchronize(context);
  for (int32_t n = 0; n < plan->n_steps; n++) {
    gattn_step *step = &plan->steps[n];
    if (step->attend) gattn_attend_destroy(step->attend);
    if (step->table)
      gattn_device_free(context, step->table, step->table_size,
                        sizeof *step->table);
  }
  for (int32_t n = 0; n < plan->n_sets; n++)
    gattn_edges_close(context, &plan->sets[n]);
  for (int32_t n = 0; plan->nodes && n < plan->n_nodes; n++) {
    gattn_graph_release(plan->nodes[n].edges.graph);
    gattn_frontier_release(plan->nodes[n].edges.frontier);
  }
  gattn_free(context, plan->sets, plan->n_nodes, sizeof *plan->sets);
  gattn_free(context, plan->steps, plan->n_nodes, sizeof *plan->steps);
  gattn_free(context, plan->needed, plan->n_nodes, sizeof *plan->needed);
  gattn_free(context, plan->nodes, plan->n_nodes, sizeof *plan->nodes);
  gattn_free(context, plan->slots, plan->n_values, sizeof *plan->slots);
  gattn_free(context, plan->values, plan->n_values, sizeof *plan->values);
  gattn_free(context, plan, 1, sizeof *plan);
  gattn_context_unref(context);
}

/* Zeroed; *array stays as it is on failure. */
static gattn_status allocate_array(gattn_context *context, int32_t count,
                                   size_t size, void *array) {
  void *memory;
  gattn_status status = gattn_allocate(context, "plan", count, size, &memory);
  if (status) return status;
  memset(memory, 0, (size_t)count * size);
  memcpy(array, &memory, sizeof memory);
  return GATTN_SUCCESS;
}

static gattn_status allocate_arrays(gattn_plan *plan) {
  gattn_context *context = plan->context;
  int32_t values = plan->n_values, nodes = plan->n_nodes;
  gattn_status status =
      allocate_array(context, values, sizeof *plan->values, &plan->values);
  if (!status)
    status = allocate_array(context, values, sizeof *plan->slots, &plan->slots);
  if (!status)
    status =
        allocate_array(context, nodes, sizeof *plan->needed, &plan->needed);
  if (!status)
    status = allocate_array(context, nodes, sizeof *plan->steps, &plan->steps);
  if (!status)
    status = allocate_array(context, nodes, sizeof *plan->sets, &plan->sets);
  if (!status)
    status = allocate_array(context, nodes, sizeof *plan->nodes, &plan->nodes);
  return status;
}

/* A plan that holds a copy of the program; at least one node. */
static gattn_status copy_program(const gattn_program *program,
                                 gattn_plan **out) {
  gattn_context *context = program->context;
  void *memory;
  gattn_status status =
      gattn_allocate(context, "plan", 1, sizeof(gattn_plan), &memory);
  if (status) return status;
  gattn_plan *plan = memory;
  *plan = (gattn_plan){.context = gattn_context_retain(context),
                       .n_values = program->n_values,
                       .n_nodes = program->n_nodes};
  status = allocate_arrays(plan);
  if (status) {
    gattn_plan_destroy(plan);
    return status;
  }
  for (int32_t n = 0; n < plan->n_values; n++)
    plan->values[n] = program->values[n];
  for (int32_t n = 0; n < plan->n_nodes; n++) {
    plan->nodes[n] = program->nodes[n];
    gattn_graph_retain(plan->nodes[n].edges.graph);
    gattn_frontier_retain(plan->nodes[n].edges.frontier);
  }
  *out = plan;
  return GATTN_SUCCESS;
}

/* Structures from before there was a planner to ask ended before the limits. */
static gattn_status read_options(gattn_context *context,
                                 const gattn_plan_options *given,
                                 gattn_plan_options *options) {
  *options = (gattn_plan_options){.struct_size = sizeof *options};
  if (!given) return GATTN_SUCCESS;
  if (given->struct_size != sizeof *options &&
      given->struct_size != offsetof(gattn_plan_options, limits))
    return gattn_fail(context, GATTN_ERROR_STRUCT_SIZE,
                      "options.struct_size: %zu, not %zu", given->struct_size,
                      sizeof *options);
  memcpy(options, given, given->struct_size);
  options->struct_size = sizeof *options;
  return GATTN_SUCCESS;
}

static bool is_rate(double rate) { return isfinite(rate) && rate > 0; }

static gattn_status check_limits(gattn_context *context,
                                 const gattn_limits *limits) {
  if (!limits) return GATTN_SUCCESS;
  if (limits->struct_size != sizeof *limits)
    return gattn_fail(context, GATTN_ERROR_STRUCT_SIZE,
                      "options.limits.struct_size: %zu, not %zu",
                      limits->struct_size, sizeof *limits);
  if (is_rate(limits->copy_bytes) && is_rate(limits->multiply_add) &&
      is_rate(limits->random_row_bytes) && limits->mma_sync >= 0 &&
      limits->wgmma >= 0 && isfinite(limits->mma_sync + limits->wgmma))
    return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                    "options.limits: rates of %g, %g, %g, %g and %g are not "
                    "all finite and above 0",
                    limits->copy_bytes, limits->multiply_add,
                    limits->random_row_bytes, limits->mma_sync, limits->wgmma);
}

static gattn_status check_options(gattn_context *context,
                                  const gattn_plan_options *options) {
  if (options->fusion != GATTN_FUSE_AUTO && options->fusion != GATTN_FUSE_NEVER)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "options.fusion: %d is no kind of fusion",
                      (int)options->fusion);
  if (options->effort != GATTN_EFFORT_ESTIMATE &&
      options->effort != GATTN_EFFORT_MEASURE)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "options.effort: %d is no effort", (int)options->effort);
  if (options->effort_bytes < 0)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "options.effort_bytes: %lld is negative",
                      (long long)options->effort_bytes);
  return check_limits(context, options->limits);
}

static gattn_status check_program(const gattn_program *program) {
  gattn_context *context = program->context;
  for (int32_t n = 0; n < program->n_values; n++)
    if (program->values[n].output) return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_STATE,
                    "program: none of its %d values is an output",
                    (int)program->n_values);
}

static gattn_planning planning_of(const gattn_plan_options *options) {
  gattn_planning planning = {.effort = options->effort,
                             .effort_bytes = options->effort_bytes,
                             .has_limits = options->limits != NULL};
  if (options->limits) planning.limits = *options->limits;
  return planning;
}

gattn_status gattn_plan_create(gattn_program *program,
                               const gattn_plan_options *given,
                               gattn_plan **out) {
  if (!program) return GATTN_ERROR_NULL;
  if (!out) return gattn_fail_null(program->context, "plan");
  gattn_plan *plan;
  gattn_plan_options options;
  gattn_status status = read_options(program->context, given, &options);
  if (!status) status = check_options(program->context, &options);
  if (!status) status = check_program(program);
  if (!status) status = copy_program(program, &plan);
  if (status) return status;
  plan->planning = planning_of(&options);
  gattn_plan_trace(plan);
  status =
      gattn_plan_make_steps(plan, options.fusion == GATTN_FUSE_AUTO);
  if (!status) status = gattn_plan_place(plan);
  if (status)
    gattn_plan_destroy(plan);
  else
    *out = plan;
  return status;
}

gattn_status gattn_plan_workspace(const gattn_plan *plan, size_t *bytes) {
  if (!plan) return GATTN_ERROR_NULL;
  if (!bytes) return gattn_fail_null(plan->context, "bytes");
  *bytes = plan->workspace;
  return GATTN_SUCCESS;
}
