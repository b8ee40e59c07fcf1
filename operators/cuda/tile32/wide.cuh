/* What the threads of a block do for a tile of float32 attention of more than
 * 128 dimensions. SPDX-License-Identifier: Apache-2.0
 *
 * 64 queries against 64 keys by 256 threads, as 16 x 16: thread (y, x) has the
 * scores of queries 4y … 4y + 3 against keys x, x + 16, x + 32, x + 48, and the
 * columns 4x … 4x + 3 of every slice of 64 of their output. A row's threads
 * are one half of a warp. kernel.cuh has four warps, of which shared memory
 * leaves room for one block here: a warp a scheduler, which took 5.7 ms for
 * local(256), n = 16384, 8 heads, d = 256 on an H200, where this takes 4.3. */
#ifndef GATTN_OPERATORS_CUDA_TILE32_WIDE_CUH
#define GATTN_OPERATORS_CUDA_TILE32_WIDE_CUH

#include <float.h>

#include "operators/cuda/score.cuh"
#include "operators/cuda/tile/sequence.h"

enum {
  GATTN_WIDE_LANES = 64,
  GATTN_WIDE_THREADS = 256,
  GATTN_WIDE_ROWS = 4, /* of queries and of keys, a thread */
  GATTN_WIDE_PAD = 4   /* floats behind a row, against bank conflicts */
};

/* Dynamic shared memory of a block. */
typedef struct gattn_wide_memory {
  float *q;      /* [64][dim padded to 4, and pad] */
  float *kv;     /* [64][the larger of dim and dim_v, padded]: K, then V */
  float *p;      /* [64][64 + pad]: weights of the tile's edges */
  int q_stride, kv_stride;
} gattn_wide_memory;

#define GATTN_WIDE_P_STRIDE (GATTN_TILE_KEYS + GATTN_WIDE_PAD)

/* The rows of a tile in a tensor: where each begins, null when it is absent. */
typedef struct gattn_wide_rows {
  const float *row[GATTN_WIDE_LANES];
} gattn_wide_rows;

/* Whether float4 loads serve every row of an operand. */
static __device__ __forceinline__ bool gattn_wide_wide(
    const gattn_operand *x) {
  return x->dim == 1 && ((uintptr_t)x->data & 15) == 0 &&
         ((x->row | x->head | x->batch) & 3) == 0;
}

/* Element columns c … c + 3 of a row, zero past dim. */
static __device__ __forceinline__ float4 gattn_wide_read(const float *row,
                                                           int64_t step, int c,
                                                           int dim, bool wide) {
  float4 x = make_float4(0.f, 0.f, 0.f, 0.f);
  if (!row) return x;
  if (wide && c + 4 <= dim) return *(const float4 *)(row + c);
  if (c < dim) x.x = row[c * step];
  if (c + 1 < dim) x.y = row[(c + 1) * step];
  if (c + 2 < dim) x.z = row[(c + 2) * step];
  if (c + 3 < dim) x.w = row[(c + 3) * step];
  return x;
}

/* Every thread of the block: copies 64 rows of dim columns into
 * to[64][stride], columns from dim to `columns` (a multiple of 4) zero.
 * Returns to each thread whether what it copied is all finite. */
static __device__ __forceinline__ bool gattn_wide_load(
    const gattn_operand *x, const gattn_wide_rows *rows, int dim,
    int columns, float *to, int stride) {
  const bool wide = gattn_wide_wide(x);
  const int at = threadIdx.x / 16, c0 = threadIdx.x % 16 * 4;
  bool finite = true;
#pragma unroll
  for (int r = 0; r < GATTN_WIDE_ROWS; r++) {
    const float *row = rows->row[at + 16 * r];
    for (int c = c0; c < columns; c += 64) {
      const float4 v = gattn_wide_read(row, x->dim, c, dim, wide);
      *(float4 *)(to + (at + 16 * r) * stride + c) = v;
      finite &= fabsf(v.x) <= FLT_MAX && fabsf(v.y) <= FLT_MAX &&
                fabsf(v.z) <= FLT_MAX && fabsf(v.w) <= FLT_MAX;
    }
  }
  return finite;
}

