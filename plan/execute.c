/* Plans: execution. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/device.h"
#include "operators/advance/advance.h"
#include "operators/gather/gather.h"
#include "operators/segmented_reduce/segmented_reduce.h"
#include "operators/segmented_softmax/segmented_softmax.h"
#include "plan/plan.h"

/* One execution: nothing of it outlives the call. A value's tensor is looked
 * up or made where a step needs it, so that no memory of the host's is wanted:
 * on a device the workspace is the device's. */
typedef struct execution {
  const gattn_plan *plan;
  const gattn_binding *bindings; /* [n] */
  int64_t n;
  char *workspace; /* where the context computes */
  void *stream;    /* null: the context's */
} execution;

/* ------------------------------------------------------------ bindings */

/* The tensor that a value is bound to, or null. */
static const gattn_tensor *bound(const execution *run, gattn_value value) {
  for (int64_t b = 0; b < run->n; b++)
    if (run->bindings[b].value == value) return run->bindings[b].tensor;
  return NULL;
}

static gattn_status check_binding(const execution *run, gattn_value value,
                                  const gattn_tensor *tensor) {
  gattn_context *context = run->plan->context;
  const gattn_value_info *info = &run->plan->values[value];
  gattn_view view;
  gattn_status status = gattn_view_of(
      context, info->name, tensor, tensor && tensor->rank == 1 ? 3 : 4, &view);
  if (!status)
    status = gattn_check_type(context, info->name, &view, info->type);
  if (status) return status;
  if (tensor->rank != info->rank)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "%s: has rank %d, expected %d", info->name,
                      (int)tensor->rank, (int)info->rank);
  for (int a = 0; a < info->rank; a++)
    if (tensor->shape[a] != info->shape[a])
      return gattn_fail(context, GATTN_ERROR_SHAPE,
                        "%s: has extent %lld on axis %d, expected %lld",
                        info->name, (long long)tensor->shape[a], a,
                        (long long)info->shape[a]);
  return info->output ? gattn_view_check_output(context, info->name, &view)
                      : GATTN_SUCCESS;
}

static gattn_status check_one(const execution *run, int64_t b) {
  const gattn_plan *plan = run->plan;
  const gattn_binding *binding = &run->bindings[b];
  gattn_value value = binding->value;
  if (value < 0 || value >= plan->n_values)
    return gattn_fail(plan->context, GATTN_ERROR_STATE,
                      "bindings: %d is none of the program's %d values",
                      (int)value, (int)plan->n_values);
  const gattn_value_info *info = &plan->values[value];
  if (info->node >= 0 && !info->output)
    return gattn_fail(plan->context, GATTN_ERROR_STATE,
                      "bindings: %s is neither an input nor an output",
                      info->name);
  for (int64_t earlier = 0; earlier < b; earlier++)
    if (run->bindings[earlier].value == value)
      return gattn_fail(plan->context, GATTN_ERROR_STATE,
                        "bindings: %s is bound twice", info->name);
  return check_binding(run, value, binding->tensor);
}

/* A view of a bound value. */
static void bound_view(const execution *run, const gattn_binding *binding,
                       gattn_view *view) {
  gattn_view_of(run->plan->context, run->plan->values[binding->value].name,
                binding->tensor, binding->tensor->rank == 1 ? 3 : 4, view);
}

/* No output may share memory with another bound tensor: steps would read
 * what others have written. */
static gattn_status check_overlaps(const execution *run,
                                   const gattn_binding *output) {
  const gattn_value_info *values = run->plan->values;
  gattn_view written, other;
  if (!values[output->value].output) return GATTN_SUCCESS;
  bound_view(run, output, &written);
  for (int64_t b = 0; b < run->n; b++) {
    const gattn_binding *binding = &run->bindings[b];
    if (binding == output) continue;
    bound_view(run, binding, &other);
    gattn_status status = gattn_check_overlap(
        run->plan->context, values[output->value].name, &written,
        values[binding->value].name, &other, false);
    if (status) return status;
  }
  return GATTN_SUCCESS;
}

