/* A warp's running softmax over key tiles, in registers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A warp has M·16 rows; each thread the elements that the tensor core's
 * accumulator layout gives it: of fragment f rows lane / 4 (half 0) and
 * lane / 4 + 8 (half 1). Four lanes in a row, a quad, share these rows. Scores
 * are raw: the weight of a score s in a row of maximum m is 2^((s − m)·rate). */
#ifndef GATTN_OPERATORS_CUDA_TILE_SOFTMAX_CUH
#define GATTN_OPERATORS_CUDA_TILE_SOFTMAX_CUH

#include "operators/cuda/tile/mma.cuh"

#define GATTN_LOG2E 1.4426950408889634f

template <int M, int D>
struct gattn_warp_state {
  float o[M][D / 8][4];
  float maximum[M][2]; /* the same in a quad */
  float sum[M][2];     /* of the thread's own columns */
};

/* −inf where the word of a row of the warp, which its lane of that number
 * holds, has no bit. All lanes. */
template <int M>
GATTN_DEVICE void gattn_mask_scores(float (&s)[M][8][4], uint64_t word) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int f = 0; f < M; f++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const uint64_t row =
          __shfl_sync(~0u, word, 16 * f + 8 * half + lane / 4) >> lane % 4 * 2;
      const uint32_t low = (uint32_t)row, high = (uint32_t)(row >> 32);
#pragma unroll
      for (int n = 0; n < 8; n++)
#pragma unroll
        for (int e = 0; e < 2; e++)
          if (!((n < 4 ? low : high) >> (n % 4 * 8 + e) & 1))
            s[f][n][2 * half + e] = -INFINITY;
    }
}

/* Scores become weights; the state's maxima, sums and outputs follow. All
 * lanes. */
template <int M, int D>
GATTN_DEVICE void gattn_weigh_scores(float (&s)[M][8][4], float rate,
                                     gattn_warp_state<M, D> *state) {
  float shrink[M][2];
  bool same = true;
#pragma unroll
  for (int f = 0; f < M; f++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float maximum = state->maximum[f][half];
#pragma unroll
      for (int n = 0; n < 8; n++)
        maximum = fmaxf(maximum,
                        fmaxf(s[f][n][2 * half], s[f][n][2 * half + 1]));
      maximum = fmaxf(maximum, __shfl_xor_sync(~0u, maximum, 1));
      maximum = fmaxf(maximum, __shfl_xor_sync(~0u, maximum, 2));
      /* A row without edges so far: everything below is 2^−inf. */
      const float base = maximum == -INFINITY ? 0 : maximum * rate;
      shrink[f][half] = gattn_exp2(state->maximum[f][half] * rate - base);
      same = same && maximum == state->maximum[f][half];
      state->maximum[f][half] = maximum;
      float sum = 0;
#pragma unroll
      for (int n = 0; n < 8; n++)
#pragma unroll
        for (int e = 0; e < 2; e++) {
          float &x = s[f][n][2 * half + e];
          x = gattn_exp2(x * rate - base);
          sum += x;
        }
      state->sum[f][half] = state->sum[f][half] * shrink[f][half] + sum;
    }
  if (__all_sync(~0u, same)) return;
#pragma unroll
  for (int f = 0; f < M; f++)
#pragma unroll
    for (int n = 0; n < D / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) state->o[f][n][e] *= shrink[f][e / 2];
}

/* All lanes of a quad: the quad's sum. */
GATTN_DEVICE float gattn_quad_sum(float x) {
  x += __shfl_xor_sync(~0u, x, 1);
  return x + __shfl_xor_sync(~0u, x, 2);
}

#endif
