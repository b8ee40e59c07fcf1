/* Attention in one call. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <gattn/attention.h>

#include "lib/device.h"
#include "operators/attention.h"
#include "operators/checks.h"

static gattn_status view_operands(gattn_context *context,
                                  const gattn_attention_args *args,
                                  gattn_attend_operands *operands) {
  const struct {
    const char *name;
    const gattn_tensor *tensor;
    int axes;
    bool required;
    gattn_view *view;
  } table[] = {
      {"q", args->q, 4, true, &operands->q},
      {"k", args->k, 4, true, &operands->k},
      {"v", args->v, 4, true, &operands->v},
      {"o", args->o, 4, true, &operands->o},
      {"edge_values", args->edge_values, 3, false, &operands->edge_values},
      {"lse", args->lse, 3, false, &operands->lse}};
  *operands = (gattn_attend_operands){0};
  for (size_t n = 0; n < sizeof table / sizeof *table; n++) {
    if (!table[n].tensor && !table[n].required) continue;
    gattn_status status = gattn_view_of(context, table[n].name, table[n].tensor,
                                        table[n].axes, table[n].view);
    if (status) return status;
  }
  return GATTN_SUCCESS;
}

static gattn_status check_values(gattn_context *context,
                                 const gattn_edges *edges,
                                 const gattn_attend_operands *operands) {
  const gattn_view *q = &operands->q, *k = &operands->k, *v = &operands->v;
  gattn_status status = gattn_check_keys(context, "v", edges, v, q->type,
                                         q->shape[0], q->shape[1]);
  if (status) return status;
  if (v->shape[1] != k->shape[1])
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "v: has %lld heads, but k has %lld",
                      (long long)v->shape[1], (long long)k->shape[1]);
  return GATTN_SUCCESS;
}

static gattn_status check_output(gattn_context *context, const char *name,
                                 const gattn_attend_operands *operands,
                                 const gattn_view *output, gattn_type type,
                                 int64_t dim) {
  const gattn_view *q = &operands->q;
  gattn_status status = gattn_check_type(context, name, output, type);
  if (!status)
    status = gattn_check_shape(context, name, output, q->shape[0], q->shape[1],
                               q->shape[2], dim);
  return status ? status : gattn_view_check_output(context, name, output);
}

/* No output may share memory with anything, but for o that is q. */
static gattn_status check_overlaps(gattn_context *context,
                                   const gattn_attend_operands *operands) {
  const struct {
    const char *name;
    const gattn_view *view;
    bool same;
  } inputs[] = {{"k", &operands->k, false},
                {"v", &operands->v, false},
                {"edge_values", &operands->edge_values, false},
                {"q", &operands->q, true}};
  const gattn_view *o = &operands->o, *lse = &operands->lse;
  gattn_status status = GATTN_SUCCESS;
  for (int n = 0; n < 4 && !status; n++) {
    status = gattn_check_overlap(context, "o", o, inputs[n].name,
                                 inputs[n].view, inputs[n].same);
    if (!status && lse->data)
      status = gattn_check_overlap(context, "lse", lse, inputs[n].name,
                                   inputs[n].view, false);
  }
  if (!status && lse->data)
    status = gattn_check_overlap(context, "lse", lse, "o", o, false);
  return status;
}

/* Everything but the edge values' extent, which only counting can tell. */
static gattn_status check_operands(gattn_context *context,
                                   const gattn_edges *edges,
                                   const gattn_attention_args *args,
                                   const gattn_attend_operands *operands) {
  const gattn_view *q = &operands->q, *v = &operands->v;
  gattn_status status = gattn_check_advance(
      context, edges, q, &operands->k, args->score, args->edge_values != NULL);
  if (!status) status = check_values(context, edges, operands);
  if (!status)
    status = check_output(context, "o", operands, &operands->o, q->type,
                          v->shape[3]);
  if (!status && args->lse)
    status = check_output(context, "lse", operands, &operands->lse,
                          GATTN_FLOAT32, 1);
  if (!status) status = check_overlaps(context, operands);
  if (!status && edges->frontier && !edges->frontier->unique)
    status = gattn_fail(context, GATTN_ERROR_DUPLICATE,
                        "frontier: vertex %lld stands in it twice",
                        (long long)edges->frontier->duplicate);
  return status;
}

