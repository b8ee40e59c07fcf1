/* A warp's running softmax in float32, in registers, and where it ends.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_TILE32_STATE_CUH
#define GATTN_OPERATORS_CUDA_TILE32_STATE_CUH

#include "operators/cuda/tile/store.cuh"
#include "operators/cuda/tile32/product.cuh"

/* Of the lane's rows, as product.cuh has them. */
template <int D, int M>
struct gattn_tile32_state {
  float o[4 * M][D / 8];
  float maximum[4 * M]; /* the same in a row's lanes */
  float sum[4 * M];     /* of the lane's own keys */
};

/* All lanes: the sum, or the largest, of a row's lanes. */
GATTN_DEVICE float gattn_tile32_row_sum(float x) {
#pragma unroll
  for (int step = 2; step < 16; step *= 2) x += __shfl_xor_sync(~0u, x, step);
  return x;
}

GATTN_DEVICE float gattn_tile32_row_maximum(float x) {
#pragma unroll
  for (int step = 2; step < 16; step *= 2)
    x = fmaxf(x, __shfl_xor_sync(~0u, x, step));
  return x;
}

/* All lanes: −inf where the word of a row of the warp, which its lane of that
 * number holds, has no bit. */
template <int M>
GATTN_DEVICE void gattn_tile32_mask(float (&s)[4 * M][8], uint64_t word) {
  const int x = gattn_tile32_x(), y = gattn_tile32_y();
#pragma unroll
  for (int a = 0; a < 4 * M; a++) {
    const uint32_t low = __shfl_sync(~0u, (uint32_t)word, y + 4 * a) >> x;
    const uint32_t high =
        __shfl_sync(~0u, (uint32_t)(word >> 32), y + 4 * a) >> x;
#pragma unroll
    for (int b = 0; b < 8; b++)
      if (!((b < 4 ? low : high) >> b % 4 * 8 & 1)) s[a][b] = -INFINITY;
  }
}

/* All lanes: scores become weights, which join the sums; sums and outputs
 * shrink as maxima grow. */
template <int D, int M>
GATTN_DEVICE void gattn_tile32_weigh(float (&s)[4 * M][8],
                                     gattn_tile32_state<D, M> *state) {
  float shrink[4 * M];
  bool same = true;
#pragma unroll
  for (int a = 0; a < 4 * M; a++) {
    float largest = s[a][0];
#pragma unroll
    for (int b = 1; b < 8; b++) largest = fmaxf(largest, s[a][b]);
    const float maximum =
        fmaxf(state->maximum[a], gattn_tile32_row_maximum(largest));
    /* Where every score was −inf so far, the weights are exp(−inf − 0). */
    const float base = maximum == -INFINITY ? 0.f : maximum;
    shrink[a] = gattn_exp2((state->maximum[a] - base) * GATTN_LOG2E);
    same = same && maximum == state->maximum[a];
    float sum = 0;
#pragma unroll
    for (int b = 0; b < 8; b++) {
      s[a][b] = gattn_exp2((s[a][b] - base) * GATTN_LOG2E);
      sum += s[a][b];
    }
    state->maximum[a] = maximum;
    state->sum[a] = fmaf(state->sum[a], shrink[a], sum);
  }
  if (__all_sync(~0u, same)) return;
#pragma unroll
  for (int a = 0; a < 4 * M; a++)
#pragma unroll
    for (int n = 0; n < D / 8; n++) state->o[a][n] *= shrink[a];
}

/* All lanes: an empty state, or the one that earlier passes left, of the warp's
 * rows from `first` on. */
template <int D, int M>
GATTN_DEVICE void gattn_tile32_begin(const gattn_device_attention &a,
                                     const gattn_tile_pass &pass,
                                     const gattn_tile_item &item,
                                     const gattn_query_lane *lanes, int first,
                                     gattn_tile32_state<D, M> *state) {
  const int x = gattn_tile32_x();
  const bool resume = pass.resume && pass.pieces == 1;
#pragma unroll
  for (int n = 0; n < 4 * M; n++) {
    const int64_t position = lanes[first + gattn_tile32_y() + 4 * n].position;
    const bool there = resume && position >= 0;
    const int64_t at = gattn_state_row(a, item, a.n_f, position);
    state->maximum[n] = there ? pass.state.lse[at] : -INFINITY;
    state->sum[n] = there && x == 0 && state->maximum[n] != -INFINITY;
#pragma unroll
    for (int e = 0; e < D / 8; e++) {
      const int d = 32 * (e / 4) + 4 * x + e % 4;
      state->o[n][e] =
          there && d < a.dim_v ? pass.state.o[at * a.dim_v + d] : 0.f;
    }
  }
}

