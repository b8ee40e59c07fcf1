/* Rows whose outputs are not finite, once more, edge by edge.
 * SPDX-License-Identifier: Apache-2.0
 *
 * On tensor cores a weight of 0 that meets an infinity or NaN in V makes NaN
 * of rows that have no edge to that key. Such rows are told by their outputs,
 * and computed here along their own edges alone; so are those that touch it,
 * and come out as they must. */
#ifndef GATTN_OPERATORS_CUDA_TILE_RECOMPUTE_CUH
#define GATTN_OPERATORS_CUDA_TILE_RECOMPUTE_CUH

#include "operators/cuda/score.cuh"
#include "operators/cuda/tile/block.cuh"
#include "operators/cuda/tile/store.cuh"

/* A row's state, elements lane + 32·n of o in lane `lane`. */
struct gattn_row_state {
  float maximum, sum, o[8];
};

template <typename T>
GATTN_DEVICE float gattn_element(const T *x) {
  return gattn_to_float(*(const uint16_t *)x, T());
}

GATTN_DEVICE float gattn_element(const float *x) { return *x; }

/* All lanes: one edge. */
template <class Score, typename T>
GATTN_DEVICE void gattn_take_edge(const gattn_device_attention &a,
                                  const Score &score_of, const T *q, const T *k,
                                  const T *v, int64_t i, int64_t j,
                                  gattn_row_state *state) {
  const int lane = threadIdx.x % 32;
  float dot = 0;
  for (int64_t d = lane; d < a.dim; d += 32)
    dot += gattn_element(q + d * a.q.dim) * gattn_element(k + d * a.k.dim);
  for (int step = 16; step; step /= 2) dot += __shfl_xor_sync(~0u, dot, step);
  const float s = score_of(dot * a.scale, i, j, 0.f);
  if (s == -INFINITY) return;
  const float maximum = fmaxf(state->maximum, s);
  const float shrink = expf(state->maximum - maximum);
  const float weight = expf(s - maximum);
  state->maximum = maximum;
  state->sum = (state->sum ? state->sum * shrink : 0.f) + weight;
  for (int n = 0; n < 8; n++) {
    const int64_t d = lane + 32 * n;
    if (d < a.dim_v)
      state->o[n] = (state->o[n] ? state->o[n] * shrink : 0.f) +
                    weight * gattn_element(v + d * a.v.dim);
  }
}

/* All lanes: the row's edges within a key tile. */
template <class Score, typename T>
GATTN_DEVICE void gattn_take_tile(const gattn_device_attention &a,
                                  const gattn_tile_pass &pass,
                                  const gattn_tile_item &item,
                                  const Score &score_of, int64_t vertex,
                                  const gattn_tile &tile, uint64_t word,
                                  const T *q, gattn_row_state *state) {
  const int64_t head = gattn_quotient(item.head, a.heads / a.kv_heads);
  const T *k = (const T *)a.k.data + item.batch * a.k.batch + head * a.k.head;
  const T *v = (const T *)a.v.data + item.batch * a.v.batch + head * a.v.head;
  for (; word; word &= word - 1) {
    int64_t key = gattn_tile_number(&tile, __ffsll((long long)word) - 1);
    if (pass.numbering.kind == GATTN_NUMBER_TABLE)
      key = pass.numbering.table[key];
    gattn_take_edge(a, score_of, q, k + key * a.k.row, v + key * a.v.row,
                    vertex, key, state);
  }
}

