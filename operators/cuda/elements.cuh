/* Elements of tensors as float32. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_ELEMENTS_CUH
#define GATTN_OPERATORS_CUDA_ELEMENTS_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <gattn/tensor.h>

#include "operators/cuda/attention.h"

static __device__ __forceinline__ float gattn_float(float x) { return x; }
static __device__ __forceinline__ float gattn_float(__half x) {
  return __half2float(x);
}
static __device__ __forceinline__ float gattn_float(__nv_bfloat16 x) {
  return __bfloat162float(x);
}

/* Rounds to nearest even. */
template <typename T>
static __device__ __forceinline__ T gattn_element(float x);
template <>
__device__ __forceinline__ float gattn_element<float>(float x) {
  return x;
}
template <>
__device__ __forceinline__ __half gattn_element<__half>(float x) {
  return __float2half_rn(x);
}
template <>
__device__ __forceinline__ __nv_bfloat16 gattn_element<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}


template <typename T, int count>
static __device__ __forceinline__ void gattn_load_pack(const T *from,
                                                       float (&to)[count]) {
  if constexpr (count * sizeof(T) == 16) {
    const uint4 bits = __ldg((const uint4 *)from);
    const T *element = (const T *)&bits;
#pragma unroll
    for (int c = 0; c < count; c++) to[c] = gattn_float(element[c]);
  } else {
#pragma unroll
    for (int c = 0; c < count; c++) to[c] = gattn_float(from[c]);
  }
}

template <typename T, int count>
static __device__ __forceinline__ void gattn_store_pack(
    const float (&from)[count], T *to) {
  if constexpr (count * sizeof(T) == 16) {
    uint4 bits;
    T *element = (T *)&bits;
#pragma unroll
    for (int c = 0; c < count; c++) element[c] = gattn_element<T>(from[c]);
    *(uint4 *)to = bits;
  } else {
#pragma unroll
    for (int c = 0; c < count; c++) to[c] = gattn_element<T>(from[c]);
  }
}

/* Where row `row` of a plane begins. */
template <typename T>
static __device__ __forceinline__ T *gattn_row_of(const gattn_operand &operand,
                                                  int64_t b, int64_t h,
                                                  int64_t row) {
  return (T *)operand.data + b * operand.batch + h * operand.head +
         row * operand.row;
}

/* Whether rows of `dim` elements can be read 16 bytes at a time. */
template <typename T>
static inline bool gattn_operand_packs(const gattn_operand &operand,
                                       int64_t dim) {
  const int64_t pack = 16 / sizeof(T);
  return operand.dim == 1 && dim % pack == 0 && operand.row % pack == 0 &&
         operand.head % pack == 0 && operand.batch % pack == 0 &&
         (uintptr_t)operand.data % 16 == 0;
}

#endif
