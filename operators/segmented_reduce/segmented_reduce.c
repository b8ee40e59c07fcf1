/* Segmented reduce: edge values to row values.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/segmented_reduce/segmented_reduce.h"

/* One row per gattn_monoid, in its order. */
static const struct {
  const char *name;
  gattn_type type;
} monoid_table[] = {
    [GATTN_MAX] = {"max", GATTN_FLOAT32},
    [GATTN_MIN] = {"min", GATTN_FLOAT32},
    [GATTN_SUM] = {"sum", GATTN_FLOAT32},
    [GATTN_LOG_SUM_EXP] = {"log-sum-exp", GATTN_FLOAT32},
    [GATTN_COUNT] = {"count", GATTN_INT64},
    [GATTN_ARG_MAX] = {"arg-max", GATTN_INT64},
};

gattn_status gattn_monoid_check(gattn_context *context, gattn_monoid monoid) {
  if ((size_t)monoid < sizeof monoid_table / sizeof *monoid_table)
    return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_ARGUMENT, "monoid: %d is no monoid",
                    (int)monoid);
}

gattn_type gattn_monoid_type(gattn_monoid monoid) {
  return monoid_table[monoid].type;
}

const char *gattn_monoid_name(gattn_monoid monoid) {
  return monoid_table[monoid].name;
}

static gattn_status check_operands(gattn_context *context,
                                   const gattn_segmented_reduce_job *job) {
  const gattn_view *values = &job->values;
  gattn_status status =
      gattn_check_edge_values(context, "values", job->edges, values);
  if (!status)
    status = gattn_check_type(context, "out", &job->out,
                              gattn_monoid_type(job->monoid));
  if (!status)
    status = gattn_check_shape(context, "out", &job->out, values->shape[0],
                               values->shape[1], job->edges->n_f, 1);
  if (!status) status = gattn_view_check_output(context, "out", &job->out);
  if (!status)
    status =
        gattn_check_overlap(context, "out", &job->out, "values", values, false);
  return status;
}

static gattn_status run(gattn_context *context,
                        const gattn_segmented_reduce_job *job) {
  const int64_t *shape = job->values.shape;
  gattn_call call;
  gattn_status status = gattn_call_open(
      context,
      gattn_segmented_reduce_scratch(context, job->edges, shape[0], shape[1]),
      &call);
  if (status) return status;
  status = gattn_segmented_reduce_run(context, job, call.workspace,
                                      gattn_call_stream(&call));
  return gattn_call_close(&call, status);
}

gattn_status gattn_segmented_reduce(gattn_context *context, gattn_graph *graph,
                                    gattn_frontier *frontier,
                                    gattn_monoid monoid,
                                    const gattn_tensor *values,
                                    const gattn_tensor *out) {
  if (!context) return GATTN_ERROR_NULL;
  gattn_segmented_reduce_job job = {.monoid = monoid};
  gattn_edges edges;
  gattn_status status = gattn_monoid_check(context, monoid);
  if (!status)
    status = gattn_view_of(context, "values", values, 3, &job.values);
  if (!status) status = gattn_view_of(context, "out", out, 3, &job.out);
  if (!status) status = gattn_edges_open(context, graph, frontier, &edges);
  if (status) return status;
  job.edges = &edges;
  status = check_operands(context, &job);
  if (!status) status = run(context, &job);
  gattn_edges_close(context, &edges);
  return status;
}