/* All lanes: where the row's result goes, as gattn_store_rows has it. */
template <typename T>
GATTN_DEVICE void gattn_store_row(const gattn_device_attention &a,
                                  const gattn_tile_pass &pass,
                                  const gattn_tile_item &item,
                                  const gattn_query_lane &query,
                                  const gattn_row_state &state) {
  const int lane = threadIdx.x % 32;
  const float inverse = state.sum == 0 ? 0.f : 1 / state.sum;
  const float lse =
      state.sum == 0 ? -INFINITY : state.maximum + logf(state.sum);
  const gattn_state_place place = gattn_state_place_of(a, pass, item, query);
  float *lse_to = place.to.lse ? place.to.lse + place.at
                  : a.lse.data ? (float *)a.lse.data +
                                     item.batch * a.lse.batch +
                                     item.head * a.lse.head +
                                     query.position * a.lse.row
                               : nullptr;
  if (lane == 0 && lse_to) *lse_to = lse;
  T *o = (T *)a.o.data + item.batch * a.o.batch + item.head * a.o.head +
         query.position * a.o.row;
  for (int n = 0; n < 8; n++) {
    const int64_t d = lane + 32 * n;
    if (d >= a.dim_v) continue;
    const float x = state.o[n] * inverse;
    if (place.to.o)
      place.to.o[place.at * a.dim_v + d] = x;
    else
      o[d * a.o.dim] = T(x);
  }
}

template <typename T>
GATTN_DEVICE const T *gattn_query_row(const gattn_device_attention &a,
                                      const gattn_tile_item &item,
                                      const gattn_query_lane &query) {
  return (const T *)a.q.data + item.batch * a.q.batch + item.head * a.q.head +
         query.position * a.q.row;
}

/* All lanes: a row's state before its edges. */
GATTN_DEVICE gattn_row_state gattn_resumed_row(
    const gattn_device_attention &a, const gattn_tile_pass &pass,
    const gattn_tile_item &item, const gattn_query_lane &query) {
  gattn_row_state state = {-INFINITY, 0, {0, 0, 0, 0, 0, 0, 0, 0}};
  if (!pass.resume || pass.pieces > 1) return state;
  const int64_t at = gattn_state_row(a, item, a.n_f, query.position);
  state.maximum = pass.state.lse[at];
  state.sum = state.maximum != -INFINITY;
  for (int n = 0; n < 8; n++) {
    const int64_t d = threadIdx.x % 32 + 32 * n;
    if (d < a.dim_v) state.o[n] = pass.state.o[at * a.dim_v + d];
  }
  __syncwarp();
  return state;
}

/* All lanes of a warp: row `lane` of the tile. */
template <class Score, typename T>
static __device__ __noinline__ void gattn_recompute_row(
    const gattn_device_attention &a, const gattn_tile_pass &pass,
    const gattn_tile_item &item, const gattn_key_sequence &sequence,
    gattn_query_lane query, int lane) {
  const Score score_of(a.score, item.head);
  const T *q = gattn_query_row<T>(a, item, query);
  gattn_row_state state = gattn_resumed_row(a, pass, item, query);
  for (int64_t n = sequence.begin; n < sequence.end; n++) {
    int64_t entry;
    const int64_t number = gattn_key_sequence_at(
        &sequence, gattn_pass_list(&pass, item.head), n, &entry);
    const gattn_tile tile =
        gattn_tile_at(&pass.numbering, GATTN_TILE_KEYS, a.n_kv, number);
    gattn_take_tile(
        a, pass, item, score_of, query.vertex, tile,
        gattn_lane_word(&pass, item.head, &query, lane, &tile, entry), q,
        &state);
  }
  gattn_store_row<T>(a, pass, item, query, state);
}

/* All lanes of a warp: those of its ROWS rows that gattn_store_rows left. */
template <class Score, typename T, int ROWS>
GATTN_DEVICE void gattn_recompute_rows(const gattn_device_attention &a,
                                       const gattn_tile_pass &pass,
                                       const gattn_tile_item &item,
                                       const gattn_key_sequence &sequence,
                                       const gattn_query_lane *lanes) {
  const int first = threadIdx.x / 32 * ROWS;
  const int own = threadIdx.x % 32;
  uint32_t left = __ballot_sync(
      ~0u, own < ROWS && lanes[first + own % ROWS].position < -1);
#pragma unroll 1
  for (; left; left &= left - 1) {
    const int row = first + __ffs((int)left) - 1;
    gattn_query_lane query = lanes[row];
    query.position = GATTN_LEFT_ROW - query.position;
    gattn_recompute_row<Score, T>(a, pass, item, sequence, query, row);
  }
}

#endif
