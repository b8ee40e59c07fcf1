/* Sums and maxima over a warp. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_EDGES_WARP_CUH
#define GATTN_OPERATORS_CUDA_EDGES_WARP_CUH

#include <stdint.h>

constexpr unsigned gattn_all_lanes = 0xffffffffu;

/* The largest x of the warp, in every lane. All lanes call it. A NaN may win or
 * lose: it reaches the sums in any case. */
__device__ __forceinline__ float gattn_warp_max(float x) {
  int i = __float_as_int(x);
  i ^= (i >> 31) & 0x7fffffff;
  i = __reduce_max_sync(gattn_all_lanes, i);
  return __int_as_float(i ^ ((i >> 31) & 0x7fffffff));
}

/* The sum of x over the warp, in every lane. All lanes call it. */
__device__ __forceinline__ float gattn_warp_sum(float x) {
#pragma unroll
  for (int bit = 16; bit; bit >>= 1)
    x += __shfl_xor_sync(gattn_all_lanes, x, bit);
  return x;
}

/* x[u] summed over the lanes of a group, for u = t mod steps, in lane t of
 * every group of `lanes`. All lanes call it. */
template <int steps, int lanes>
__device__ __forceinline__ float gattn_group_sums(float (&x)[steps], int t) {
#pragma unroll
  for (int bit = lanes / 2; bit >= steps; bit >>= 1)
#pragma unroll
    for (int u = 0; u < steps; u++)
      x[u] += __shfl_xor_sync(gattn_all_lanes, x[u], bit);
#pragma unroll
  for (int half = steps / 2; half; half >>= 1)
#pragma unroll
    for (int u = 0; u < half; u++) {
      const float give = t & half ? x[u] : x[u + half];
      const float keep = t & half ? x[u + half] : x[u];
      x[u] = keep + __shfl_xor_sync(gattn_all_lanes, give, half);
    }
  return x[0];
}

#endif
