/* A lowering for the device, walked on the host as the kernels walk it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_LOWERED_CASE_H
#define GATTN_TESTS_LOWERED_CASE_H

#include <gattn.h>
#include <stdbool.h>

#include "plan/device/lowered.h"

/* What is lowered for. */
typedef struct lowered_case {
  int32_t lanes; /* 64 or 128; 0: tile kernels do not take the dimensions */
  int32_t multiprocessors;
  int64_t heads, batch;
  gattn_type type;
  bool edge_values;
  bool short_of_shared; /* blocks have shared memory for `shared_lanes` alone */
  int32_t shared_lanes;
  int32_t capability;  /* 0: of none that is known */
  gattn_choice choice; /* what is chosen beforehand */
} lowered_case;

/* The problem and the device of a case. */
gattn_attend_problem lowered_problem(const lowered_case *c, gattn_graph *graph,
                                     gattn_frontier *frontier);
gattn_device_target lowered_target(const lowered_case *c);

gattn_status lowered_make(gattn_context *context, const lowered_case *c,
                          gattn_graph *graph, gattn_frontier *frontier,
                          gattn_device_lowered *lowered);

/* Fails the running test unless every edge of the frontier's rows is in exactly
 * one part, once, and every row is left by some pass. `name` is for messages.
 */
void lowered_check(gattn_context *context, const lowered_case *c,
                   gattn_graph *graph, gattn_frontier *frontier,
                   const char *name);

#endif