static gattn_status check_bindings(const execution *run) {
  const gattn_plan *plan = run->plan;
  gattn_status status = GATTN_SUCCESS;
  for (int64_t b = 0; b < run->n && !status; b++) status = check_one(run, b);
  for (gattn_value value = 0; value < plan->n_values && !status; value++)
    if (plan->slots[value].place == GATTN_PLACE_BOUND && !bound(run, value))
      status =
          gattn_fail(plan->context, GATTN_ERROR_STATE,
                     "bindings: %s is not bound", plan->values[value].name);
  for (int64_t b = 0; b < run->n && !status; b++)
    status = check_overlaps(run, &run->bindings[b]);
  return status;
}

/* The value's tensor, bound or in the workspace; rank 0 where it has none. */
static gattn_status tensor_of(const execution *run, gattn_value value,
                              gattn_tensor *tensor) {
  const gattn_plan *plan = run->plan;
  *tensor = (gattn_tensor){0};
  if (value == GATTN_NO_VALUE) return GATTN_SUCCESS;
  const gattn_slot *slot = &plan->slots[value];
  const gattn_value_info *info = &plan->values[value];
  const gattn_tensor *given = bound(run, value);
  if (given) *tensor = *given;
  if (given || slot->place != GATTN_PLACE_WORKSPACE) return GATTN_SUCCESS;
  gattn_value owner = slot->same == GATTN_NO_VALUE ? value : slot->same;
  gattn_status status = gattn_tensor_dense(
      plan->context, run->workspace + plan->slots[owner].offset, info->type,
      info->rank, info->shape, tensor);
  if (!status) tensor->device = gattn_context_device(plan->context);
  return status;
}

static gattn_status view_of(const execution *run, gattn_value value, int axes,
                            gattn_view *view) {
  gattn_tensor tensor;
  gattn_status status = tensor_of(run, value, &tensor);
  *view = (gattn_view){0};
  if (status || tensor.rank == 0) return status;
  return gattn_view_of(run->plan->context, run->plan->values[value].name,
                       &tensor, axes, view);
}

/* ------------------------------------------------------------ steps */

static const gattn_node *node_of(const execution *run,
                                 const gattn_step *step) {
  return &run->plan->nodes[step->node];
}

static const gattn_edges *edges_of(const execution *run,
                                   const gattn_step *step) {
  return &run->plan->sets[step->set];
}

static gattn_status run_advance(const execution *run, const gattn_step *step) {
  const gattn_node *node = node_of(run, step);
  gattn_advance_job job = {.edges = edges_of(run, step),
                           .scale = node->scale,
                           .score = node->score,
                           .device_score = step->score};
  gattn_status status = view_of(run, node->inputs[0], 4, &job.q);
  if (!status) status = view_of(run, node->inputs[1], 4, &job.k);
  if (!status) status = view_of(run, node->inputs[2], 3, &job.edge_values);
  if (!status) status = view_of(run, node->outputs[0], 3, &job.out);
  return status ? status
                : gattn_advance_run(run->plan->context, &job,
                                    run->workspace + step->scratch,
                                    run->stream);
}

static gattn_status run_reduce(const execution *run, const gattn_step *step) {
  const gattn_node *node = node_of(run, step);
  gattn_segmented_reduce_job job = {.edges = edges_of(run, step),
                                    .monoid = node->monoid};
  gattn_status status = view_of(run, node->inputs[0], 3, &job.values);
  if (!status) status = view_of(run, node->outputs[0], 3, &job.out);
  return status ? status
                : gattn_segmented_reduce_run(run->plan->context, &job,
                                             run->workspace + step->scratch,
                                             run->stream);
}

static gattn_status run_softmax(const execution *run, const gattn_step *step) {
  const gattn_node *node = node_of(run, step);
  gattn_segmented_softmax_job job = {.edges = edges_of(run, step)};
  gattn_status status = view_of(run, node->inputs[0], 3, &job.scores);
  if (!status) status = view_of(run, node->outputs[0], 3, &job.weights);
  if (!status) status = view_of(run, node->outputs[1], 3, &job.lse);
  return status ? status
                : gattn_segmented_softmax_run(run->plan->context, &job,
                                              run->workspace + step->scratch,
                                              run->stream);
}

