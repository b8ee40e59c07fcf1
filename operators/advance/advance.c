/* Advance: scores of the edges. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/advance/advance.h"

#include "lib/device.h"

static gattn_status view_operands(gattn_context *context, const gattn_tensor *q,
                                  const gattn_tensor *k,
                                  const gattn_tensor *edge_values,
                                  const gattn_tensor *out,
                                  gattn_advance_job *job) {
  gattn_status status = gattn_view_of(context, "q", q, 4, &job->q);
  if (!status) status = gattn_view_of(context, "k", k, 4, &job->k);
  if (!status && edge_values)
    status = gattn_view_of(context, "edge_values", edge_values, 3,
                           &job->edge_values);
  if (!status) status = gattn_view_of(context, "out", out, 3, &job->out);
  return status;
}

/* Everything about edge values, whose extent is now known. */
static gattn_status check_edge_operands(gattn_context *context,
                                        const gattn_advance_job *job) {
  int64_t batch = job->q.shape[0], heads = job->q.shape[1];
  gattn_status status = GATTN_SUCCESS;
  if (job->edge_values.data)
    status = gattn_check_edge_values_of(context, "edge_values", job->edges,
                                        &job->edge_values, batch, heads);
  if (!status)
    status = gattn_check_edge_values_of(context, "out", job->edges, &job->out,
                                        batch, heads);
  if (!status) status = gattn_view_check_output(context, "out", &job->out);
  if (!status)
    status =
        gattn_check_overlap(context, "out", &job->out, "q", &job->q, false);
  if (!status)
    status =
        gattn_check_overlap(context, "out", &job->out, "k", &job->k, false);
  if (!status)
    status = gattn_check_overlap(context, "out", &job->out, "edge_values",
                                 &job->edge_values, true);
  return status;
}

/* With the score's table where the context computes. */
static gattn_status run(gattn_context *context, gattn_advance_job *job) {
  const int64_t batch = job->q.shape[0], heads = job->q.shape[1];
  gattn_call call;
  float *table;
  int64_t elements;
  gattn_status status = gattn_call_open(
      context, gattn_advance_scratch(context, job->edges, batch, heads), &call);
  if (status) return status;
  if (gattn_on_device(context)) {
    status = gattn_device_score_make(context, &job->score, heads,
                                     &job->device_score, &table, &elements);
    if (status) return gattn_call_close(&call, status);
  }
  status = gattn_advance_run(context, job, call.workspace,
                             gattn_call_stream(&call));
  status = gattn_call_close(&call, status);
  if (gattn_on_device(context))
    gattn_device_free(context, table, elements, sizeof *table);
  return status;
}

gattn_status gattn_advance(gattn_context *context, gattn_graph *graph,
                           gattn_frontier *frontier, const gattn_tensor *q,
                           const gattn_tensor *k, const double *scale,
                           const gattn_score *score,
                           const gattn_tensor *edge_values,
                           const gattn_tensor *out) {
  if (!context) return GATTN_ERROR_NULL;
  gattn_advance_job job = {.score = gattn_score_of(score)};
  gattn_edges edges;
  gattn_status status = gattn_edges_of(context, graph, frontier, &edges);
  if (!status) status = view_operands(context, q, k, edge_values, out, &job);
  if (!status)
    status = gattn_check_advance(context, &edges, &job.q, &job.k, score,
                                 edge_values != NULL);
  if (!status)
    status = gattn_check_scale(context, scale, job.q.shape[3], &job.scale);
  if (!status) status = gattn_edges_open(context, graph, frontier, &edges);
  if (status) return status;
  job.edges = &edges;
  status = check_edge_operands(context, &job);
  if (!status) status = run(context, &job);
  gattn_edges_close(context, &edges);
  return status;
}
