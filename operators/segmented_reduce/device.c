/* Segmented reduce on a device. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/device.h"
#include "operators/segmented_reduce/segmented_reduce.h"

size_t gattn_segmented_reduce_scratch(const gattn_context *context,
                                      const gattn_edges *edges, int64_t batch,
                                      int64_t heads) {
  if (!gattn_on_device(context)) return 0;
  const gattn_device_edges device =
      gattn_device_edges_of(context, edges, batch, heads);
  return gattn_segmented_reduce_workspace(&device);
}

static gattn_status reduce_device(gattn_context *context,
                                  const gattn_segmented_reduce_job *job,
                                  void *workspace, void *stream) {
  const gattn_view *out = &job->out;
  const gattn_device_reduce device = {
      .edges = gattn_device_edges_of(context, job->edges, out->shape[0],
                                     out->shape[1]),
      .monoid = (int32_t)job->monoid,
      .values = gattn_operand_of(&job->values),
      .out = gattn_operand_of(out)};
  return gattn_device_check(
      context, gattn_segmented_reduce_launch(&device, workspace, stream),
      "segmented reduce");
}

gattn_status gattn_segmented_reduce_run(gattn_context *context,
                                        const gattn_segmented_reduce_job *job,
                                        void *workspace, void *stream) {
  if (!gattn_on_device(context))
    return gattn_segmented_reduce_cpu(context, job);
  return reduce_device(context, job, workspace, stream);
}
