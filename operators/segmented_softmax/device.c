/* Segmented softmax on a device. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/device.h"
#include "operators/segmented_softmax/segmented_softmax.h"

size_t gattn_segmented_softmax_scratch(const gattn_context *context,
                                       const gattn_edges *edges, int64_t batch,
                                       int64_t heads) {
  if (!gattn_on_device(context)) return 0;
  const gattn_device_edges device =
      gattn_device_edges_of(context, edges, batch, heads);
  return gattn_segmented_softmax_workspace(&device);
}

static gattn_status softmax_device(gattn_context *context,
                                   const gattn_segmented_softmax_job *job,
                                   void *workspace, void *stream) {
  const gattn_view *scores = &job->scores;
  const gattn_device_softmax device = {
      .edges = gattn_device_edges_of(context, job->edges, scores->shape[0],
                                     scores->shape[1]),
      .scores = gattn_operand_of(scores),
      .weights = gattn_operand_of(&job->weights),
      .lse = gattn_operand_of(&job->lse)};
  return gattn_device_check(
      context, gattn_segmented_softmax_launch(&device, workspace, stream),
      "segmented softmax");
}

gattn_status gattn_segmented_softmax_run(
    gattn_context *context, const gattn_segmented_softmax_job *job,
    void *workspace, void *stream) {
  if (!gattn_on_device(context))
    return gattn_segmented_softmax_cpu(context, job);
  return softmax_device(context, job, workspace, stream);
}
