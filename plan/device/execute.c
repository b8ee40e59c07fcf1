/* Fused attention on the device: the launches of an execution.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/device/uploaded.h"

/* What the launches of one graph share. */
typedef struct launching {
  const gattn_device_attend *attend;
  gattn_device_attention attention;
  gattn_device_state state;
  char *scratch;
  void *stream;
} launching;

/* ------------------------------------------------------------ operands */

static gattn_device_score score_of(const gattn_device_attend *attend,
                                   int64_t head) {
  const gattn_score *score = &attend->problem.score;
  const int64_t first =
      score->kind == GATTN_SCORE_RELATIVE ? head * score->count : head;
  return (gattn_device_score){
      .kind = (int32_t)score->kind,
      .cap = score->cap,
      .count = score->count,
      .table = attend->table ? attend->table + first : NULL};
}

gattn_device_attention gattn_device_attention_of(
    const gattn_device_attend *attend, int64_t head) {
  const gattn_attend_problem *problem = &attend->problem;
  const gattn_device_facts *facts = gattn_device_facts_of(attend->context);
  const gattn_frontier *frontier = problem->frontier;
  const bool on_device = gattn_frontier_on_device(frontier);
  return (gattn_device_attention){
      .type = (int32_t)problem->type,
      .batch = problem->batch,
      .heads = gattn_launch_heads(attend),
      .kv_heads = attend->n_launches == 1 ? problem->kv_heads : 1,
      .n_f = problem->n_f,
      .n_q = gattn_graph_queries(problem->graph),
      .n_kv = problem->n_kv,
      .dim = problem->dim,
      .dim_v = problem->dim_v,
      .scale = problem->scale,
      .score = score_of(attend, head),
      .begin = frontier && gattn_is_consecutive(frontier) ? frontier->begin : 0,
      .vertices = on_device ? frontier->device_vertices : attend->vertices,
      .size = on_device ? frontier->device_size : NULL,
      .multiprocessors = facts->multiprocessors,
      .capability = facts->capability,
      .encode_tiled = facts->encode_tiled};
}

/* The operand from head `head` on. */
static gattn_operand operand_of(const gattn_view *view, int64_t head) {
  if (!view->data) return (gattn_operand){0};
  const int64_t bytes =
      head * view->strides[1] * (int64_t)gattn_type_size(view->type);
  return (gattn_operand){.data = view->data + bytes,
                         .batch = view->strides[0],
                         .head = view->strides[1],
                         .row = view->strides[2],
                         .dim = view->strides[3]};
}

static gattn_device_attention bound(const gattn_device_attend *attend,
                                    const gattn_attend_operands *operands,
                                    int64_t head) {
  const gattn_attend_problem *problem = &attend->problem;
  const int64_t kv_head = head / (problem->heads / problem->kv_heads);
  gattn_device_attention attention = gattn_device_attention_of(attend, head);
  attention.q = operand_of(&operands->q, head);
  attention.k = operand_of(&operands->k, kv_head);
  attention.v = operand_of(&operands->v, kv_head);
  attention.o = operand_of(&operands->o, head);
  attention.lse = operand_of(&operands->lse, head);
  attention.edge_values = operand_of(&operands->edge_values, head);
  return attention;
}

/* ------------------------------------------------------------ launches */

/* What becomes of a part's states. */
typedef struct flow {
  bool resume, store;
} flow;

static int launch_pieces(const launching *run, gattn_tile_pass *pass,
                         flow flow) {
  const int64_t rows = pass->rows ? pass->n_rows : run->attention.n_f;
  uint64_t o = 0, lse = 0;
  gattn_state_bytes(run->attend, pass->pieces, rows, &o, &lse);
  pass->piece_state = (gattn_device_state){.o = (float *)run->scratch,
                                           .lse = (float *)(run->scratch + o)};
  const gattn_merge_pass merge = {.pieces = pass->pieces,
                                  .piece_state = pass->piece_state,
                                  .rows = pass->rows,
                                  .n_rows = rows,
                                  .resume = flow.resume,
                                  .store_state = flow.store,
                                  .state = run->state};
  const int error = gattn_tile_launch(&run->attention, pass, run->stream);
  return error ? error
               : gattn_merge_launch(&run->attention, &merge, run->stream);
}

static int launch_tiles(const launching *run, const gattn_tile_pass *tiles,
                        flow flow) {
  gattn_tile_pass pass = *tiles;
  pass.state = run->state;
  if (pass.n_tiles == 0) return 0;
  if (pass.pieces > 1) return launch_pieces(run, &pass, flow);
  pass.resume = flow.resume;
  pass.store_state = flow.store;
  return gattn_tile_launch(&run->attention, &pass, run->stream);
}

static int launch_edges(const launching *run, const gattn_uploaded_part *part,
                        flow flow) {
  const gattn_edge_pass pass = {.rows = part->rows,
                                .head_rows = part->head_rows,
                                .edges = part->edges,
                                .workspace = run->scratch,
                                .resume = flow.resume,
                                .store_state = flow.store,
                                .state = run->state};
  return gattn_edges_launch(&run->attention, &pass, run->stream);
}

/* The parts' passes in order; the last one stores the operands. Hub rows are no
 * other tile pass's, so they are stored at once; but an edge pass cannot skip
 * them and takes up what they left. */
static int launch_parts(const launching *run,
                        const gattn_device_lowered *lowered,
                        const gattn_uploaded *uploaded) {
  const int64_t n = lowered->n_parts;
  const int64_t hubs = n > 0 && lowered->parts[0].form == GATTN_DEVICE_HUBS;
  const bool keep = gattn_keeps_hubs(lowered);
  const bool alone = keep && n - hubs == 1;
  int error = 0;
  if (n == 0 || alone)
    error =
        gattn_empty_launch(&run->attention, alone, &run->state, run->stream);
  for (int64_t p = 0; p < n && !error; p++) {
    const gattn_device_form form = lowered->parts[p].form;
    const gattn_uploaded_part *part = &uploaded->parts[p];
    const flow main = {.resume = p > hubs || alone, .store = p + 1 < n};
    if (form == GATTN_DEVICE_HUBS)
      error = launch_tiles(run, &part->tiles, (flow){.store = keep});
    else if (form == GATTN_DEVICE_EDGES)
      error = launch_edges(run, part, main);
    else
      error = launch_tiles(run, &part->tiles, main);
  }
  return error;
}

static int launch_heads(const gattn_device_attend *attend,
                        const gattn_attend_operands *operands, char *workspace,
                        void *stream) {
  const gattn_device_layout *layout = &attend->layout;
  char *base = (char *)(((uintptr_t)workspace + 255) / 256 * 256);
  int error = 0;
  for (int64_t h = 0; h < attend->n_launches && !error; h++) {
    const launching run = {
        .attend = attend,
        .attention = bound(attend, operands, h),
        .state = {.o = (float *)(base + layout->state_o),
                  .lse = (float *)(base + layout->state_lse)},
        .scratch = base + layout->scratch,
        .stream = stream};
    error = launch_parts(&run, &attend->lowered[h], &attend->uploaded[h]);
  }
  return error;
}

gattn_status gattn_device_attend_execute(const gattn_device_attend *attend,
                                         const gattn_attend_operands *operands,
                                         void *workspace, void *stream) {
  gattn_context *context = attend->context;
  int previous;
  gattn_status status = gattn_device_enter(context, &previous);
  if (status) return status;
  if (!stream) stream = gattn_device_stream(context);
  status = gattn_device_check(
      context, launch_heads(attend, operands, workspace, stream), "attention");
  gattn_device_leave(context, previous);
  return status;
}
