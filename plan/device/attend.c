/* Fused attention on the device: planning. SPDX-License-Identifier: Apache-2.0
 */
#include "config.h"

#include "plan/device/attend.h"

#include <string.h>

#include "operators/cuda/rows.h"
#include "operators/cuda/tile/shared.h"
#include "plan/device/lists.h"
#include "plan/device/moves.h"
#include "plan/device/uploaded.h"
#include "plan/wisdom.h"

static gattn_status check_problem(gattn_context *context,
                                  const gattn_attend_problem *problem) {
  const int64_t most = GATTN_EDGES_DIM;
  if (problem->score.kind == GATTN_SCORE_FUNCTION)
    return gattn_fail(context, GATTN_ERROR_UNSUPPORTED,
                      "score: a function of the host's cannot run on a device");
  if (problem->dim <= most && problem->dim_v <= most) return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_UNSUPPORTED,
                    "q, v: dimensions of %lld and %lld, of which a device "
                    "takes %lld at most",
                    (long long)problem->dim, (long long)problem->dim_v,
                    (long long)most);
}

/* ------------------------------------------------------------ lowering */

gattn_device_target gattn_device_target_of(const gattn_context *context) {
  const gattn_device_facts *facts = gattn_device_facts_of(context);
  return (gattn_device_target){.multiprocessors = facts->multiprocessors,
                               .capability = facts->capability,
                               .l2_bytes = facts->l2_bytes,
                               .tile_lanes = gattn_tile_lanes,
                               .shared_bytes = facts->shared_bytes,
                               .tile_shared_bytes = gattn_tile_shared_bytes,
                               .tile_blocks = gattn_tile_blocks,
                               .list_survey = gattn_list_survey,
                               .list_build = gattn_list_build};
}

static gattn_status lower_head(gattn_device_attend *attend, int64_t h) {
  gattn_context *context = attend->context;
  gattn_attend_problem problem = attend->problem;
  const gattn_device_target target = gattn_device_target_of(context);
  gattn_graph *graph;
  gattn_status status = gattn_graph_head(context, problem.graph, h, &graph);
  if (status) return status;
  gattn_wisdom_consult(context, graph, &problem);
  status = gattn_device_lower(context, &problem, &target, graph, problem.heads,
                              &attend->lowered[h]);
  gattn_graph_release(graph);
  if (status) return status;
  attend->lowered[h].measured = problem.planning.measured;
  return gattn_upload(context, &attend->lowered[h], problem.frontier,
                      &attend->uploaded[h]);
}

static gattn_status lower_heads(gattn_device_attend *attend) {
  gattn_status status = GATTN_SUCCESS;
  for (int64_t h = 0; h < attend->n_lowered && !status; h++)
    status = lower_head(attend, h);
  if (!status && attend->n_lowered > 1 && gattn_heads_alike(attend))
    status = gattn_heads_join(attend);
  return status;
}

/* Windows in place of the edges where they pay and there is memory to make them
 * in; of one graph alone, for heads that have graphs of their own share
 * launches. */
static gattn_status make_windows(gattn_device_attend *attend) {
  gattn_device_lowered *lowered = attend->lowered;
  gattn_uploaded_part *part =
      &attend->uploaded->parts[lowered->n_parts ? lowered->n_parts - 1 : 0];
  if (attend->n_lowered > 1 || !gattn_edges_last(lowered)) return GATTN_SUCCESS;
  gattn_status status = gattn_windows_make(
      attend->context, &attend->problem, &part->rows, &part->windows);
  if (status == GATTN_ERROR_MEMORY) return GATTN_SUCCESS;
  if (!status && part->windows.n_items)
    gattn_device_rows_free(attend->context, &part->rows);
  return status;
}

/* ------------------------------------------------------------ arrays */

static gattn_status upload_vertices(gattn_device_attend *attend) {
  const gattn_frontier *frontier = attend->problem.frontier;
  if (!frontier || !frontier->vertices) return GATTN_SUCCESS;
  gattn_status status = gattn_device_allocate(
      attend->context, "frontier", frontier->size, sizeof *frontier->vertices,
      (void **)&attend->vertices);
  if (status) return status;
  return gattn_device_upload(
      attend->context, attend->vertices, frontier->vertices,
      (size_t)frontier->size * sizeof *frontier->vertices);
}

static gattn_status upload_table(gattn_device_attend *attend) {
  const gattn_score *score = &attend->problem.score;
  int64_t count = attend->problem.heads;
  if (score->kind != GATTN_SCORE_ALIBI && score->kind != GATTN_SCORE_RELATIVE)
    return GATTN_SUCCESS;
  if (score->kind == GATTN_SCORE_RELATIVE &&
      !gattn_multiply(count, score->count, &count))
    return gattn_fail(attend->context, GATTN_ERROR_OVERFLOW,
                      "score.count: %lld for each of %lld heads overflows",
                      (long long)score->count, (long long)count);
  gattn_status status =
      gattn_device_allocate(attend->context, "score table", count,
                            sizeof *attend->table, (void **)&attend->table);
  if (status) return status;
  attend->table_count = count;
  return gattn_device_upload(attend->context, attend->table, score->table,
                             (size_t)count * sizeof *attend->table);
}

