/* Loops over items, and counts of all threads.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_LISTS_PARALLEL_CUH
#define GATTN_OPERATORS_CUDA_LISTS_PARALLEL_CUH

#include <stdint.h>

enum { THREADS = 256 };

static unsigned blocks_of(int64_t items) {
  const int64_t most = 1 << 16, blocks = (items + THREADS - 1) / THREADS;
  return (unsigned)(blocks < 1 ? 1 : blocks < most ? blocks : most);
}

static __device__ __forceinline__ int64_t first_item() {
  return (int64_t)blockIdx.x * THREADS + threadIdx.x;
}
static __device__ __forceinline__ int64_t item_step() {
  return (int64_t)gridDim.x * THREADS;
}

/* The sum over a warp, in its lane 0; all lanes call it. */
static __device__ __forceinline__ int64_t warp_sum(int64_t value) {
  for (int apart = 16; apart; apart /= 2)
    value += __shfl_down_sync(0xffffffffu, value, apart);
  return value;
}

/* Adds what all threads counted; all threads of the block call it. Integers:
 * in whatever order, the sum is the same. */
static __device__ __forceinline__ void add_count(int64_t count,
                                                 uint64_t *total) {
  count = warp_sum(count);
  if (threadIdx.x % 32 == 0 && count)
    atomicAdd((unsigned long long *)total, (unsigned long long)count);
}

#endif
