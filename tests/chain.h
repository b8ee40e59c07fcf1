/* Attention as a program, for tests: advance, softmax, gather.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_CHAIN_H
#define GATTN_TESTS_CHAIN_H

#include <check.h>

#include "tests/backend.h"
#include "tests/problem.h"

typedef struct test_chain {
  gattn_program *program;
  gattn_value q, k, v, edge_values, scores, weights, lse, o;
} test_chain;

gattn_value test_input(gattn_context *context, gattn_program *program,
                       const char *name, const gattn_tensor *tensor);

/* The chain on a problem, with the outputs "o" and "lse". score and
 * edge_values may be null. */
test_chain test_chain_make(const test_problem *problem,
                           const gattn_score *score,
                           const oracle_array *edge_values);

gattn_plan *test_plan_make(gattn_context *context, gattn_program *program,
                           gattn_fusion fusion);

/* Executes in a workspace of exactly the size asked for, and waits. context
 * is the plan's. */
gattn_status test_plan_execute(gattn_context *context, gattn_plan *plan,
                               const gattn_binding *bindings, int64_t n);

/* Whether the plan says that it has fused something. */
bool test_plan_fused(const gattn_plan *plan);

#endif
