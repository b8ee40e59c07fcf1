/* The softmax of a row as its keys come. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_EDGES_SOFTMAX_CUH
#define GATTN_OPERATORS_CUDA_EDGES_SOFTMAX_CUH

#include "operators/cuda/edges/arguments.cuh"
#include "operators/cuda/edges/warp.cuh"

/* What an edge of score −inf weighs: there is none, and its v, which may be
 * infinite, must not be multiplied. */
constexpr float gattn_no_edge = -1.0f;

struct gattn_edge_softmax {
  float m; /* the largest score so far, in all lanes */
  float l; /* Σ exp(s − m) of the scores that this lane had */

  __device__ __forceinline__ void clear() {
    m = -INFINITY;
    l = 0;
  }

  /* Takes a score of each lane. Returns its weight, or gattn_no_edge; *shrink is
   * what sums so far are worth now. `counts` is false in lanes whose score
   * another has too. All lanes call it. */
  __device__ __forceinline__ float take(float s, bool counts, float *shrink) {
    const float top = gattn_warp_max(fmaxf(m, s));
    const float base = top == -INFINITY ? 0.0f : top;
    const float weight = gattn_exp(s - base);
    *shrink = gattn_exp(m - base);
    m = top;
    l = l * *shrink + (counts ? weight : 0.0f);
    return s == -INFINITY ? gattn_no_edge : weight;
  }
};

#endif
