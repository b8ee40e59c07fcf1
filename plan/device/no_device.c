/* Fused attention on the device in a build without CUDA: no context is on one,
 * so nobody asks. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/device/attend.h"

static gattn_status refuse(gattn_context *context) {
  return gattn_fail(context, GATTN_ERROR_DEVICE,
                    "device: this build has no CUDA support");
}

gattn_status gattn_device_attend_create(gattn_context *context,
                                        const gattn_attend_problem *problem,
                                        gattn_device_attend **attend) {
  (void)problem, (void)attend;
  return refuse(context);
}

void gattn_device_attend_destroy(gattn_device_attend *attend) { (void)attend; }

gattn_choice gattn_device_attend_taken(const gattn_device_attend *attend) {
  (void)attend;
  return (gattn_choice){0};
}

int gattn_device_attend_moves(gattn_context *context,
                              const gattn_attend_problem *problem,
                              gattn_graph *graph, const gattn_choice *choice,
                              gattn_move moves[GATTN_MOVES]) {
  (void)context, (void)problem, (void)graph, (void)choice, (void)moves;
  return 0;
}

size_t gattn_device_attend_workspace(const gattn_device_attend *attend) {
  (void)attend;
  return 0;
}

void gattn_device_attend_explain(const gattn_device_attend *attend,
                                 gattn_text *text) {
  (void)attend, (void)text;
}

gattn_status gattn_device_attend_execute(const gattn_device_attend *attend,
                                         const gattn_attend_operands *operands,
                                         void *workspace, void *stream) {
  (void)attend, (void)operands, (void)workspace, (void)stream;
  return refuse(NULL);
}
