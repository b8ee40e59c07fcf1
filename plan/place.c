/* Planning: where values lie in the workspace.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/advance/advance.h"
#include "operators/gather/gather.h"
#include "operators/segmented_reduce/segmented_reduce.h"
#include "operators/segmented_softmax/segmented_softmax.h"
#include "plan/plan.h"

enum { INPUTS = 3, OUTPUTS = 2, ALIGNMENT = 64 };

/* Rounds up to the alignment of slots; false on overflow. */
static bool add_aligned(size_t a, size_t b, size_t *sum) {
  if (__builtin_add_overflow(a, b, sum)) return false;
  if (__builtin_add_overflow(*sum, (size_t)ALIGNMENT - 1, sum)) return false;
  *sum = *sum / ALIGNMENT * ALIGNMENT;
  return true;
}

static gattn_status overflow(gattn_plan *plan) {
  return gattn_fail(plan->context, GATTN_ERROR_OVERFLOW,
                    "workspace: the bytes of the intermediate values "
                    "overflow");
}

/* A step touches a value: it is bound, or lives from here to here. */
static void touch(gattn_plan *plan, gattn_value value, int32_t step) {
  if (value == GATTN_NO_VALUE) return;
  gattn_slot *slot = &plan->slots[value];
  const gattn_value_info *info = &plan->values[value];
  if (slot->place == GATTN_PLACE_NOWHERE) {
    bool bound = info->node < 0 || info->output;
    slot->place = bound ? GATTN_PLACE_BOUND : GATTN_PLACE_WORKSPACE;
    slot->first = step;
  }
  slot->last = step;
}

/* An output that nobody wants has no place. */
static void touch_outputs(gattn_plan *plan, const gattn_node *node,
                          int32_t step) {
  for (int n = 0; n < OUTPUTS; n++) {
    gattn_value value = node->outputs[n];
    if (value == GATTN_NO_VALUE) continue;
    if (plan->values[value].output || plan->slots[value].uses)
      touch(plan, value, step);
  }
}

static void touch_step(gattn_plan *plan, int32_t n) {
  const gattn_step *step = &plan->steps[n];
  const gattn_node *node = &plan->nodes[step->node];
  if (!step->attend) {
    for (int i = 0; i < INPUTS; i++) touch(plan, node->inputs[i], n);
    touch_outputs(plan, node, n);
    return;
  }
  const gattn_node *advance = &plan->nodes[step->advance];
  for (int i = 0; i < INPUTS; i++) touch(plan, advance->inputs[i], n);
  touch(plan, node->inputs[1], n);
  touch(plan, node->outputs[0], n);
  gattn_value lse = plan->nodes[step->softmax].outputs[1];
  if (plan->values[lse].output) touch(plan, lse, n);
}

/* Weights may take the memory of scores that end with them. */
static void share_softmax(gattn_plan *plan, int32_t n) {
  const gattn_node *node = &plan->nodes[plan->steps[n].node];
  if (plan->steps[n].attend || node->kind != GATTN_NODE_SEGMENTED_SOFTMAX)
    return;
  gattn_slot *scores = &plan->slots[node->inputs[0]];
  gattn_slot *weights = &plan->slots[node->outputs[0]];
  if (scores->place == GATTN_PLACE_WORKSPACE && scores->last == n &&
      weights->place == GATTN_PLACE_WORKSPACE)
    weights->same = node->inputs[0];
}

/* The value whose memory a value uses: itself, or the first of those that
 * share it. */
static gattn_value owner_of(const gattn_plan *plan, gattn_value value) {
  while (plan->slots[value].same != GATTN_NO_VALUE)
    value = plan->slots[value].same;
  return value;
}

/* Whether [offset, offset + bytes) is free during steps first … last.
 * If not, *next is the end of what stands in the way. */
static bool is_free(const gattn_plan *plan, gattn_value placed, int32_t first,
                    int32_t last, size_t offset, size_t bytes, size_t *next) {
  for (gattn_value value = 0; value < placed; value++) {
    const gattn_slot *slot = &plan->slots[value];
    if (slot->place != GATTN_PLACE_WORKSPACE || slot->same != GATTN_NO_VALUE ||
        slot->last < first || slot->first > last)
      continue;
    if (offset < slot->offset + slot->bytes && slot->offset < offset + bytes) {
      *next = slot->offset + slot->bytes;
      return false;
    }
  }
  return true;
}