/* An array of zeros, one element a graph. */
static gattn_status allocate_heads(gattn_device_attend *attend, size_t size,
                                   void *array) {
  void *memory;
  gattn_status status =
      gattn_allocate(attend->context, "plan", attend->n_lowered, size, &memory);
  if (status) return status;
  memset(memory, 0, (size_t)attend->n_lowered * size);
  memcpy(array, &memory, sizeof memory);
  return GATTN_SUCCESS;
}

static void free_heads(gattn_device_attend *attend) {
  gattn_context *context = attend->context;
  for (int64_t h = 0; h < attend->n_lowered && attend->uploaded; h++) {
    gattn_uploaded_clear(context, &attend->lowered[h], &attend->uploaded[h]);
    gattn_device_lowered_clear(context, &attend->lowered[h]);
  }
  gattn_device_free(context, attend->head_memory, attend->head_bytes, 1);
  gattn_free(context, attend->uploaded, attend->n_lowered,
             sizeof *attend->uploaded);
  gattn_free(context, attend->lowered, attend->n_lowered,
             sizeof *attend->lowered);
}

static void free_all(gattn_device_attend *attend) {
  gattn_context *context = attend->context;
  free_heads(attend);
  gattn_device_free(context, attend->vertices, attend->problem.n_f,
                    sizeof *attend->vertices);
  gattn_device_free(context, attend->table, attend->table_count,
                    sizeof *attend->table);
  gattn_free(context, attend, 1, sizeof *attend);
}

/* For hub rows that have others to run beside. */
static gattn_status make_branches(gattn_device_attend *attend) {
  for (int64_t h = 0; h < attend->n_lowered; h++)
    if (gattn_has_hubs(&attend->lowered[h]) && attend->lowered[h].n_parts > 1)
      return gattn_device_branches_make(attend->context);
  return GATTN_SUCCESS;
}

static gattn_status fill(gattn_device_attend *attend) {
  gattn_status status =
      allocate_heads(attend, sizeof *attend->lowered, &attend->lowered);
  if (!status)
    status =
        allocate_heads(attend, sizeof *attend->uploaded, &attend->uploaded);
  if (!status) status = upload_vertices(attend);
  if (!status) status = upload_table(attend);
  if (!status) status = lower_heads(attend);
  if (!status) status = make_windows(attend);
  if (!status) status = make_branches(attend);
  return status ? status : gattn_device_lay_out(attend);
}

/* ------------------------------------------------------------ plans */

gattn_status gattn_device_attend_create(gattn_context *context,
                                        const gattn_attend_problem *problem,
                                        gattn_device_attend **out) {
  gattn_device_attend *attend;
  int previous;
  gattn_status status = check_problem(context, problem);
  if (status) return status;
  status = gattn_device_enter(context, &previous);
  if (status) return status;
  status = gattn_allocate(context, "plan", 1, sizeof *attend, (void **)&attend);
  if (status) goto leave_device;
  *attend = (gattn_device_attend){.context = context, .problem = *problem};
  attend->n_lowered =
      gattn_graph_heads(problem->graph) == 1 ? 1 : problem->heads;
  attend->n_launches = attend->n_lowered;
  status = fill(attend);
  if (status)
    free_all(attend);
  else
    *out = attend;
leave_device:
  gattn_device_leave(context, previous);
  return status;
}

void gattn_device_attend_destroy(gattn_device_attend *attend) {
  if (!attend) return;
  gattn_context *context = attend->context;
  int previous;
  const bool entered = !gattn_device_enter(context, &previous);
  gattn_device_synchronize(context);
  free_all(attend);
  if (entered) gattn_device_leave(context, previous);
}

gattn_choice gattn_device_attend_taken(const gattn_device_attend *attend) {
  return attend->lowered[0].taken;
}

int gattn_device_attend_moves(gattn_context *context,
                              const gattn_attend_problem *problem,
                              gattn_graph *graph, const gattn_choice *choice,
                              gattn_move moves[GATTN_MOVES]) {
  const gattn_device_target target = gattn_device_target_of(context);
  return gattn_device_moves(
      context, problem, &target,
      (double)gattn_device_facts_of(context)->memory_bytes, graph, choice,
      moves);
}

size_t gattn_device_attend_workspace(const gattn_device_attend *attend) {
  return (size_t)attend->layout.bytes;
}
