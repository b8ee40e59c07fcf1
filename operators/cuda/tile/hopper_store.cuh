/* How the rows of an item begin and end on Hopper.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All lanes of a warp call these, for its 16 rows from `first` on. */
#ifndef GATTN_OPERATORS_CUDA_TILE_HOPPER_STORE_CUH
#define GATTN_OPERATORS_CUDA_TILE_HOPPER_STORE_CUH

#include "operators/cuda/tile/hopper_shared.cuh"

/* The state that earlier passes left. */
template <int D>
GATTN_DEVICE void gattn_resume_rows(const gattn_hopper_run &run,
                                    const gattn_hopper_item &item, float unit,
                                    int first, gattn_warp_state<1, D> *state) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int64_t position = item.lanes[first + 8 * half + lane / 4].position;
    if (position < 0) continue;
    const int64_t at = gattn_state_row(run.a, item.item, run.a.n_f, position);
    const float lse = run.pass.state.lse[at];
    const float *o = run.pass.state.o + at * run.a.dim_v;
    state->maximum[0][half] = lse == -INFINITY ? lse : lse / unit;
    state->sum[0][half] = lse != -INFINITY && lane % 4 == 0;
#pragma unroll
    for (int n = 0; n < D / 8; n++)
#pragma unroll
      for (int e = 0; e < 2; e++) {
        const int d = 8 * n + lane % 4 * 2 + e;
        if (d < run.a.dim_v) state->o[0][n][2 * half + e] = o[d];
      }
  }
}

template <int D>
GATTN_DEVICE void gattn_begin_rows(const gattn_hopper_run &run,
                                   const gattn_hopper_item &item, float unit,
                                   int first, gattn_warp_state<1, D> *state) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    state->maximum[0][half] = -INFINITY;
    state->sum[0][half] = 0;
  }
#pragma unroll
  for (int n = 0; n < D / 8; n++)
#pragma unroll
    for (int e = 0; e < 4; e++) state->o[0][n][e] = 0;
  if (run.pass.resume && run.pass.pieces == 1)
    gattn_resume_rows(run, item, unit, first, state);
}

/* Row `row` of the item, edge by edge. */
template <class Score, typename T>
GATTN_DEVICE void gattn_recompute_item_row(const gattn_hopper_run &run,
                                           const gattn_hopper_item &item,
                                           gattn_query_lane query, int row) {
  const Score score_of(run.a.score, item.item.head);
  const T *q = gattn_query_row<T>(run.a, item.item, query);
  gattn_row_state state =
      gattn_resumed_row(run.a, run.pass, item.item, query);
#pragma unroll 1
  for (int n = 0; n < item.tiles.count; n++) {
    gattn_ring_entry entry;
    gattn_item_place(run, item, n, &entry);
    uint64_t word;
    if (entry.word >= 0) {
      word = gattn_pass_list(&run.pass, item.item.head)
                 ->bits[(int64_t)entry.word * GATTN_HOPPER_LANES + row];
    } else {
      const uint2 halves = gattn_word_of_bounds(run, item.bounds[row], entry);
      word = halves.x | (uint64_t)halves.y << 32;
    }
    gattn_tile tile;
    tile.base = entry.base;
    tile.step = run.facts.form.step;
    tile.line_step = run.facts.form.line_step;
    tile.shift = run.facts.form.shift;
    tile.columns = entry.columns;
    tile.lines = entry.lines;
    gattn_take_tile(run.a, run.pass, item.item, score_of, query.vertex, tile,
                    word, q, &state);
  }
  gattn_store_row<T>(run.a, run.pass, item.item, query, state);
}

/* After the rows are stored: those that were not finite. */
template <class Score, typename T>
GATTN_DEVICE void gattn_end_rows(const gattn_hopper_run &run,
                                 const gattn_hopper_item &item, int first) {
  const int lane = threadIdx.x % 32;
  __syncwarp();
  uint32_t left = __ballot_sync(
      ~0u, lane < 16 && item.lanes[first + lane % 16].position < -1);
#pragma unroll 1
  for (; left; left &= left - 1) {
    const int row = first + __ffs((int)left) - 1;
    gattn_query_lane query = item.lanes[row];
    query.position = GATTN_LEFT_ROW - query.position;
    gattn_recompute_item_row<Score, T>(run, item, query, row);
  }
}

