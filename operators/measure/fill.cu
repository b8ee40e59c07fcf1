/* Pseudo-random numbers on the device. SPDX-License-Identifier: Apache-2.0 */
#include "operators/measure/normal.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "lib/random.h"

enum { THREADS = 256, MOST_BLOCKS = 1 << 20 };

static __device__ void store(float value, float *to) { *to = value; }
static __device__ void store(float value, __half *to) {
  *to = __float2half_rn(value);
}
static __device__ void store(float value, __nv_bfloat16 *to) {
  *to = __float2bfloat16_rn(value);
}

static __device__ int64_t place_of(const gattn_tensor &tensor, int64_t e) {
  int64_t place = 0;
  for (int32_t axis = tensor.rank - 1; axis >= 0; axis--) {
    place += e % tensor.shape[axis] * tensor.strides[axis];
    e /= tensor.shape[axis];
  }
  return place;
}

template <class Element>
static __global__ void fill(uint64_t seed,
                            const __grid_constant__ gattn_tensor tensor,
                            bool dense, int64_t count) {
  const int64_t step = (int64_t)gridDim.x * THREADS;
  Element *to = (Element *)tensor.data;
  for (int64_t e = blockIdx.x * (int64_t)THREADS + threadIdx.x; e < count;
       e += step)
    store(gattn_random_normal(gattn_random_draw(seed, (uint64_t)e)),
          to + (dense ? e : place_of(tensor, e)));
}

static bool is_dense(const gattn_tensor *tensor) {
  int64_t stride = 1;
  for (int32_t axis = tensor->rank - 1; axis >= 0; axis--) {
    if (tensor->shape[axis] > 1 && tensor->strides[axis] != stride)
      return false;
    stride *= tensor->shape[axis];
  }
  return true;
}

template <class Element>
static int launch(uint64_t seed, const gattn_tensor *tensor, int64_t count,
                  cudaStream_t stream) {
  const int64_t blocks = (count + THREADS - 1) / THREADS;
  const int grid = blocks < MOST_BLOCKS ? (int)blocks : MOST_BLOCKS;
  fill<Element><<<grid, THREADS, 0, stream>>>(seed, *tensor, is_dense(tensor),
                                              count);
  return cudaGetLastError();
}

extern "C" int gattn_fill_normal_launch(uint64_t seed,
                                        const gattn_tensor *tensor,
                                        int64_t count, void *stream) {
  cudaStream_t on = (cudaStream_t)stream;
  switch (tensor->type) {
    case GATTN_FLOAT16:
      return launch<__half>(seed, tensor, count, on);
    case GATTN_BFLOAT16:
      return launch<__nv_bfloat16>(seed, tensor, count, on);
    default:
      return launch<float>(seed, tensor, count, on);
  }
}
