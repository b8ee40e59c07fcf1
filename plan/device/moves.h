/* What might be tried on a device. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_DEVICE_MOVES_H
#define GATTN_PLAN_DEVICE_MOVES_H

#include "plan/device/lowered.h"

/* What of the choice might be better otherwise, the most promising of each term
 * first. memory_bytes: of the device. Returns their number. */
int gattn_device_moves(gattn_context *context,
                       const gattn_attend_problem *problem,
                       const gattn_device_target *target,
                       double memory_bytes, gattn_graph *graph,
                       const gattn_choice *choice,
                       gattn_move moves[GATTN_MOVES]);

#endif
