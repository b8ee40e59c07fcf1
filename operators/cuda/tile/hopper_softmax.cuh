/* Scores of a warp's 16 rows against 64 keys, in the layout of Hopper's
 * accumulators, as they become weights. SPDX-License-Identifier: Apache-2.0
 *
 * As softmax.cuh, for one fragment: a thread has rows lane / 4 (half 0) and
 * lane / 4 + 8 (half 1). All lanes of a warp call these. */
#ifndef GATTN_OPERATORS_CUDA_TILE_HOPPER_SOFTMAX_CUH
#define GATTN_OPERATORS_CUDA_TILE_HOPPER_SOFTMAX_CUH

#include "operators/cuda/tile/hopper_shared.cuh"

/* Maxima are raised when a weight may else pass 2^8: float16 holds 2^15, and
 * raising them costs a product an output. */
#define GATTN_WEIGHT_BITS 8.f

/* −inf where a row's word has no bit. */
GATTN_DEVICE void gattn_mask_rows(const uint2 (&words)[2], float (&s)[8][4]) {
  const int shift = threadIdx.x % 4 * 2;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const uint32_t low = words[half].x >> shift, high = words[half].y >> shift;
#pragma unroll
    for (int n = 0; n < 8; n++)
#pragma unroll
      for (int e = 0; e < 2; e++)
        if (!((n < 4 ? low : high) >> (n % 4 * 8 + e) & 1))
          s[n][2 * half + e] = -INFINITY;
  }
}

/* Dot products to scores; `lanes` is the thread's first row, `base` the number
 * of the first key. */
template <class Score>
GATTN_DEVICE void gattn_score_rows(const gattn_hopper_run &run,
                                   const Score &score_of, int64_t base,
                                   const gattn_query_lane *lanes,
                                   float (&s)[8][4]) {
  const int64_t i[2] = {lanes[0].vertex, lanes[8].vertex};
#pragma unroll
  for (int n = 0; n < 8; n++)
#pragma unroll
    for (int e = 0; e < 2; e++) {
      const int key = 8 * n + threadIdx.x % 4 * 2 + e;
      const int64_t j = base + gattn_key_number(run.facts.form, key);
#pragma unroll
      for (int half = 0; half < 2; half++) {
        float &x = s[n][2 * half + e];
        x = score_of(x * run.a.scale, i[half], j, 0.f);
      }
    }
}

/* The maxima take the scores in where they must, sums shrink with them, and
 * outputs have to by `shrink`, if the result, the same in all lanes, is true.
 * Scores become weights, which join the sums. */
template <int D>
GATTN_DEVICE bool gattn_weigh_rows(float (&s)[8][4], float rate,
                                   gattn_warp_state<1, D> *state,
                                   float (&shrink)[2]) {
  bool raised = false;
  float base[2];
#pragma unroll
  for (int half = 0; half < 2; half++) {
    /* Four chains, so that none waits for the one before. */
    float most[4];
#pragma unroll
    for (int n = 0; n < 4; n++)
      most[n] = fmaxf(fmaxf(s[n][2 * half], s[n][2 * half + 1]),
                      fmaxf(s[n + 4][2 * half], s[n + 4][2 * half + 1]));
    float maximum = fmaxf(fmaxf(most[0], most[1]), fmaxf(most[2], most[3]));
    maximum = fmaxf(maximum, __shfl_xor_sync(~0u, maximum, 1));
    maximum = fmaxf(maximum, __shfl_xor_sync(~0u, maximum, 2));
    const float old = state->maximum[0][half];
    const bool raise = (maximum - old) * rate > GATTN_WEIGHT_BITS;
    const float now = raise ? maximum : old;
    base[half] = now == -INFINITY ? 0 : now * rate;
    shrink[half] = raise ? gattn_exp2(old * rate - base[half]) : 1;
    state->maximum[0][half] = now;
    raised = raised || raise;
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float sum[4] = {0, 0, 0, 0};
#pragma unroll
    for (int n = 0; n < 8; n++)
#pragma unroll
      for (int e = 2 * half; e < 2 * half + 2; e++) {
        s[n][e] = gattn_exp2(s[n][e] * rate - base[half]);
        sum[n % 2 * 2 + e % 2] += s[n][e];
      }
    state->sum[0][half] = state->sum[0][half] * shrink[half] +
                          ((sum[0] + sum[1]) + (sum[2] + sum[3]));
  }
  return __any_sync(~0u, raised);
}

template <int D>
GATTN_DEVICE void gattn_shrink_outputs(const float (&shrink)[2],
                                       float (&o)[D / 8][4]) {
#pragma unroll
  for (int n = 0; n < D / 8; n++)
#pragma unroll
    for (int e = 0; e < 4; e++) o[n][e] *= shrink[e / 2];
}

/* Weights as the tensor cores' left operand. */
template <typename T>
GATTN_DEVICE void gattn_pack_weights(const float (&s)[8][4],
                                     uint32_t (&weights)[4][4]) {
#pragma unroll
  for (int n = 0; n < 4; n++)
#pragma unroll
    for (int e = 0; e < 4; e++) {
      const float *pair = &s[2 * n + e / 2][e % 2 * 2];
      weights[n][e] = gattn_pack(pair[0], pair[1], T());
    }
}

#endif
