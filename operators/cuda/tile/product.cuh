/* The two products of a warp: queries with keys, weights with values.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_TILE_PRODUCT_CUH
#define GATTN_OPERATORS_CUDA_TILE_PRODUCT_CUH

#include "operators/cuda/tile/mma.cuh"

/* A warp's rows of Q: in registers where there is room for them, else read from
 * shared memory for every tile. */
template <typename T, int D, int M>
struct gattn_warp_queries {
  static constexpr bool HELD = M * D <= 64;
  uint32_t rows[HELD ? D / 16 : 1][M][4];
  uint32_t at; /* where the lane reads the first chunk */

  /* All lanes, when the rows have arrived. */
  __device__ __forceinline__ void hold() {
    if constexpr (HELD) {
#pragma unroll
      for (int d = 0; d < D / 16; d++) read(d, rows[d]);
    }
  }
  __device__ __forceinline__ void take(int d, uint32_t (&x)[M][4]) const {
    if constexpr (HELD) {
#pragma unroll
      for (int f = 0; f < M; f++)
#pragma unroll
        for (int e = 0; e < 4; e++) x[f][e] = rows[d][f][e];
    } else {
      read(d, x);
    }
  }
  __device__ __forceinline__ void read(int d, uint32_t (&x)[M][4]) const {
    /* A chunk's place has its number XORed in, so that chunk 2d is 32·d bytes
     * XORed from the first. */
#pragma unroll
    for (int f = 0; f < M; f++)
      gattn_load_matrices(x[f], (at ^ 32 * d) + f * 16 * D * 2);
  }
};

/* All lanes: s = Q·Kᵀ for 8·N keys; `k` is where the lane reads the first
 * chunk. */
template <typename T, int D, int M, int N>
GATTN_DEVICE void gattn_multiply_keys(
    const gattn_warp_queries<T, D, M> &queries, uint32_t k,
    float (&s)[M][N][4]) {
#pragma unroll
  for (int f = 0; f < M; f++)
#pragma unroll
    for (int n = 0; n < N; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) s[f][n][e] = 0;
#pragma unroll
  for (int d = 0; d < D / 16; d++) {
    uint32_t rows[M][4];
    queries.take(d, rows);
#pragma unroll
    for (int n = 0; n < N / 2; n++) {
      uint32_t keys[4];
      gattn_load_matrices(keys, (k ^ 32 * d) + n * 16 * D * 2);
#pragma unroll
      for (int f = 0; f < M; f++) {
        gattn_multiply(s[f][2 * n], rows[f], keys[0], keys[1], T());
        gattn_multiply(s[f][2 * n + 1], rows[f], keys[2], keys[3], T());
      }
    }
  }
}

/* All lanes: o += P·V. */
template <typename T, int D, int M, int N>
GATTN_DEVICE void gattn_multiply_values(const float (&p)[M][N][4], uint32_t v,
                                        float (&o)[M][D / 8][4]) {
#pragma unroll
  for (int n = 0; n < N / 2; n++) {
    uint32_t weights[M][4];
#pragma unroll
    for (int f = 0; f < M; f++)
#pragma unroll
      for (int e = 0; e < 4; e++)
        weights[f][e] = gattn_pack(p[f][2 * n + e / 2][e % 2 * 2],
                                   p[f][2 * n + e / 2][e % 2 * 2 + 1], T());
#pragma unroll
    for (int d = 0; d < D / 16; d++) {
      uint32_t values[4];
      gattn_load_transposed(values, (v ^ 32 * d) + n * 16 * D * 2);
#pragma unroll
      for (int f = 0; f < M; f++) {
        gattn_multiply(o[f][2 * d], weights[f], values[0], values[1], T());
        gattn_multiply(o[f][2 * d + 1], weights[f], values[2], values[3], T());
      }
    }
  }
}

#endif
