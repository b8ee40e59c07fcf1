/* What segments of edge values reduce to: states, and how they are joined.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A monoid has a state, its identity, add (an edge's value) and join (a state
 * of later edges). The order of joins is fixed; MAX, MIN and ARG_MAX do not
 * depend on it. */
#ifndef GATTN_OPERATORS_CUDA_MONOIDS_CUH
#define GATTN_OPERATORS_CUDA_MONOIDS_CUH

#include <math_constants.h>
#include <stdint.h>

/* MAX for sign 1, MIN for sign −1; NaN wins. */
template <int sign>
struct gattn_extreme {
  typedef float state;
  static __device__ __forceinline__ state identity() {
    return -sign * CUDART_INF_F;
  }
  static __device__ __forceinline__ void add(state &s, float value, int64_t) {
    if (value != value || sign * value > sign * s) s = s != s ? s : value;
  }
  static __device__ __forceinline__ void join(state &s, const state &other) {
    add(s, other, 0);
  }
};

/* The first edge of the largest value, a NaN being larger than any. */
struct gattn_arg_max {
  typedef struct {
    int64_t edge;
    float value;
    int32_t unused;
  } state;
  static __device__ __forceinline__ state identity() {
    return {INT64_MAX, -CUDART_INF_F, 0};
  }
  static __device__ __forceinline__ bool precedes(const state &a,
                                                  const state &b) {
    const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
    if (a_nan != b_nan) return a_nan;
    if (!a_nan && a.value != b.value) return a.value > b.value;
    return a.edge < b.edge;
  }
  static __device__ __forceinline__ void join(state &s, const state &other) {
    if (precedes(other, s)) s = other;
  }
  static __device__ __forceinline__ void add(state &s, float value,
                                             int64_t edge) {
    join(s, {edge, value, 0});
  }
};

struct gattn_sum {
  typedef double state;
  static __device__ __forceinline__ state identity() { return 0; }
  static __device__ __forceinline__ void add(state &s, float value, int64_t) {
    s += value;
  }
  static __device__ __forceinline__ void join(state &s, const state &other) {
    s += other;
  }
};

/* Σ exp(value − largest) beside the largest that is no NaN; a NaN, and two
 * infinities, are found by the sum. An edge of −inf is no edge. */
struct gattn_log_sum_exp {
  typedef struct {
    double sum;
    float largest;
    int32_t unused;
  } state;
  static __device__ __forceinline__ state identity() {
    return {0, -CUDART_INF_F, 0};
  }
  static __device__ __forceinline__ void add(state &s, float value, int64_t) {
    if (value == -CUDART_INF_F) return;
    if (value > s.largest) {
      s.sum = s.sum * expf(s.largest - value);
      s.largest = value;
    }
    s.sum += expf(value - s.largest);
  }
  static __device__ __forceinline__ void join(state &s, const state &other) {
    const float largest = fmaxf(s.largest, other.largest);
    s.sum = rescaled(s, largest) + rescaled(other, largest);
    s.largest = largest;
  }
  static __device__ __forceinline__ double rescaled(const state &s,
                                                    float largest) {
    return s.largest == largest ? s.sum : s.sum * expf(s.largest - largest);
  }
  static __device__ __forceinline__ float result(const state &s) {
    return s.sum == 0 ? -CUDART_INF_F : (float)(s.largest + log(s.sum));
  }
};

#endif
