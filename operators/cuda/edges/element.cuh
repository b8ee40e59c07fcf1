/* Rows of operands in the registers of lanes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * `lanes` lanes share a row of K or V: lane t has `parts` vectors, part p at
 * element (t + p·lanes)·vector. A vector is 16 bytes, or one element where
 * operands are not laid out for that. */
#ifndef GATTN_OPERATORS_CUDA_EDGES_ELEMENT_CUH
#define GATTN_OPERATORS_CUDA_EDGES_ELEMENT_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <stdint.h>

/* ------------------------------------------------------------ elements */

__device__ __forceinline__ float gattn_to_float(float x) { return x; }
__device__ __forceinline__ float gattn_to_float(__half x) {
  return __half2float(x);
}
__device__ __forceinline__ float gattn_to_float(__nv_bfloat16 x) {
  return __bfloat162float(x);
}

template <typename T>
__device__ __forceinline__ T gattn_from_float(float x);
template <>
__device__ __forceinline__ float gattn_from_float<float>(float x) {
  return x;
}
template <>
__device__ __forceinline__ __half gattn_from_float<__half>(float x) {
  return __float2half_rn(x);
}
template <>
__device__ __forceinline__ __nv_bfloat16
gattn_from_float<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

/* ------------------------------------------------------------ vectors */

/* What one load brings: 16 bytes, or one element. Loads are not predicated, or
 * each would wait for the one before it: an address is always valid. */
template <typename T, int vector> struct gattn_vector {
  uint4 x;

  __device__ __forceinline__ void load(const void *at) {
    x = __ldg((const uint4 *)at);
  }
  __device__ __forceinline__ void clear_unless(bool keep) {
    x.x = keep ? x.x : 0;
    x.y = keep ? x.y : 0;
    x.z = keep ? x.z : 0;
    x.w = keep ? x.w : 0;
  }
};

template <typename T> struct gattn_vector<T, 1> {
  T x;

  __device__ __forceinline__ void load(const void *at) {
    x = *(const T *)at;
  }
  __device__ __forceinline__ void clear_unless(bool keep) {
    x = keep ? x : T(0.0f);
  }
};

template <typename T>
__device__ __forceinline__ void gattn_unpack(const gattn_vector<T, 1> &from,
                                             float *to) {
  to[0] = gattn_to_float(from.x);
}

__device__ __forceinline__ void
gattn_unpack(const gattn_vector<float, 4> &from, float *to) {
  to[0] = __uint_as_float(from.x.x);
  to[1] = __uint_as_float(from.x.y);
  to[2] = __uint_as_float(from.x.z);
  to[3] = __uint_as_float(from.x.w);
}

__device__ __forceinline__ void gattn_unpack_pair(uint32_t pair, float *to,
                                                  __half) {
  const __half2 both = *reinterpret_cast<const __half2 *>(&pair);
  to[0] = __low2float(both);
  to[1] = __high2float(both);
}

__device__ __forceinline__ void gattn_unpack_pair(uint32_t pair, float *to,
                                                  __nv_bfloat16) {
  to[0] = __uint_as_float(pair << 16);
  to[1] = __uint_as_float(pair & 0xffff0000u);
}

template <typename T>
__device__ __forceinline__ void gattn_unpack(const gattn_vector<T, 8> &from,
                                             float *to) {
  gattn_unpack_pair(from.x.x, to, T());
  gattn_unpack_pair(from.x.y, to + 2, T());
  gattn_unpack_pair(from.x.z, to + 4, T());
  gattn_unpack_pair(from.x.w, to + 6, T());
}

/* ------------------------------------------------------------ stores */

/* n neighbouring elements, in one store where they lie in a row. */
template <typename T, int n, bool aligned>
__device__ __forceinline__ void gattn_store(T *to, int64_t stride,
                                            const float *from) {
  if constexpr (aligned && n > 1) {
    struct alignas(n * sizeof(T) <= 16 ? n * sizeof(T) : 16) pack {
      T x[n];
    } packed;
#pragma unroll
    for (int x = 0; x < n; x++) packed.x[x] = gattn_from_float<T>(from[x]);
    *reinterpret_cast<pack *>(to) = packed;
  } else {
#pragma unroll
    for (int x = 0; x < n; x++) to[x * stride] = gattn_from_float<T>(from[x]);
  }
}

#endif
