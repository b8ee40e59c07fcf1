/* Fused attention on the device. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_DEVICE_ATTEND_H
#define GATTN_PLAN_DEVICE_ATTEND_H

#include "plan/attend.h"

/* What gattn_attend is for a context on a device; functions as in attend.h.
 * The problem's graph and frontier are borrowed. GATTN_ERROR_UNSUPPORTED for
 * scores that are a function of the caller's, and for dimensions that no kernel
 * takes. */
typedef struct gattn_device_attend gattn_device_attend;

gattn_status gattn_device_attend_create(gattn_context *context,
                                        const gattn_attend_problem *problem,
                                        gattn_device_attend **attend);
/* Waits for the context's stream. */
void gattn_device_attend_destroy(gattn_device_attend *attend);

/* gattn_attend_taken; gattn_device_moves with the context's device. */
gattn_choice gattn_device_attend_taken(const gattn_device_attend *attend);
int gattn_device_attend_moves(gattn_context *context,
                              const gattn_attend_problem *problem,
                              gattn_graph *graph, const gattn_choice *choice,
                              gattn_move moves[GATTN_MOVES]);

size_t gattn_device_attend_workspace(const gattn_device_attend *attend);
void gattn_device_attend_explain(const gattn_device_attend *attend,
                                 gattn_text *text);
gattn_status gattn_device_attend_execute(const gattn_device_attend *attend,
                                         const gattn_attend_operands *operands,
                                         void *workspace, void *stream);

#endif
