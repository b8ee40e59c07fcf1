/* A warp's running softmax over key tiles, in registers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A warp has M·16 rows; each thread the elements that the tensor core's
 * accumulator layout gives it: of fragment f rows lane / 4 (half 0) and
 * lane / 4 + 8 (half 1). Four lanes in a row, a quad, share these rows. Scores
 * are raw: the weight of a score s in a row of maximum m is 2^((s − m)·rate).
 */
#ifndef GATTN_OPERATORS_CUDA_TILE_SOFTMAX_CUH
#define GATTN_OPERATORS_CUDA_TILE_SOFTMAX_CUH

#include <float.h>

#include "operators/cuda/tile/mma.cuh"

#define GATTN_LOG2E 1.4426950408889634f

template <int M, int D>
struct gattn_warp_state {
  float o[M][D / 8][4];
  float maximum[M][2]; /* the same in a quad */
  float sum[M][2];     /* of the thread's own columns */
};

/* What is subtracted from a row's scores, times rate, before 2^x. Without edges
 * so far it is so low that weights of scores are infinite, those of −inf 0. */
GATTN_DEVICE float gattn_weight_base(float maximum, float rate) {
  return fmaxf(maximum * rate, -FLT_MAX);
}

/* −inf where the word of a row of the warp, which its lane of that number
 * holds, has no bit; N·8 keys from bit 0 on. All lanes. */
template <int M, int N>
GATTN_DEVICE void gattn_mask_scores(float (&s)[M][N][4], uint64_t word) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int f = 0; f < M; f++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int from = 16 * f + 8 * half + lane / 4, shift = lane % 4 * 2;
      const uint32_t low = __shfl_sync(~0u, (uint32_t)word, from) >> shift;
      const uint32_t high =
          N > 4 ? __shfl_sync(~0u, (uint32_t)(word >> 32), from) >> shift : 0;
#pragma unroll
      for (int n = 0; n < N; n++)
#pragma unroll
        for (int e = 0; e < 2; e++)
          if (!((n < 4 ? low : high) >> (n % 4 * 8 + e) & 1))
            s[f][n][2 * half + e] = -INFINITY;
    }
}

/* The state's maxima take the scores in, its sums and outputs shrink with them.
 * All lanes. */
template <int M, int N, int D>
GATTN_DEVICE void gattn_renew_maxima(const float (&s)[M][N][4], float rate,
                                     gattn_warp_state<M, D> *state) {
  float shrink[M][2];
#pragma unroll
  for (int f = 0; f < M; f++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float maximum = state->maximum[f][half];
#pragma unroll
      for (int n = 0; n < N; n++)
        maximum =
            fmaxf(maximum, fmaxf(s[f][n][2 * half], s[f][n][2 * half + 1]));
      maximum = fmaxf(maximum, __shfl_xor_sync(~0u, maximum, 1));
      maximum = fmaxf(maximum, __shfl_xor_sync(~0u, maximum, 2));
      shrink[f][half] = gattn_exp2(state->maximum[f][half] * rate -
                                   gattn_weight_base(maximum, rate));
      state->maximum[f][half] = maximum;
      state->sum[f][half] *= shrink[f][half];
    }
#pragma unroll
  for (int f = 0; f < M; f++)
#pragma unroll
    for (int n = 0; n < D / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) state->o[f][n][e] *= shrink[f][e / 2];
}

/* Scores become weights; sums[f][half] those of the thread's. Returns whether
 * none of the thread's sums is so large that float16 might not hold a weight,
 * or NaN: while maxima grow little they need not be raised, since weights of
 * one row may all be larger than 1 by a factor. */
template <int M, int N, int D>
GATTN_DEVICE bool gattn_weigh_keys(float (&s)[M][N][4], float rate,
                                   const gattn_warp_state<M, D> &state,
                                   float (&sums)[M][2]) {
  bool small = true;
#pragma unroll
  for (int f = 0; f < M; f++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const float base = gattn_weight_base(state.maximum[f][half], rate);
      float sum = 0;
#pragma unroll
      for (int n = 0; n < N; n++)
#pragma unroll
        for (int e = 0; e < 2; e++) {
          float &x = s[f][n][2 * half + e];
          x = gattn_exp2(x * rate - base);
          sum += x;
        }
      sums[f][half] = sum;
      small = small && sum <= 16384.f;
    }
  return small;
}

/* All lanes of a quad: the quad's sum. */
GATTN_DEVICE float gattn_quad_sum(float x) {
  x += __shfl_xor_sync(~0u, x, 1);
  return x + __shfl_xor_sync(~0u, x, 2);
}

#endif
