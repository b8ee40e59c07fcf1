/* Fused attention: planning and execution. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/attend.h"

#include "lib/device.h"
#include "plan/device/attend.h"
#include "plan/lower.h"

struct gattn_attend {
  gattn_context *context; /* retained */
  gattn_attend_problem problem; /* holds references */
  gattn_device_attend *device;  /* on a device; then nothing below is set */
  bool shared;
  int64_t n_lowered;
  gattn_lowered *lowered;
};

static gattn_attend_run run_of(gattn_context *context,
                               const gattn_attend *attend) {
  const gattn_attend_problem *problem = &attend->problem;
  return (gattn_attend_run){
      .context = context,
      .kernels = gattn_kernels_for(context->isa),
      .lowered = attend->lowered,
      .shared = attend->shared,
      .frontier = problem->frontier,
      .batch = problem->batch,
      .heads = problem->heads,
      .kv_heads = problem->kv_heads,
      .n_f = problem->n_f,
      .n_kv = problem->n_kv,
      .dim = problem->dim,
      .dim_v = problem->dim_v,
      .scale = problem->scale,
      .score = problem->score,
      .threads = context->threads,
  };
}

/* Dimensions may be such that tensors fit and a few rows more do not. */
static gattn_status check_workspace(gattn_context *context,
                                    const gattn_attend *attend) {
  const gattn_attend_run run = run_of(context, attend);
  if (gattn_attend_run_workspace(&run) != SIZE_MAX) return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_OVERFLOW,
                    "q, v: dimensions of %lld and %lld overflow the workspace",
                    (long long)run.dim, (long long)run.dim_v);
}

/* Of the first n heads. */
static void clear_heads(gattn_context *context, gattn_attend *attend,
                        int64_t n) {
  for (int64_t h = 0; h < n; h++)
    gattn_lowered_clear(context, attend->problem.n_f, attend->lowered + h);
}

static gattn_status lower_heads(gattn_context *context,
                                const gattn_attend_problem *problem,
                                gattn_attend *attend) {
  for (int64_t h = 0; h < attend->n_lowered; h++) {
    gattn_graph *graph;
    gattn_status status =
        gattn_graph_head(context, problem->graph, h, &graph);
    if (!status)
      status = gattn_lower(context, problem, graph, attend->lowered + h);
    else
      graph = NULL;
    gattn_graph_release(graph);
    if (status) {
      clear_heads(context, attend, h);
      return status;
    }
  }
  return GATTN_SUCCESS;
}

static gattn_status plan_cpu(gattn_context *context, gattn_attend *attend) {
  const gattn_attend_problem *problem = &attend->problem;
  attend->shared = gattn_graph_heads(problem->graph) == 1;
  attend->n_lowered = attend->shared ? 1 : problem->heads;
  gattn_status status =
      gattn_allocate(context, "plan", attend->n_lowered,
                     sizeof *attend->lowered, (void **)&attend->lowered);
  if (status) return status;
  status = lower_heads(context, problem, attend);
  if (status) goto free_lowered;
  status = check_workspace(context, attend);
  if (status) goto clear_lowered;
  return GATTN_SUCCESS;

clear_lowered:
  clear_heads(context, attend, attend->n_lowered);
free_lowered:
  gattn_free(context, attend->lowered, attend->n_lowered,
             sizeof *attend->lowered);
  return status;
}

gattn_status gattn_attend_create(gattn_context *context,
                                 const gattn_attend_problem *problem,
                                 gattn_attend **out) {
  gattn_attend *attend;
  gattn_status status =
      gattn_allocate(context, "plan", 1, sizeof *attend, (void **)&attend);
  if (status) return status;
  *attend = (gattn_attend){.problem = *problem};
  status = gattn_on_device(context)
               ? gattn_device_attend_create(context, problem, &attend->device)
               : plan_cpu(context, attend);
  if (status) {
    gattn_free(context, attend, 1, sizeof *attend);
    return status;
  }
  attend->context = gattn_context_retain(context);
  gattn_graph_retain(problem->graph);
  gattn_frontier_retain(problem->frontier);
  *out = attend;
  return GATTN_SUCCESS;
}

void gattn_attend_destroy(gattn_attend *attend) {
  if (!attend) return;
  gattn_context *context = attend->context;
  gattn_device_attend_destroy(attend->device);
  clear_heads(context, attend, attend->n_lowered);
  gattn_graph_release(attend->problem.graph);
  gattn_frontier_release(attend->problem.frontier);
  gattn_free(context, attend->lowered, attend->n_lowered,
             sizeof *attend->lowered);
  gattn_free(context, attend, 1, sizeof *attend);
  gattn_context_unref(context);
}

size_t gattn_attend_workspace(const gattn_attend *attend) {
  if (attend->device) return gattn_device_attend_workspace(attend->device);
  const gattn_attend_run run = run_of(attend->context, attend);
  return gattn_attend_run_workspace(&run);
}

gattn_status gattn_attend_execute(const gattn_attend *attend,
                                  const gattn_attend_operands *operands,
                                  void *workspace, void *stream) {
  if (attend->device)
    return gattn_device_attend_execute(attend->device, operands, workspace,
                                       stream);
  gattn_attend_run run = run_of(attend->context, attend);
  run.q = operands->q;
  run.k = operands->k;
  run.v = operands->v;
  run.edge_values = operands->edge_values;
  run.o = operands->o;
  run.lse = operands->lse;
  run.workspace = workspace;
  gattn_status status = gattn_attend_run_execute(&run);
  if (!status && gattn_graph_broken(attend->problem.graph))
    return gattn_fail(attend->context, GATTN_ERROR_CALLBACK,
                      "graph: its generator's callbacks broke the contract");
  return status;
}

