/* Gather on a device. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/device.h"
#include "operators/gather/gather.h"

size_t gattn_gather_scratch(const gattn_context *context,
                            const gattn_edges *edges, int64_t batch,
                            int64_t heads, int64_t dim) {
  if (!gattn_on_device(context)) return 0;
  const gattn_device_edges device =
      gattn_device_edges_of(context, edges, batch, heads);
  return gattn_gather_workspace(&device, dim);
}

static gattn_status gather_device(gattn_context *context,
                                  const gattn_gather_job *job, void *workspace,
                                  void *stream) {
  const gattn_view *v = &job->v, *o = &job->o;
  const gattn_device_gather device = {
      .edges =
          gattn_device_edges_of(context, job->edges, o->shape[0], o->shape[1]),
      .type = (int32_t)v->type,
      .kv_heads = v->shape[1],
      .dim = v->shape[3],
      .weights = gattn_operand_of(&job->weights),
      .v = gattn_operand_of(v),
      .o = gattn_operand_of(o)};
  return gattn_device_check(
      context, gattn_gather_launch(&device, workspace, stream), "gather");
}

gattn_status gattn_gather_run(gattn_context *context,
                              const gattn_gather_job *job, void *workspace,
                              void *stream) {
  if (!gattn_on_device(context)) return gattn_gather_cpu(context, job);
  return gather_device(context, job, workspace, stream);
}
