/* Attention as a program, for tests. SPDX-License-Identifier: Apache-2.0 */
#include "tests/chain.h"

#include <stdlib.h>
#include <string.h>

gattn_value test_input(gattn_context *context, gattn_program *program,
                       const char *name, const gattn_tensor *tensor) {
  gattn_value value = GATTN_NO_VALUE;
  ck_success(context, gattn_program_input(program, name, tensor->type,
                                          tensor->rank, tensor->shape, &value));
  return value;
}

test_chain test_chain_make(const test_problem *problem,
                           const gattn_score *score,
                           const oracle_array *edge_values) {
  gattn_context *context = problem->context;
  test_chain c = {.edge_values = GATTN_NO_VALUE};
  ck_success(context, gattn_program_create(context, &c.program));
  c.q = test_input(context, c.program, "q", &problem->q.tensor);
  c.k = test_input(context, c.program, "k", &problem->k.tensor);
  c.v = test_input(context, c.program, "v", &problem->v.tensor);
  if (edge_values)
    c.edge_values =
        test_input(context, c.program, "values", &edge_values->tensor);
  ck_success(context, gattn_program_advance(c.program, problem->graph,
                                            problem->frontier, c.q, c.k, NULL,
                                            score, c.edge_values, &c.scores));
  ck_success(context, gattn_program_segmented_softmax(c.program, c.scores,
                                                      &c.weights, &c.lse));
  ck_success(context, gattn_program_gather(c.program, c.weights, c.v, &c.o));
  ck_success(context, gattn_program_output(c.program, "o", c.o));
  ck_success(context, gattn_program_output(c.program, "lse", c.lse));
  return c;
}

gattn_plan *test_plan_make(gattn_context *context, gattn_program *program,
                           gattn_fusion fusion) {
  gattn_plan *plan = NULL;
  gattn_plan_options options = {.struct_size = sizeof options,
                                .fusion = fusion};
  ck_success(context, gattn_plan_create(program, &options, &plan));
  return plan;
}

gattn_status test_plan_execute(gattn_context *context, gattn_plan *plan,
                               const gattn_binding *bindings, int64_t n) {
  const bool host = gattn_context_device(context) == GATTN_CPU;
  size_t bytes = 0;
  if (gattn_plan_workspace(plan, &bytes) || bytes % 64) abort();
  void *workspace = aligned_alloc(64, bytes + 64), *room = workspace;
  memset(workspace, 0xff, bytes);
  if (!host) {
    ck_success(context, gattn_memory_allocate(context, bytes, &room));
    ck_success(context, gattn_memory_upload(context, room, workspace, bytes));
  }
  gattn_status status =
      gattn_plan_execute(plan, bindings, n, room, bytes, NULL);
  if (!status) status = gattn_synchronize(context);
  if (!host) gattn_memory_release(context, room, bytes);
  free(workspace);
  return status;
}

bool test_plan_fused(const gattn_plan *plan) {
  char text[4096];
  gattn_plan_explain(plan, text, sizeof text);
  return strstr(text, "fused") != NULL;
}