/* The lane's elements of a row to `o`, `step` apart; `chunks`: four lie together
 * and are aligned. */
template <int N>
GATTN_DEVICE void gattn_tile32_put(const float (&from)[N], float inverse,
                                   int64_t dim_v, bool chunks, int64_t step,
                                   float *o) {
#pragma unroll
  for (int c = 0; c < N / 4; c++) {
    const int d = 32 * c + 4 * gattn_tile32_x();
    const float4 x =
        make_float4(from[4 * c] * inverse, from[4 * c + 1] * inverse,
                    from[4 * c + 2] * inverse, from[4 * c + 3] * inverse);
    if (chunks && d + 4 <= dim_v) {
      *(float4 *)(o + d) = x;
      continue;
    }
    if (d < dim_v) o[d * step] = x.x;
    if (d + 1 < dim_v) o[(d + 1) * step] = x.y;
    if (d + 2 < dim_v) o[(d + 2) * step] = x.z;
    if (d + 3 < dim_v) o[(d + 3) * step] = x.w;
  }
}

/* All lanes: whether a row's outputs are all finite. */
template <int N>
GATTN_DEVICE bool gattn_tile32_finite(const float (&o)[N]) {
  float most = 0;
  /* 0·x is NaN for infinities and NaN, and NaN stays. */
#pragma unroll
  for (int n = 0; n < N; n++) most += 0 * o[n];
  return gattn_tile32_row_sum(most) == 0;
}

/* Where a row ends: outputs and lse, or a state. */
template <int N>
GATTN_DEVICE void gattn_tile32_store(const gattn_device_attention &a,
                                     const gattn_tile_pass &pass,
                                     const gattn_tile_item &item, bool chunks,
                                     const gattn_query_lane &query,
                                     const float (&o)[N], float inverse,
                                     float lse) {
  const gattn_state_place place = gattn_state_place_of(a, pass, item, query);
  float *lse_to = place.to.lse ? place.to.lse + place.at
                  : a.lse.data ? (float *)a.lse.data +
                                     item.batch * a.lse.batch +
                                     item.head * a.lse.head +
                                     query.position * a.lse.row
                               : nullptr;
  if (gattn_tile32_x() == 0 && lse_to) *lse_to = lse;
  if (place.to.o)
    gattn_tile32_put(o, inverse, a.dim_v, a.dim_v % 4 == 0, 1,
                     place.to.o + place.at * a.dim_v);
  else
    gattn_tile32_put(o, inverse, a.dim_v, chunks, a.o.dim,
                     (float *)a.o.data + item.batch * a.o.batch +
                         item.head * a.o.head + query.position * a.o.row);
}

/* All lanes of a warp: its rows from `first` on, but those that are left to
 * gattn_recompute_rows. */
template <int D, int M>
GATTN_DEVICE void gattn_tile32_end(const gattn_device_attention &a,
                                   const gattn_tile_pass &pass,
                                   const gattn_tile_item &item, bool chunks,
                                   int first, gattn_query_lane *lanes,
                                   const gattn_tile32_state<D, M> &state) {
#pragma unroll
  for (int n = 0; n < 4 * M; n++) {
    const int row = first + gattn_tile32_y() + 4 * n;
    const gattn_query_lane query = lanes[row];
    const float sum = gattn_tile32_row_sum(state.sum[n]);
    const float inverse = sum == 0 ? 0.f : 1 / sum;
    const float lse = sum == 0 ? -INFINITY : state.maximum[n] + logf(sum);
    const bool finite = gattn_tile32_finite(state.o[n]);
    const bool holds = finite && gattn_sum_holds(state.maximum[n], sum);
    __syncwarp();
    if (holds && query.position >= 0)
      gattn_tile32_store(a, pass, item, chunks, query, state.o[n], inverse,
                         lse);
    if (!holds && query.position >= 0 && gattn_tile32_x() == 0)
      lanes[row].position = GATTN_LEFT_ROW - query.position;
  }
  __syncwarp();
}

#endif