static gattn_status check_edge_extent(gattn_context *context,
                                      gattn_edges *edges,
                                      const gattn_attend_operands *operands) {
  const gattn_view *values = &operands->edge_values, *q = &operands->q;
  if (!values->data) return GATTN_SUCCESS;
  gattn_status status = gattn_edges_count(context, edges);
  if (status) return status;
  return gattn_check_edge_values_of(context, "edge_values", edges, values,
                                    q->shape[0], q->shape[1]);
}

static gattn_status run_cpu(gattn_context *context, gattn_attend *attend,
                            const gattn_attend_operands *operands,
                            int64_t bytes) {
  void *workspace;
  gattn_status status =
      gattn_allocate(context, "workspace", bytes, 1, &workspace);
  if (status) return status;
  status = gattn_attend_execute(attend, operands, workspace, NULL);
  gattn_free(context, workspace, bytes, 1);
  return status;
}

/* Waits: memory must not go while kernels read it, and what fails there is
 * the call's failure. */
static gattn_status run_device(gattn_context *context, gattn_attend *attend,
                               const gattn_attend_operands *operands,
                               int64_t bytes) {
  void *workspace = NULL;
  gattn_status status = GATTN_SUCCESS;
  if (bytes)
    status = gattn_device_allocate(context, "workspace", bytes, 1, &workspace);
  if (status) return status;
  status = gattn_attend_execute(attend, operands, workspace, NULL);
  gattn_status late = gattn_device_synchronize(context);
  gattn_device_free(context, workspace, bytes, 1);
  return status ? status : late;
}

static gattn_status run(gattn_context *context,
                        const gattn_attend_problem *problem,
                        const gattn_attend_operands *operands) {
  gattn_attend *attend;
  gattn_status status = gattn_attend_create(context, problem, &attend);
  if (status) return status;
  const int64_t bytes = (int64_t)gattn_attend_workspace(attend);
  status = gattn_on_device(context)
               ? run_device(context, attend, operands, bytes)
               : run_cpu(context, attend, operands, bytes);
  gattn_attend_destroy(attend);
  return status;
}

gattn_status gattn_attention(gattn_context *context, gattn_graph *graph,
                             gattn_frontier *frontier,
                             const gattn_attention_args *args) {
  if (!context) return GATTN_ERROR_NULL;
  if (!args) return gattn_fail_null(context, "args");
  if (args->struct_size != sizeof *args)
    return gattn_fail(context, GATTN_ERROR_STRUCT_SIZE,
                      "args.struct_size: %zu, not %zu", args->struct_size,
                      sizeof *args);
  gattn_edges edges;
  gattn_attend_operands operands;
  gattn_attend_problem problem = {.score = gattn_score_of(args->score),
                                  .edge_values = args->edge_values != NULL};
  gattn_status status = gattn_edges_of(context, graph, frontier, &edges);
  if (!status) status = view_operands(context, args, &operands);
  if (!status) status = check_operands(context, &edges, args, &operands);
  if (!status)
    status = gattn_check_scale(context, args->scale, operands.q.shape[3],
                               &problem.scale);
  if (!status) status = check_edge_extent(context, &edges, &operands);
  if (status) return status;
  gattn_attend_problem_of(&edges, &operands.q, &operands.k, &operands.v,
                          &problem);
  if (!problem.batch || !problem.heads || !problem.n_f) return GATTN_SUCCESS;
  status = run(context, &problem, &operands);
  return status ? status : gattn_edges_check_broken(context, &edges);
}
