/* Fused attention on the device: the launches of an execution.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/cuda/merge.h"
#include "plan/device/uploaded.h"

/* What the launches of one graph share. */
typedef struct launching {
  const gattn_device_attend *attend;
  gattn_device_attention attention;
  gattn_device_state state;
  char *scratch, *hub_scratch;
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

/* A pass in pieces, at `scratch`, and what merges them. */
typedef struct pieced {
  gattn_tile_pass pass;
  gattn_merge_pass merge;
} pieced;

static pieced pieced_of(const launching *run, const gattn_tile_pass *tiles,
                        char *scratch, flow flow) {
  pieced made = {.pass = *tiles};
  const int64_t rows = tiles->rows ? tiles->n_rows : run->attention.n_f;
  uint64_t o = 0, lse = 0;
  gattn_state_bytes(run->attend, tiles->pieces, rows, &o, &lse);
  made.pass.state = run->state;
  made.pass.piece_state = (gattn_device_state){
      .o = (float *)scratch, .lse = (float *)(scratch + o)};
  made.merge = (gattn_merge_pass){.pieces = tiles->pieces,
                                  .piece_state = made.pass.piece_state,
                                  .rows = tiles->rows,
                                  .n_rows = rows,
                                  .resume = flow.resume,
                                  .store_state = flow.store,
                                  .state = run->state};
  return made;
}

static int launch_tiles(const launching *run, const gattn_tile_pass *tiles,
                        flow flow) {
  gattn_tile_pass pass = *tiles;
  if (pass.n_tiles == 0) return 0;
  if (pass.pieces > 1) {
    const pieced cut = pieced_of(run, tiles, run->scratch, flow);
    const int error =
        gattn_tile_launch(&run->attention, &cut.pass, run->stream);
    return error ? error
                 : gattn_merge_behind_launch(&run->attention, &cut.merge,
                                             run->stream);
  }
  pass.state = run->state;
  pass.resume = flow.resume;
  pass.store_state = flow.store;
  return gattn_tile_launch(&run->attention, &pass, run->stream);
}

static int launch_windows(const launching *run,
                          const gattn_uploaded_part *part, flow flow) {
  const gattn_window_pass pass = {.windows = part->windows,
                                  .workspace = run->scratch,
                                  .resume = flow.resume,
                                  .store_state = flow.store,
                                  .state = run->state};
  return gattn_windows_launch(&run->attention, &pass, run->stream);
}

static int launch_edges(const launching *run, const gattn_uploaded_part *part,
                        flow flow) {
  if (part->windows.n_items) return launch_windows(run, part, flow);
  const gattn_edge_pass pass = {.rows = part->rows,
                                .head_rows = part->head_rows,
                                .edges = part->edges,
                                .workspace = run->scratch,
                                .resume = flow.resume,
                                .store_state = flow.store,
                                .state = run->state};
  return gattn_edges_launch(&run->attention, &pass, run->stream);
}

/* Parts [begin, end), but for hub rows, in turn: each takes up the states that
 * the one before left, and the last of all stores the operands. */
static int launch_in_turn(const launching *run,
                          const gattn_device_lowered *lowered,
                          const gattn_uploaded *uploaded, int64_t begin,
                          int64_t end) {
  const int64_t first = gattn_has_hubs(lowered);
  int error = 0;
  for (int64_t p = begin; p < end && !error; p++) {
    const gattn_uploaded_part *part = &uploaded->parts[p];
    const flow flow = {.resume = p > first, .store = p + 1 < lowered->n_parts};
    error = lowered->parts[p].form == GATTN_DEVICE_EDGES
                ? launch_edges(run, part, flow)
                : launch_tiles(run, &part->tiles, flow);
  }
  return error;
}

/* ------------------------------------------------------------ hub rows */

/* Hub rows beside other parts: no tile pass has those rows. An edge pass cannot
 * skip them. It takes up their states behind tile passes; where there are none
 * it stores empty rows, and the hubs' pieces are merged behind it. */
static int launch_hubs(const launching *run,
                       const gattn_device_lowered *lowered,
                       const gattn_uploaded *uploaded) {
  const gattn_tile_pass *tiles = &uploaded->parts[0].tiles;
  const bool behind = gattn_hubs_behind(lowered);
  const int64_t n = lowered->n_parts;
  const int64_t beside = n - (gattn_edges_last(lowered) && !behind);
  const flow flow = {.store = beside < n};
  const pieced cut = pieced_of(run, tiles, run->hub_scratch, flow);
  /* Where o is q, an edge pass overwrites what the hubs read. */
  const bool alone =
      beside == 1 || (behind && run->attention.o.data == run->attention.q.data);
  gattn_device_branch *branch = NULL;
  launching hubs = *run;
  hubs.scratch = run->hub_scratch;
  int error = 0, joined = 0;
  if (!alone)
    error = gattn_device_fork(run->attend->context, run->stream, &branch);
  if (error) return error;
  if (branch) hubs.stream = gattn_device_branch_stream(branch);
  error = behind ? gattn_tile_launch(&run->attention, &cut.pass, hubs.stream)
                 : launch_tiles(&hubs, tiles, flow);
  if (!error) error = launch_in_turn(run, lowered, uploaded, 1, beside);
  if (branch) joined = gattn_device_join(branch, run->stream);
  if (!error) error = joined;
  if (!error) error = launch_in_turn(run, lowered, uploaded, beside, n);
  if (!error && behind)
    error = gattn_merge_launch(&run->attention, &cut.merge, run->stream);
  return error;
}

static int launch_parts(const launching *run,
                        const gattn_device_lowered *lowered,
                        const gattn_uploaded *uploaded) {
  const int64_t n = lowered->n_parts;
  if (n == 0)
    return gattn_empty_launch(&run->attention, 0, NULL, run->stream);
  return gattn_has_hubs(lowered)
             ? launch_hubs(run, lowered, uploaded)
             : launch_in_turn(run, lowered, uploaded, 0, n);
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
        .hub_scratch = base + layout->hub_scratch,
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
