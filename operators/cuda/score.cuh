/* Score functors of the device's kernels. SPDX-License-Identifier: Apache-2.0
 *
 * A kernel is a template of one. A functor is made from the attention's score
 * and a query head, by every thread that uses it, and is called with
 * dot = scale · q_i·k_j, the vertices i and j, and the edge's value (0 where
 * there is none). It returns the score, on the natural scale; −inf removes the
 * edge. Where `plain` is true the score is dot, and a kernel may fold the scale
 * into its exponentials instead of calling it. */
#ifndef GATTN_OPERATORS_CUDA_SCORE_CUH
#define GATTN_OPERATORS_CUDA_SCORE_CUH

#include <gattn/score.h>

#include "operators/cuda/attention.h"

struct gattn_plain_score {
  static constexpr bool plain = true;

  __device__ __forceinline__ gattn_plain_score(const gattn_device_score &,
                                               int64_t) {}
  __device__ __forceinline__ float operator()(float dot, int64_t, int64_t,
                                              float) const {
    return dot;
  }
};

/* The kind is chosen at run time, the same for all threads. */
struct gattn_any_score {
  static constexpr bool plain = false;

  int32_t kind;
  float parameter;    /* ALIBI: the head's slope; SOFTCAP: cap */
  const float *row;   /* RELATIVE: of the head, its middle at 0 */
  int64_t reach;      /* RELATIVE: −reach <= j − i <= reach */

  __device__ __forceinline__ gattn_any_score(const gattn_device_score &score,
                                             int64_t head)
      : kind(score.kind), parameter(score.cap), row(nullptr), reach(0) {
    if (kind == GATTN_SCORE_ALIBI) parameter = score.table[head];
    if (kind == GATTN_SCORE_RELATIVE) {
      reach = (score.count - 1) / 2;
      row = score.table + head * score.count + reach;
    }
  }

  __device__ __forceinline__ float operator()(float dot, int64_t i, int64_t j,
                                              float value) const {
    switch (kind) {
      case GATTN_SCORE_ALIBI:
        return dot - parameter * fabsf((float)(j - i));
      case GATTN_SCORE_SOFTCAP:
        return parameter * tanhf(dot / parameter);
      case GATTN_SCORE_RELATIVE: {
        const int64_t apart = j - i;
        const int64_t c =
            apart < -reach ? -reach : apart > reach ? reach : apart;
        return dot + __ldg(row + c);
      }
      case GATTN_SCORE_EDGE_BIAS:
        return dot + value;
      case GATTN_SCORE_EDGE_SCALE:
        return dot * value;
      default:
        return dot;
    }
  }
};

#endif
