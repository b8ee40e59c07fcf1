/* Advance on a device. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/device.h"
#include "operators/advance/advance.h"

size_t gattn_advance_scratch(const gattn_context *context,
                             const gattn_edges *edges, int64_t batch,
                             int64_t heads) {
  if (!gattn_on_device(context)) return 0;
  const gattn_device_edges device =
      gattn_device_edges_of(context, edges, batch, heads);
  return gattn_advance_workspace(&device);
}

static gattn_status advance_device(gattn_context *context,
                                   const gattn_advance_job *job,
                                   void *workspace, void *stream) {
  const gattn_view *q = &job->q, *k = &job->k;
  const gattn_device_advance device = {
      .edges =
          gattn_device_edges_of(context, job->edges, q->shape[0], q->shape[1]),
      .type = (int32_t)q->type,
      .kv_heads = k->shape[1],
      .dim = q->shape[3],
      .scale = job->scale,
      .score = job->device_score,
      .q = gattn_operand_of(q),
      .k = gattn_operand_of(k),
      .edge_values = gattn_operand_of(&job->edge_values),
      .out = gattn_operand_of(&job->out)};
  return gattn_device_check(context,
                            gattn_advance_launch(&device, workspace, stream),
                            "advance");
}

gattn_status gattn_advance_run(gattn_context *context,
                               const gattn_advance_job *job, void *workspace,
                               void *stream) {
  if (!gattn_on_device(context)) return gattn_advance_cpu(context, job);
  return advance_device(context, job, workspace, stream);
}
