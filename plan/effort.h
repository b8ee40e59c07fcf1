/* Choosing by timing. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_EFFORT_H
#define GATTN_PLAN_EFFORT_H

#include "plan/attend.h"

/* Times what might be the best ways to run the problem on one graph (no stack)
 * with operands of its own making, and adds the fastest to the context's wisdom.
 * Nothing is timed where that has the work already, or where there is but one
 * way. GATTN_ERROR_MEMORY, GATTN_ERROR_STATE. */
gattn_status gattn_attend_try(gattn_context *context,
                              const gattn_attend_problem *problem,
                              gattn_graph *graph);

#endif
