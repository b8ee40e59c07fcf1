/* What a warp leaves behind: outputs, or a state for a later pass.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_TILE_STORE_CUH
#define GATTN_OPERATORS_CUDA_TILE_STORE_CUH

#include "operators/cuda/tile/softmax.cuh"
#include "operators/cuda/tile/stage.cuh"

/* Index of the state of a row; `rows` of each head and batch. */
GATTN_DEVICE int64_t gattn_state_row(const gattn_device_attention &a,
                                     const gattn_tile_item &item, int64_t rows,
                                     int64_t row) {
  return (item.batch * a.heads + item.head) * rows + row;
}

/* Which of the states a row goes to: that of its piece, `state`, or none (both
 * null), and its index there. */
typedef struct gattn_state_place {
  gattn_device_state to;
  int64_t at;
} gattn_state_place;

GATTN_DEVICE gattn_state_place gattn_state_place_of(
    const gattn_device_attention &a, const gattn_tile_pass &pass,
    const gattn_tile_item &item, const gattn_query_lane &query) {
  gattn_state_place place = {{nullptr, nullptr}, 0};
  if (pass.pieces > 1) {
    const int64_t rows = pass.rows ? pass.n_rows : a.n_f;
    place.to = pass.piece_state;
    place.at = gattn_state_row(a, item, rows, query.row) +
               item.piece * a.batch * a.heads * rows;
  } else if (pass.store_state) {
    place.to = pass.state;
    place.at = gattn_state_row(a, item, a.n_f, query.position);
  }
  return place;
}

/* A row that is not stored, because its outputs are not finite or its sum does
 * not hold, has its position p in `lanes` replaced by GATTN_LEFT_ROW − p. */
enum { GATTN_LEFT_ROW = -2 };

/* A row's state in float32, the thread's elements of it; lse by one lane of
 * each quad. */
template <int D, int M>
GATTN_DEVICE void gattn_store_state(const gattn_warp_state<M, D> &state, int f,
                                    int half, float inverse, float lse,
                                    int64_t dim_v,
                                    const gattn_state_place &place) {
  const int quad_lane = threadIdx.x % 4;
  float *o = place.to.o + place.at * dim_v;
  if (quad_lane == 0) place.to.lse[place.at] = lse;
#pragma unroll
  for (int n = 0; n < D / 8; n++)
#pragma unroll
    for (int e = 0; e < 2; e++) {
      const int d = 8 * n + 2 * quad_lane + e;
      if (d < dim_v) o[d] = state.o[f][n][2 * half + e] * inverse;
    }
}

/* All lanes of a warp: whether the row's outputs, which its quad has, are all
 * finite. */
template <int D, int M>
GATTN_DEVICE bool gattn_row_finite(const gattn_warp_state<M, D> &state, int f,
                                   int half) {
  float most = 0;
#pragma unroll
  for (int n = 0; n < D / 8; n++)
#pragma unroll
    for (int e = 0; e < 2; e++)
      /* 0·x is NaN for infinities and NaN, and NaN stays. */
      most += 0 * state.o[f][n][2 * half + e];
  return gattn_quad_sum(most) == 0;
}

/* Whether a row's sum is what its maximum promises: the largest weight is 1, or
 * more. Scores so large that their product with the rate is rounded by whole
 * numbers shift all weights of a row, perhaps to where they vanish. */
GATTN_DEVICE bool gattn_sum_holds(float maximum, float sum) {
  return maximum == -INFINITY || sum >= 0.5f;
}

/* All lanes of a warp: its rows of the tile at `rows` in shared memory, `count`
 * of them, to o. */
template <typename T, int D>
GATTN_DEVICE void gattn_store_outputs(const gattn_device_attention &a,
                                      const gattn_tile_item &item, bool chunks,
                                      const gattn_query_lane *lanes, int first,
                                      int count, const char *tile) {
  T *o = (T *)a.o.data + item.batch * a.o.batch + item.head * a.o.head;
#pragma unroll 1
  for (int n = threadIdx.x % 32; n < count * (D / 8); n += 32) {
    const int row = first + n / (D / 8), chunk = n % (D / 8);
    const int64_t position = lanes[row].position;
    if (position < 0 || 8 * chunk >= a.dim_v) continue;
    const char *from = tile + gattn_chunk_at<D>(row, chunk);
    T *to = o + position * a.o.row + 8 * chunk * a.o.dim;
    if (chunks && 8 * chunk + 8 <= a.dim_v) {
      *(uint4 *)to = *(const uint4 *)from;
    } else {
      for (int e = 0; e < 8 && 8 * chunk + e < a.dim_v; e++)
        to[e * a.o.dim] = ((const T *)from)[e];
    }
  }
}

/* All lanes of a warp: its rows from `first` on; `tile` is where their rows of Q
 * were, and is written. */
template <typename T, int D, int M>
GATTN_DEVICE void gattn_store_rows(const gattn_device_attention &a,
                                   const gattn_tile_pass &pass,
                                   const gattn_tile_item &item, float unit,
                                   bool chunks, int first,
                                   gattn_query_lane *lanes, char *tile,
                                   const gattn_warp_state<M, D> &state) {
  const int lane = threadIdx.x % 32;
  const bool to_state = pass.pieces > 1 || pass.store_state;
#pragma unroll
  for (int f = 0; f < M; f++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int row = first + 16 * f + 8 * half + lane / 4;
      const gattn_query_lane query = lanes[row];
      const float sum = gattn_quad_sum(state.sum[f][half]);
      const float inverse = sum == 0 ? 0.f : 1 / sum;
      const float lse = sum == 0 ? -INFINITY
                                 : state.maximum[f][half] * unit + logf(sum);
      const bool finite = gattn_row_finite(state, f, half) &&
                          gattn_sum_holds(state.maximum[f][half], sum);
      __syncwarp();
      if (!finite && lane % 4 == 0 && query.position >= 0)
        lanes[row].position = GATTN_LEFT_ROW - query.position;
      if (to_state && finite && query.position >= 0)
        gattn_store_state<D, M>(state, f, half, inverse, lse, a.dim_v,
                                gattn_state_place_of(a, pass, item, query));
      if (to_state) continue;
      if (a.lse.data && lane % 4 == 0 && query.position >= 0)
        ((float *)a.lse.data)[item.batch * a.lse.batch +
                              item.head * a.lse.head +
                              query.position * a.lse.row] = lse;
#pragma unroll
      for (int n = 0; n < D / 8; n++)
        *(uint32_t *)(tile + gattn_chunk_at<D>(row, n) + lane % 4 * 4) =
            gattn_pack(state.o[f][n][2 * half] * inverse,
                       state.o[f][n][2 * half + 1] * inverse, T());
    }
  __syncwarp();
  if (!to_state)
    gattn_store_outputs<T, D>(a, item, chunks, lanes, first, 16 * M, tile);
}

#endif
