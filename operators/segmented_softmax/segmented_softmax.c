/* Segmented softmax: edge scores to edge weights.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/segmented_softmax/segmented_softmax.h"

static gattn_status check_lse(gattn_context *context,
                              const gattn_segmented_softmax_job *job) {
  const gattn_view *scores = &job->scores;
  gattn_status status =
      gattn_check_type(context, "lse", &job->lse, GATTN_FLOAT32);
  if (!status)
    status = gattn_check_shape(context, "lse", &job->lse, scores->shape[0],
                               scores->shape[1], job->edges->n_f, 1);
  if (!status) status = gattn_view_check_output(context, "lse", &job->lse);
  if (!status)
    status =
        gattn_check_overlap(context, "lse", &job->lse, "scores", scores, false);
  if (!status)
    status = gattn_check_overlap(context, "lse", &job->lse, "weights",
                                 &job->weights, false);
  return status;
}

static gattn_status check_operands(gattn_context *context,
                                   const gattn_segmented_softmax_job *job) {
  const gattn_view *scores = &job->scores;
  gattn_status status =
      gattn_check_edge_values(context, "scores", job->edges, scores);
  if (!status)
    status = gattn_check_edge_values_of(context, "weights", job->edges,
                                        &job->weights, scores->shape[0],
                                        scores->shape[1]);
  if (!status)
    status = gattn_view_check_output(context, "weights", &job->weights);
  if (!status)
    status = gattn_check_overlap(context, "weights", &job->weights, "scores",
                                 scores, true);
  if (!status && job->lse.data) status = check_lse(context, job);
  return status;
}

static gattn_status run(gattn_context *context,
                        const gattn_segmented_softmax_job *job) {
  const int64_t *shape = job->scores.shape;
  gattn_call call;
  gattn_status status = gattn_call_open(
      context,
      gattn_segmented_softmax_scratch(context, job->edges, shape[0], shape[1]),
      &call);
  if (status) return status;
  status = gattn_segmented_softmax_run(context, job, call.workspace,
                                      gattn_call_stream(&call));
  return gattn_call_close(&call, status);
}

gattn_status gattn_segmented_softmax(gattn_context *context, gattn_graph *graph,
                                     gattn_frontier *frontier,
                                     const gattn_tensor *scores,
                                     const gattn_tensor *weights,
                                     const gattn_tensor *lse) {
  if (!context) return GATTN_ERROR_NULL;
  gattn_segmented_softmax_job job = {0};
  gattn_edges edges;
  gattn_status status =
      gattn_view_of(context, "scores", scores, 3, &job.scores);
  if (!status)
    status = gattn_view_of(context, "weights", weights, 3, &job.weights);
  if (!status && lse) status = gattn_view_of(context, "lse", lse, 3, &job.lse);
  if (!status) status = gattn_edges_open(context, graph, frontier, &edges);
  if (status) return status;
  job.edges = &edges;
  status = check_operands(context, &job);
  if (!status) status = run(context, &job);
  gattn_edges_close(context, &edges);
  return status;
}
