/* The two products of a warp in float32, from shared memory.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A warp has 16·M rows, its lanes are 4 (y) by 8 (x): a lane takes the rows
 * y + 4a, the keys x + 8b, and the columns 4x + 32c … 4x + 32c + 3 of outputs.
 * A row's lanes are the eight of one y. Neighbouring lanes differ in y, those
 * two apart in x: reads of 16 bytes by half a warp are one access when every
 * lane agrees with one of those. With M = 2 that makes 256 multiply-adds of 16
 * reads, 32 accesses; four warps in step keep half of the accesses free. */
#ifndef GATTN_OPERATORS_CUDA_TILE32_PRODUCT_CUH
#define GATTN_OPERATORS_CUDA_TILE32_PRODUCT_CUH

#include "operators/cuda/tile/mma.cuh"
#include "operators/cuda/tile/tile.h"

enum {
  GATTN_TILE32_HALF = GATTN_TILE_KEYS / 2, /* weights in shared memory */
  GATTN_TILE32_P = GATTN_TILE32_HALF + 8,  /* from row to row of them: stores
                                            * of a warp meet every bank once */
  GATTN_TILE32_PAD = 4 /* floats behind a row, so that eight rows' chunks lie in
                        * different banks */
};

GATTN_DEVICE int gattn_tile32_x() { return threadIdx.x / 2 % 8; }
GATTN_DEVICE int gattn_tile32_y() {
  return threadIdx.x % 2 + threadIdx.x % 32 / 16 * 2;
}

/* All lanes: s[a][b] = q of row y + 4a · k of key x + 8b, of `columns` columns,
 * a multiple of 4; q and k are the lane's first rows. */
template <int D, int M>
GATTN_DEVICE void gattn_tile32_multiply_keys(const float *q, const float *k,
                                             int columns,
                                             float (&s)[4 * M][8]) {
  constexpr int STRIDE = D + GATTN_TILE32_PAD, UNROLL = D * M < 256 ? 2 : 1;
#pragma unroll
  for (int a = 0; a < 4 * M; a++)
#pragma unroll
    for (int b = 0; b < 8; b++) s[a][b] = 0;
#pragma unroll UNROLL
  for (int c = 0; c < columns; c += 4) {
    float4 u[4 * M];
#pragma unroll
    for (int a = 0; a < 4 * M; a++)
      u[a] = *(const float4 *)(q + 4 * a * STRIDE + c);
#pragma unroll
    for (int b = 0; b < 8; b++) {
      const float4 w = *(const float4 *)(k + 8 * b * STRIDE + c);
#pragma unroll
      for (int a = 0; a < 4 * M; a++) {
        s[a][b] = fmaf(u[a].x, w.x, s[a][b]);
        s[a][b] = fmaf(u[a].y, w.y, s[a][b]);
        s[a][b] = fmaf(u[a].z, w.z, s[a][b]);
        s[a][b] = fmaf(u[a].w, w.w, s[a][b]);
      }
    }
  }
}

/* All lanes: o += p · v over half a tile of keys; p is the lane's first row of
 * weights, v its columns of the first key. */
template <int D, int M>
GATTN_DEVICE void gattn_tile32_multiply_values(const float *p, const float *v,
                                               int columns,
                                               float (&o)[4 * M][D / 8]) {
  constexpr int STRIDE = D + GATTN_TILE32_PAD, UNROLL = D * M < 256 ? 2 : 1;
#pragma unroll UNROLL
  for (int first = 0; first < GATTN_TILE32_HALF; first += 4) {
    float weights[4 * M][4];
#pragma unroll
    for (int a = 0; a < 4 * M; a++)
      *(float4 *)weights[a] =
          *(const float4 *)(p + 4 * a * GATTN_TILE32_P + first);
#pragma unroll
    for (int key = 0; key < 4; key++)
#pragma unroll
      for (int c = 0; c < D / 32; c++) {
        if (c && 32 * c >= columns) break;
        const float4 w = *(const float4 *)(v + (first + key) * STRIDE + 32 * c);
#pragma unroll
        for (int a = 0; a < 4 * M; a++) {
          o[a][4 * c] = fmaf(weights[a][key], w.x, o[a][4 * c]);
          o[a][4 * c + 1] = fmaf(weights[a][key], w.y, o[a][4 * c + 1]);
          o[a][4 * c + 2] = fmaf(weights[a][key], w.z, o[a][4 * c + 2]);
          o[a][4 * c + 3] = fmaf(weights[a][key], w.w, o[a][4 * c + 3]);
        }
      }
  }
}

#endif