static gattn_status run_gather(const execution *run, const gattn_step *step) {
  const gattn_node *node = node_of(run, step);
  gattn_gather_job job = {.edges = edges_of(run, step)};
  gattn_status status = view_of(run, node->inputs[0], 3, &job.weights);
  if (!status) status = view_of(run, node->inputs[1], 4, &job.v);
  if (!status) status = view_of(run, node->outputs[0], 4, &job.o);
  return status ? status
                : gattn_gather_run(run->plan->context, &job,
                                   run->workspace + step->scratch,
                                   run->stream);
}

/* One row per gattn_node_kind. */
static gattn_status (*const run_table[])(const execution *,
                                         const gattn_step *) = {
    [GATTN_NODE_ADVANCE] = run_advance,
    [GATTN_NODE_SEGMENTED_REDUCE] = run_reduce,
    [GATTN_NODE_SEGMENTED_SOFTMAX] = run_softmax,
    [GATTN_NODE_GATHER] = run_gather,
};

static gattn_status run_fused(const execution *run, const gattn_step *step) {
  const gattn_plan *plan = run->plan;
  const gattn_node *advance = &plan->nodes[step->advance];
  const gattn_node *gather = &plan->nodes[step->node];
  gattn_value lse = plan->nodes[step->softmax].outputs[1];
  gattn_attend_operands operands;
  gattn_status status = view_of(run, advance->inputs[0], 4, &operands.q);
  if (!status) status = view_of(run, advance->inputs[1], 4, &operands.k);
  if (!status) status = view_of(run, gather->inputs[1], 4, &operands.v);
  if (!status)
    status = view_of(run, advance->inputs[2], 3, &operands.edge_values);
  if (!status) status = view_of(run, gather->outputs[0], 4, &operands.o);
  if (!status) status = view_of(run, lse, 3, &operands.lse);
  if (!status)
    status = gattn_attend_execute(step->attend, &operands,
                                  run->workspace + step->scratch, run->stream);
  return status ? status
                : gattn_edges_check_broken(plan->context, &advance->edges);
}

static gattn_status run_step(const execution *run, const gattn_step *step) {
  return step->attend ? run_fused(run, step)
                      : run_table[node_of(run, step)->kind](run, step);
}

static gattn_status run_steps(execution *run) {
  const gattn_plan *plan = run->plan;
  const bool on_device = gattn_on_device(plan->context);
  gattn_status status = GATTN_SUCCESS;
  int previous;
  if (on_device && !run->stream)
    run->stream = gattn_device_stream(plan->context);
  if (on_device) status = gattn_device_enter(plan->context, &previous);
  if (status) return status;
  for (int32_t s = 0; s < plan->n_steps && !status; s++)
    status = run_step(run, &plan->steps[s]);
  if (on_device) gattn_device_leave(plan->context, previous);
  return status;
}

static gattn_status check_workspace(const gattn_plan *plan,
                                    const void *workspace, size_t bytes) {
  if (bytes < plan->workspace || (!workspace && plan->workspace))
    return gattn_fail(plan->context, GATTN_ERROR_WORKSPACE,
                      "workspace: %zu bytes at %p, but the plan needs %zu",
                      bytes, workspace, plan->workspace);
  if ((uintptr_t)workspace % 64)
    return gattn_fail(plan->context, GATTN_ERROR_WORKSPACE,
                      "workspace: %p is not aligned to 64 bytes", workspace);
  return GATTN_SUCCESS;
}

gattn_status gattn_plan_execute(gattn_plan *plan, const gattn_binding *bindings,
                                int64_t n, void *workspace,
                                size_t workspace_bytes, void *stream) {
  if (!plan) return GATTN_ERROR_NULL;
  if (!bindings) return gattn_fail_null(plan->context, "bindings");
  if (n < 0)
    return gattn_fail(plan->context, GATTN_ERROR_SIZE, "n: %lld is negative",
                      (long long)n);
  if (stream && gattn_context_device(plan->context) == GATTN_CPU)
    return gattn_fail(plan->context, GATTN_ERROR_ARGUMENT,
                      "stream: %p, but the CPU has no streams", stream);
  gattn_status status = check_workspace(plan, workspace, workspace_bytes);
  if (status) return status;
  execution run = {.plan = plan,
                   .bindings = bindings,
                   .n = n,
                   .workspace = workspace,
                   .stream = stream};
  status = check_bindings(&run);
  return status ? status : run_steps(&run);
}