/* Outputs, normalised, to the rows of `tile`, in shared memory. */
template <typename T, int D>
GATTN_DEVICE void gattn_write_outputs(const gattn_warp_state<1, D> &state,
                                      const float (&inverse)[2], int first,
                                      uint32_t tile) {
  const int lane = threadIdx.x % 32;
  const uint32_t row = tile + (first + lane % 16) * 128;
  const int twist = lane / 16 ^ lane % 8;
#pragma unroll
  for (int n = 0; n < D / 8; n += 2) {
    uint32_t x[4];
#pragma unroll
    for (int e = 0; e < 4; e++)
      x[e] = gattn_pack(state.o[0][n + e / 2][e % 2 * 2] * inverse[e % 2],
                        state.o[0][n + e / 2][e % 2 * 2 + 1] * inverse[e % 2],
                        T());
    gattn_store_matrices(
        row + n / 8 * GATTN_HOPPER_LANES * 128 + (n % 8 ^ twist) * 16, x);
  }
}

/* One thread: the corner of the box that the warp's rows of o are. */
GATTN_DEVICE void gattn_output_corner(const gattn_hopper_run &run,
                                      const gattn_tile_item &item, int first,
                                      int32_t (&at)[5]) {
  const gattn_numbering &numbering = run.pass.numbering;
  const gattn_tile tile = gattn_tile_at(&numbering, GATTN_HOPPER_LANES,
                                        run.a.n_q,
                                        run.pass.first_tile + item.tile);
  gattn_box_corner(numbering, tile.base, &at[1], &at[2]);
  if (numbering.kind == GATTN_NUMBER_LINEAR)
    at[1] = (int32_t)(tile.base - run.a.begin) + first;
  else if (numbering.kind == GATTN_NUMBER_CLASSES)
    at[2] += first;
  else
    at[2] += first / 16;
  at[0] = 0;
  at[3] = (int32_t)item.head;
  at[4] = (int32_t)item.batch;
}

/* Outputs leave as a box. Where some are not right yet they leave row by row,
 * without those: o may be q, which these are computed from once more. */
template <class Score, typename T, int D>
GATTN_DEVICE void gattn_store_box(const gattn_hopper_run &run, float unit,
                                  int first, gattn_hopper_item *item,
                                  char *tile,
                                  const gattn_warp_state<1, D> &state) {
  const int lane = threadIdx.x % 32;
  float inverse[2];
  bool right = true;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const float sum = gattn_quad_sum(state.sum[0][half]);
    const float maximum = state.maximum[0][half];
    const int row = first + 8 * half + lane / 4;
    inverse[half] = sum == 0 ? 0.f : 1 / sum;
    const bool good = gattn_row_finite(state, 0, half) &&
                      gattn_sum_holds(maximum, sum);
    right = right && good;
    if (lane % 4 == 0 && (run.a.lse.data || !good)) {
      const int64_t position = item->lanes[row].position;
      if (position >= 0 && run.a.lse.data)
        ((float *)run.a.lse.data)[item->item.batch * run.a.lse.batch +
                                  item->item.head * run.a.lse.head +
                                  position * run.a.lse.row] =
            sum == 0 ? -INFINITY : maximum * unit + logf(sum);
      if (position >= 0 && !good)
        item->lanes[row].position = GATTN_LEFT_ROW - position;
    }
  }
  gattn_write_outputs<T>(state, inverse, first, gattn_shared_address(tile));
  gattn_show_shared();
  __syncwarp();
  if (!__all_sync(~0u, right)) {
    gattn_store_outputs<T, D>(run.a, item->item, true, item->lanes, first, 16,
                              tile);
    gattn_end_rows<Score, T>(run, *item, first);
    return;
  }
  if (lane == 0) {
    int32_t at[5];
    gattn_output_corner(run, item->item, first, at);
#pragma unroll
    for (int p = 0; p < D / 64; p++, at[0] += 64)
      gattn_send_box(
          &run.hopper.o,
          gattn_shared_address(tile) + (p * GATTN_HOPPER_LANES + first) * 128,
          at);
    gattn_send_commit();
    gattn_send_read();
  }
}

/* Outputs and lse, or a state; `tile` is where the item's rows of Q were. */
template <class Score, typename T, int D>
GATTN_DEVICE void gattn_store_item(const gattn_hopper_run &run, float unit,
                                   int first, gattn_hopper_item *item,
                                   char *tile,
                                   const gattn_warp_state<1, D> &state) {
  if (run.hopper.o_boxes) {
    gattn_store_box<Score, T>(run, unit, first, item, tile, state);
    return;
  }
  gattn_store_rows<T, D, 1>(run.a, run.pass, item->item, unit,
                            run.facts.o_chunks, first, item->lanes, tile,
                            state);
  gattn_end_rows<Score, T>(run, *item, first);
  gattn_show_shared();
}

#endif
