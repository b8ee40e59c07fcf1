/* Gather: weighted sums of values. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/gather/gather.h"

static gattn_status check_operands(gattn_context *context,
                                   const gattn_gather_job *job) {
  const gattn_view *weights = &job->weights, *v = &job->v, *o = &job->o;
  int64_t batch = weights->shape[0], heads = weights->shape[1];
  gattn_status status = gattn_check_real(context, "v", v);
  if (!status)
    status =
        gattn_check_keys(context, "v", job->edges, v, v->type, batch, heads);
  if (!status)
    status = gattn_check_edge_values(context, "weights", job->edges, weights);
  if (!status) status = gattn_check_type(context, "o", o, v->type);
  if (!status)
    status = gattn_check_shape(context, "o", o, batch, heads, job->edges->n_f,
                               v->shape[3]);
  if (!status) status = gattn_view_check_output(context, "o", o);
  if (!status)
    status = gattn_check_overlap(context, "o", o, "weights", weights, false);
  if (!status) status = gattn_check_overlap(context, "o", o, "v", v, false);
  return status;
}

static gattn_status run(gattn_context *context, const gattn_gather_job *job) {
  const int64_t *shape = job->o.shape;
  gattn_call call;
  gattn_status status = gattn_call_open(
      context,
      gattn_gather_scratch(context, job->edges, shape[0], shape[1], shape[3]),
      &call);
  if (status) return status;
  status = gattn_gather_run(context, job, call.workspace,
                            gattn_call_stream(&call));
  return gattn_call_close(&call, status);
}

gattn_status gattn_gather(gattn_context *context, gattn_graph *graph,
                          gattn_frontier *frontier, const gattn_tensor *weights,
                          const gattn_tensor *v, const gattn_tensor *o) {
  if (!context) return GATTN_ERROR_NULL;
  gattn_gather_job job;
  gattn_edges edges;
  gattn_status status =
      gattn_view_of(context, "weights", weights, 3, &job.weights);
  if (!status) status = gattn_view_of(context, "v", v, 4, &job.v);
  if (!status) status = gattn_view_of(context, "o", o, 4, &job.o);
  if (!status) status = gattn_edges_open(context, graph, frontier, &edges);
  if (status) return status;
  job.edges = &edges;
  status = check_operands(context, &job);
  if (!status) status = run(context, &job);
  gattn_edges_close(context, &edges);
  return status;
}