/* Every thread: s[a][b] = q of row 4y + a · k of key x + 16b. */
static __device__ __forceinline__ void gattn_wide_dots(
    const gattn_wide_memory *m, int columns, float s[4][4]) {
  const int y = threadIdx.x / 16, x = threadIdx.x % 16;
  const float *q = m->q + 4 * y * m->q_stride, *k = m->kv + x * m->kv_stride;
#pragma unroll
  for (int a = 0; a < 4; a++)
#pragma unroll
    for (int b = 0; b < 4; b++) s[a][b] = 0.f;
  for (int c = 0; c < columns; c += 4) {
    float4 u[4];
#pragma unroll
    for (int a = 0; a < 4; a++) u[a] = *(const float4 *)(q + a * m->q_stride + c);
#pragma unroll
    for (int b = 0; b < 4; b++) {
      const float4 w = *(const float4 *)(k + 16 * b * m->kv_stride + c);
#pragma unroll
      for (int a = 0; a < 4; a++) {
        s[a][b] = fmaf(u[a].x, w.x, s[a][b]);
        s[a][b] = fmaf(u[a].y, w.y, s[a][b]);
        s[a][b] = fmaf(u[a].z, w.z, s[a][b]);
        s[a][b] = fmaf(u[a].w, w.w, s[a][b]);
      }
    }
  }
}

/* The 16 threads of a row: the largest of their values, valid in all. */
static __device__ __forceinline__ float gattn_wide_row_max(float x) {
#pragma unroll
  for (int step = 8; step; step /= 2)
    x = fmaxf(x, __shfl_xor_sync(~0u, x, step));
  return x;
}

/* The same for the sum; one order of additions for all. */
static __device__ __forceinline__ float gattn_wide_row_sum(float x) {
#pragma unroll
  for (int step = 8; step; step /= 2) x += __shfl_xor_sync(~0u, x, step);
  return x;
}

/* The running state of a thread's rows. sum holds the thread's own keys only:
 * the row's is the sum over its 16 threads. */
template <int SLICES>
struct gattn_wide_state {
  float maximum[4], sum[4];
  float o[4][4 * SLICES]; /* column 4x + 64·(i / 4) + i % 4 */
};

/* Every thread: takes scores (−inf where there is no edge) into the state, and
 * leaves the weights in m->p. */
template <int SLICES>
static __device__ __forceinline__ void gattn_wide_softmax(
    const gattn_wide_memory *m, const float s[4][4],
    gattn_wide_state<SLICES> *state) {
  const int y = threadIdx.x / 16, x = threadIdx.x % 16;
  const float log2e = 1.4426950408889634f;
#pragma unroll
  for (int a = 0; a < 4; a++) {
    const float largest = gattn_wide_row_max(
        fmaxf(fmaxf(s[a][0], s[a][1]), fmaxf(s[a][2], s[a][3])));
    const float maximum = fmaxf(state->maximum[a], largest);
    /* Where every score was −inf so far, the weights are exp(−inf − 0). */
    const float base = maximum == -INFINITY ? 0.f : maximum;
    const float shrink = exp2f((state->maximum[a] - base) * log2e);
    float sum = 0.f;
#pragma unroll
    for (int b = 0; b < 4; b++) {
      const float weight = exp2f((s[a][b] - base) * log2e);
      m->p[(4 * y + a) * GATTN_WIDE_P_STRIDE + x + 16 * b] = weight;
      sum += weight;
    }
    state->maximum[a] = maximum;
    state->sum[a] = fmaf(state->sum[a], shrink, sum);
#pragma unroll
    for (int i = 0; i < 4 * SLICES; i++) state->o[a][i] *= shrink;
  }
}

/* Every thread: o += p · v. `edges` is not null when V has values that are not
 * finite: 0 · NaN would reach rows without the edge, so only edges count. */
template <int SLICES>
static __device__ __forceinline__ void gattn_wide_gather(
    const gattn_wide_memory *m, const uint64_t *edges,
    gattn_wide_state<SLICES> *state) {
  const int y = threadIdx.x / 16, x = threadIdx.x % 16;
  const float *p = m->p + 4 * y * GATTN_WIDE_P_STRIDE, *v = m->kv + 4 * x;
  for (int first = 0; first < GATTN_TILE_KEYS; first += 4) {
    float weight[4][4];
#pragma unroll
    for (int a = 0; a < 4; a++)
      *(float4 *)weight[a] =
          *(const float4 *)(p + a * GATTN_WIDE_P_STRIDE + first);
#pragma unroll
    for (int b = 0; b < 4; b++)
#pragma unroll
      for (int slice = 0; slice < SLICES; slice++) {
        const int key = first + b;
        const float4 w = *(const float4 *)(v + key * m->kv_stride + 64 * slice);
#pragma unroll
        for (int a = 0; a < 4; a++) {
          if (edges && !(edges[4 * y + a] >> key & 1)) continue;
          float *o = state->o[a] + 4 * slice;
          o[0] = fmaf(weight[a][b], w.x, o[0]);
          o[1] = fmaf(weight[a][b], w.y, o[1]);
          o[2] = fmaf(weight[a][b], w.z, o[2]);
          o[3] = fmaf(weight[a][b], w.w, o[3]);
        }
      }
  }
}

#endif
