/* Fused attention: planning and execution. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/attend.h"

#include "lib/device.h"
#include "plan/device/attend.h"
#include "plan/effort.h"
#include "plan/lower.h"
#include "plan/wisdom.h"

struct gattn_attend {
  gattn_context *context; /* retained */
  gattn_attend_problem problem; /* holds references */
  gattn_device_attend *device;  /* on a device; then nothing below is set */
  bool shared;
  int64_t n_lowered;
  gattn_lowered *lowered;
  gattn_choice taken; /* of the first of lowered */
  double measured;    /* seconds that it took; 0: the costs chose it */
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

static gattn_status lower_head(gattn_context *context, gattn_attend *attend,
                               int64_t h) {
  gattn_attend_problem problem = attend->problem;
  gattn_choice taken = {0};
  gattn_graph *graph;
  gattn_status status = gattn_graph_head(context, problem.graph, h, &graph);
  if (status) return status;
  gattn_wisdom_consult(context, graph, &problem);
  status = gattn_lower(context, &problem, graph, attend->lowered + h, &taken);
  gattn_graph_release(graph);
  if (status || h > 0) return status;
  attend->taken = taken;
  attend->measured = problem.planning.measured;
  return GATTN_SUCCESS;
}

static gattn_status lower_heads(gattn_context *context,
                                gattn_attend *attend) {
  for (int64_t h = 0; h < attend->n_lowered; h++) {
    gattn_status status = lower_head(context, attend, h);
    if (!status) continue;
    clear_heads(context, attend, h);
    return status;
  }
  return GATTN_SUCCESS;
}

/* Every graph of a stack is tried as if all heads had it. */
static gattn_status try_heads(gattn_context *context,
                              const gattn_attend_problem *problem) {
  const int64_t n = gattn_graph_heads(problem->graph) == 1 ? 1 : problem->heads;
  gattn_status status = GATTN_SUCCESS;
  for (int64_t h = 0; h < n && !status; h++) {
    gattn_graph *graph;
    status = gattn_graph_head(context, problem->graph, h, &graph);
    if (status) return status;
    status = gattn_attend_try(context, problem, graph);
    gattn_graph_release(graph);
  }
  return status;
}

static gattn_status plan_cpu(gattn_context *context, gattn_attend *attend) {
  const gattn_attend_problem *problem = &attend->problem;
  attend->shared = gattn_graph_heads(problem->graph) == 1;
  attend->n_lowered = attend->shared ? 1 : problem->heads;
  gattn_status status =
      gattn_allocate(context, "plan", attend->n_lowered,
                     sizeof *attend->lowered, (void **)&attend->lowered);
  if (status) return status;
  status = lower_heads(context, attend);
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
  gattn_status status = problem->planning.effort == GATTN_EFFORT_MEASURE
                            ? try_heads(context, problem)
                            : GATTN_SUCCESS;
  if (status) return status;
  status =
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

gattn_choice gattn_attend_taken(const gattn_attend *attend) {
  return attend->device ? gattn_device_attend_taken(attend->device)
                        : attend->taken;
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

/* Rows of all batches and of the heads that run on one graph. */
static double rows_of(const gattn_attend *attend) {
  const gattn_attend_problem *problem = &attend->problem;
  const double heads = attend->shared ? (double)problem->heads : 1;
  return (double)problem->batch * heads * (double)problem->n_f;
}

/* Costs are vector multiply-adds, whose rate the limits tell. */
static double seconds_of(const gattn_attend *attend, const gattn_part *part,
                         double cost) {
  const gattn_kernels *kernels = gattn_kernels_for(attend->context->isa);
  return rows_of(attend) * part->degree * cost * 2 *
         (double)kernels->vector / attend->problem.planning.limits.multiply_add;
}

/* The cheapest candidate of every other way. */
static void explain_alternatives(const gattn_attend *attend,
                                 const gattn_part *part, gattn_text *text) {
  static const char *const names[GATTN_WAYS] = {
      [GATTN_WAY_BAND] = "tiles of consecutive queries",
      [GATTN_WAY_RENUMBERED] = "renumbered tiles",
      [GATTN_WAY_EDGES] = "edge list"};
  const gattn_attend_problem *problem = &attend->problem;
  const bool timed = problem->planning.has_limits;
  bool any = false;
  if (problem->edge_values) return; /* scores of edges have one way alone */
  const gattn_sample sample =
      gattn_sample_of(attend->context, problem, part->graph);
  gattn_candidate candidates[GATTN_CANDIDATES];
  const int n = gattn_candidates(
      &sample, gattn_may_renumber(problem, part->graph), candidates);
  uint32_t seen = 1u << (part->form == GATTN_PART_EDGES ? GATTN_WAY_EDGES
                         : part->order == GATTN_ORDER_LINEAR
                             ? GATTN_WAY_BAND
                             : GATTN_WAY_RENUMBERED);
  gattn_text_append(text, "    ");
  if (timed)
    gattn_text_append(text, "predicted %.3g ms; ",
                      seconds_of(attend, part, part->cost) * 1e3);
  gattn_text_append(text, "else");
  for (int c = 0; c < n; c++) {
    const gattn_way way = gattn_candidate_way(&candidates[c]);
    const double cost = candidates[c].cost;
    if (seen >> way & 1) continue;
    gattn_text_append(text, "%s %s %.3g%s", any ? "," : "", names[way],
                      timed ? seconds_of(attend, part, cost) * 1e3
                            : cost / part->cost,
                      timed ? " ms" : " x");
    seen |= 1u << way;
    any = true;
  }
  gattn_text_append(text, "\n");
}

static void explain_part(const gattn_attend *attend, int64_t index,
                         const gattn_part *part, gattn_text *text) {
  const gattn_attend_problem *problem = &attend->problem;
  const double rows = rows_of(attend);
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
  explain_alternatives(attend, part, text);
}

static void explain_choice(const gattn_attend *attend, gattn_text *text) {
  if (attend->measured > 0)
    gattn_text_append(text, "  chosen by timing: %.3g ms\n",
                      attend->measured * 1e3);
  else if (attend->taken.n_terms)
    gattn_text_append(text, "  chosen by these costs\n");
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
  explain_choice(attend, text);
  gattn_text_append(text, "  predicted %.4g bytes of q, k, v, o once\n",
                    bytes);
}
