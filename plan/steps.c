/* Planning: which nodes run, fused how, over which edges.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/device.h"
#include "operators/attention.h"
#include "plan/plan.h"

enum { INPUTS = 3, OUTPUTS = 2 };

static bool node_needed(const gattn_plan *plan, const gattn_node *node) {
  for (int n = 0; n < OUTPUTS; n++) {
    gattn_value value = node->outputs[n];
    if (value == GATTN_NO_VALUE) continue;
    if (plan->values[value].output || plan->slots[value].uses) return true;
  }
  return false;
}

/* Nodes stand after those whose values they use, so one pass backwards
 * finds all. */
void gattn_plan_trace(gattn_plan *plan) {
  for (int32_t n = plan->n_nodes; n-- > 0;) {
    const gattn_node *node = &plan->nodes[n];
    plan->needed[n] = node_needed(plan, node);
    for (int i = 0; i < INPUTS && plan->needed[n]; i++)
      if (node->inputs[i] != GATTN_NO_VALUE)
        plan->slots[node->inputs[i]].uses++;
  }
}

/* The node that computes a value which only its one user needs; else -1. */
static int32_t sole_producer(const gattn_plan *plan, gattn_value value,
                             gattn_node_kind kind) {
  const gattn_value_info *info = &plan->values[value];
  if (info->node < 0 || info->output || plan->slots[value].uses != 1) return -1;
  return plan->nodes[info->node].kind == kind ? info->node : -1;
}

/* The shapes of a chain's q, k, v; they were checked when it was built. */
static void chain_views(const gattn_plan *plan, const gattn_node *advance,
                        const gattn_node *gather, gattn_view *q, gattn_view *k,
                        gattn_view *v) {
  gattn_value_view(NULL, "q", &plan->values[advance->inputs[0]], 4, q);
  gattn_value_view(NULL, "k", &plan->values[advance->inputs[1]], 4, k);
  gattn_value_view(NULL, "v", &plan->values[gather->inputs[1]], 4, v);
}

/* Attention wants one type, one number of key heads, and a set of vertices. */
static bool chain_fits(const gattn_plan *plan, const gattn_node *advance,
                       const gattn_node *gather) {
  const gattn_frontier *frontier = advance->edges.frontier;
  gattn_view q, k, v;
  chain_views(plan, advance, gather, &q, &k, &v);
  return (!frontier || frontier->unique) && q.type == v.type &&
         k.shape[1] == v.shape[1] && q.shape[0] && q.shape[1] && q.shape[2];
}

/* Whether node n ends a chain that can be fused: fills the step. */
static bool find_chain(const gattn_plan *plan, int32_t n, gattn_step *step) {
  const gattn_node *gather = &plan->nodes[n];
  if (gather->kind != GATTN_NODE_GATHER) return false;
  int32_t softmax =
      sole_producer(plan, gather->inputs[0], GATTN_NODE_SEGMENTED_SOFTMAX);
  if (softmax < 0) return false;
  int32_t advance =
      sole_producer(plan, plan->nodes[softmax].inputs[0], GATTN_NODE_ADVANCE);
  if (advance < 0 || !chain_fits(plan, &plan->nodes[advance], gather))
    return false;
  step->softmax = softmax;
  step->advance = advance;
  return true;
}

static gattn_status fuse(gattn_plan *plan, gattn_step *step) {
  const gattn_node *advance = &plan->nodes[step->advance];
  gattn_view q, k, v;
  gattn_attend_problem problem = {
      .scale = advance->scale,
      .score = advance->score,
      .edge_values = advance->inputs[2] != GATTN_NO_VALUE,
      .planning = plan->planning};
  chain_views(plan, advance, &plan->nodes[step->node], &q, &k, &v);
  gattn_attend_problem_of(&advance->edges, &q, &k, &v, &problem);
  return gattn_attend_create(plan->context, &problem, &step->attend);
}

/* The set of a node's edges, shared with the steps before that have it. */
static gattn_status find_set(gattn_plan *plan, gattn_node *node, int32_t *set) {
  for (*set = 0; *set < plan->n_sets; ++*set)
    if (gattn_edges_equal(&plan->sets[*set], &node->edges)) break;
  if (*set == plan->n_sets) {
    gattn_status status =
        gattn_edges_open(plan->context, node->edges.graph, node->edges.frontier,
                         &plan->sets[*set]);
    if (status) return status;
    plan->n_sets++;
  }
  for (int n = 0; n < OUTPUTS; n++) {
    if (node->outputs[n] == GATTN_NO_VALUE) continue;
    gattn_value_info *info = &plan->values[node->outputs[n]];
    if (info->kind == GATTN_VALUE_EDGES)
      info->shape[info->rank - 1] = plan->sets[*set].edges;
  }
  return GATTN_SUCCESS;
}

/* The score of an advance that runs on a device. */
static gattn_status make_score(gattn_plan *plan, gattn_step *step) {
  const gattn_node *node = &plan->nodes[step->node];
  if (node->kind != GATTN_NODE_ADVANCE || !gattn_on_device(plan->context))
    return GATTN_SUCCESS;
  gattn_view q;
  gattn_value_view(NULL, "q", &plan->values[node->inputs[0]], 4, &q);
  return gattn_device_score_make(plan->context, &node->score, q.shape[1],
                                 &step->score, &step->table,
                                 &step->table_size);
}

static gattn_status append_step(gattn_plan *plan, const gattn_step *step) {
  gattn_step made = *step;
  gattn_status status =
      made.advance >= 0 ? fuse(plan, &made)
                        : find_set(plan, &plan->nodes[made.node], &made.set);
  if (!status && made.advance < 0) status = make_score(plan, &made);
  if (!status) plan->steps[plan->n_steps++] = made;
  return status;
}

gattn_status gattn_plan_make_steps(gattn_plan *plan, bool may_fuse) {
  /* From the last node to the first, so that a gather claims its chain. */
  for (int32_t n = plan->n_nodes; n-- > 0 && may_fuse;) {
    gattn_step step = {.node = n};
    if (!plan->needed[n] || !find_chain(plan, n, &step)) continue;
    plan->needed[step.softmax] = plan->needed[step.advance] = false;
  }
  for (int32_t n = 0; n < plan->n_nodes; n++) {
    gattn_step step = {.node = n, .softmax = -1, .advance = -1, .set = -1};
    if (!plan->needed[n]) continue;
    if (may_fuse) find_chain(plan, n, &step);
    gattn_status status = append_step(plan, &step);
    if (status) return status;
  }
  return GATTN_SUCCESS;
}