/* ------------------------------------------------------------ explain */

/* What the design's table of lowered forms calls a part. */
static const char *form_name(const gattn_part *part) {
  if (part->form == GATTN_PART_EDGES) return "edge list";
  if (part->order == GATTN_ORDER_CLASSES) return "renumbered band";
  if (part->order == GATTN_ORDER_PATCHES) return "grid-tiled tile list";
  gattn_shape shape = gattn_shape_of(part->graph);
  if (shape.form == GATTN_FORM_BAND) return "band";
  if (shape.form == GATTN_FORM_COLUMNS) return "hub columns";
  return "tile list";
}

static void explain_order(const gattn_part *part, gattn_text *text) {
  if (part->form == GATTN_PART_EDGES) {
    gattn_text_append(text, "rows one by one");
    return;
  }
  gattn_text_append(text, "tiles of %lld queries x %d keys",
                    (long long)part->lanes, GATTN_KEY_BLOCK);
  if (part->order == GATTN_ORDER_CLASSES)
    gattn_text_append(text, ", residue classes of %lld",
                      (long long)part->stride);
  if (part->order == GATTN_ORDER_PATCHES)
    gattn_text_append(text, ", %lld x %lld patches of the grid",
                      (long long)part->patch_h, (long long)part->patch_w);
}

static void explain_graph(const gattn_attend *attend, gattn_graph *graph,
                          gattn_text *text) {
  char expression[160];
  if (gattn_graph_describe(attend->context, graph, expression,
                           sizeof expression) < 0)
    return;
  gattn_text_append(text, "    graph     %s\n", expression);
}

/* The multiply-adds of an edge among all that the part does for it. */
static double multiply_add_share(const gattn_attend *attend,
                                 const gattn_part *part) {
  const gattn_kernels *kernels = gattn_kernels_for(attend->context->isa);
  const double width =
      (double)(attend->problem.dim + attend->problem.dim_v);
  return part->cost > 0 ? width / (double)kernels->vector / part->cost : 0;
}

static void explain_part(const gattn_attend *attend, int64_t index,
                         const gattn_part *part, gattn_text *text) {
  const gattn_attend_problem *problem = &attend->problem;
  const double rows = (double)problem->batch * (double)problem->heads *
                      (double)problem->n_f;
  const double width = (double)(problem->dim + problem->dim_v);
  const double edges = rows * part->degree;
  gattn_text_append(text, "  part %lld: %s, ", (long long)index + 1,
                    form_name(part));
  explain_order(part, text);
  gattn_text_append(text, "\n");
  explain_graph(attend, part->graph, text);
  gattn_text_append(text, "    predicted %.4g edges a row, %.4g operations",
                    part->degree, 2 * edges * width);
  if (part->form == GATTN_PART_EDGES)
    gattn_text_append(text, ", %.4g bytes gathered\n",
                      edges * width * (double)gattn_type_size(problem->type));
  else
    gattn_text_append(text,
                      ", %.0f%% of those the tiles compute, at %.0f%% of the "
                      "multiply-add rate\n",
                      100 * part->density,
                      100 * multiply_add_share(attend, part));
}

static void explain_lowered(const gattn_attend *attend,
                            const gattn_lowered *lowered, gattn_text *text) {
  for (int64_t p = 0; p < lowered->n_parts; p++)
    explain_part(attend, p, lowered->parts + p, text);
  if (lowered->splits)
    gattn_text_append(text,
                      "  %s: %lld rows, cut into %lld pieces of the keys and "
                      "merged\n",
                      lowered->split_positions ? "hub rows" : "split rows",
                      (long long)lowered->n_split,
                      (long long)lowered->splits);
  if (lowered->order)
    gattn_text_append(text, "  queries sorted by bucket\n");
  if (lowered->n_parts)
    gattn_text_append(text, "  spans of %lld positions\n",
                      (long long)lowered->span);
}

void gattn_attend_explain(const gattn_attend *attend, gattn_text *text) {
  const gattn_attend_problem *problem = &attend->problem;
  if (attend->device) {
    gattn_device_attend_explain(attend->device, text);
    return;
  }
  const double heads = (double)problem->batch * (double)problem->heads;
  const double kv_heads = (double)problem->batch * (double)problem->kv_heads;
  const double bytes =
      (double)gattn_type_size(problem->type) *
      (double)(problem->dim + problem->dim_v) *
      (heads * (double)problem->n_f + kv_heads * (double)problem->n_kv);
  gattn_text_append(text,
                    "fused attention: batch %lld, heads %lld (%lld of keys), "
                    "%lld queries, %lld keys, dim %lld, %s, %s, %d threads\n",
                    (long long)problem->batch, (long long)problem->heads,
                    (long long)problem->kv_heads, (long long)problem->n_f,
                    (long long)problem->n_kv, (long long)problem->dim,
                    gattn_type_name(problem->type),
                    gattn_isa_name(attend->context->isa),
                    (int)attend->context->threads);
  for (int64_t h = 0; h < attend->n_lowered; h++) {
    if (!attend->shared) gattn_text_append(text, " head %lld\n", (long long)h);
    explain_lowered(attend, attend->lowered + h, text);
  }
  gattn_text_append(text, "  predicted %.4g bytes of q, k, v, o once\n",
                    bytes);
}