/* The lowest place that is free; grows plan->workspace. */
static gattn_status find_place(gattn_plan *plan, gattn_value placed,
                               int32_t first, int32_t last, size_t bytes,
                               size_t *offset) {
  size_t end;
  *offset = 0;
  while (!is_free(plan, placed, first, last, *offset, bytes, offset)) {
  }
  if (!add_aligned(*offset, bytes, &end)) return overflow(plan);
  if (end > plan->workspace) plan->workspace = end;
  return GATTN_SUCCESS;
}

static gattn_status value_bytes(gattn_plan *plan, gattn_value value,
                                size_t *bytes) {
  const gattn_value_info *info = &plan->values[value];
  gattn_tensor tensor;
  gattn_status status = gattn_tensor_dense(plan->context, NULL, info->type,
                                           info->rank, info->shape, &tensor);
  if (status) return status;
  size_t exact =
      (size_t)gattn_tensor_elements(&tensor) * gattn_type_size(info->type);
  return add_aligned(exact, 0, bytes) ? GATTN_SUCCESS : overflow(plan);
}

/* Values in the order of their numbers, which is that of their making. */
static gattn_status place_values(gattn_plan *plan) {
  for (gattn_value value = 0; value < plan->n_values; value++) {
    gattn_slot *slot = &plan->slots[value];
    if (slot->place != GATTN_PLACE_WORKSPACE || slot->same != GATTN_NO_VALUE)
      continue;
    gattn_status status = value_bytes(plan, value, &slot->bytes);
    if (!status)
      status = find_place(plan, value, slot->first, slot->last, slot->bytes,
                          &slot->offset);
    if (status) return status;
  }
  return GATTN_SUCCESS;
}

/* What a step needs beside its values; SIZE_MAX when that overflows. */
static size_t scratch_bytes(const gattn_plan *plan, const gattn_step *step) {
  const gattn_context *context = plan->context;
  if (step->attend) return gattn_attend_workspace(step->attend);
  const gattn_node *node = &plan->nodes[step->node];
  const gattn_edges *edges = &plan->sets[step->set];
  const bool gathers = node->kind == GATTN_NODE_GATHER;
  gattn_view out;
  gattn_value_view(NULL, "out", &plan->values[node->outputs[0]],
                   gathers ? 4 : 3, &out);
  const int64_t batch = out.shape[0], heads = out.shape[1];
  switch (node->kind) {
    case GATTN_NODE_ADVANCE:
      return gattn_advance_scratch(context, edges, batch, heads);
    case GATTN_NODE_SEGMENTED_REDUCE:
      return gattn_segmented_reduce_scratch(context, edges, batch, heads);
    case GATTN_NODE_SEGMENTED_SOFTMAX:
      return gattn_segmented_softmax_scratch(context, edges, batch, heads);
    case GATTN_NODE_GATHER:
      return gattn_gather_scratch(context, edges, batch, heads, out.shape[3]);
  }
  return 0;
}

static gattn_status place_scratch(gattn_plan *plan) {
  for (int32_t n = 0; n < plan->n_steps; n++) {
    gattn_step *step = &plan->steps[n];
    const size_t bytes = scratch_bytes(plan, step);
    if (!bytes) continue;
    gattn_status status =
        find_place(plan, plan->n_values, n, n, bytes, &step->scratch);
    if (status) return status;
  }
  return GATTN_SUCCESS;
}

gattn_status gattn_plan_place(gattn_plan *plan) {
  for (gattn_value value = 0; value < plan->n_values; value++)
    plan->slots[value].same = GATTN_NO_VALUE;
  for (int32_t n = 0; n < plan->n_steps; n++) touch_step(plan, n);
  for (int32_t n = 0; n < plan->n_steps; n++) share_softmax(plan, n);
  for (gattn_value value = plan->n_values; value-- > 0;) {
    gattn_slot *slot = &plan->slots[value];
    gattn_slot *owner = &plan->slots[owner_of(plan, value)];
    if (slot->last > owner->last) owner->last = slot->last;
    if (slot != owner) slot->same = owner_of(plan, value);
  }
  plan->workspace = 0;
  gattn_status status = place_values(plan);
  return status ? status : place_scratch(plan);
}
