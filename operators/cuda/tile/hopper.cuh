/* Attention of one pass of tiles on Hopper's tensor cores.
 * SPDX-License-Identifier: Apache-2.0
 *
 * As kernel.cuh, whose rows, key tiles and state it shares, with asynchronous
 * products and copies, and blocks that stay for all their items:
 * hopper_shared.cuh says how a block's warps divide the work. */
#ifndef GATTN_OPERATORS_CUDA_TILE_HOPPER_CUH
#define GATTN_OPERATORS_CUDA_TILE_HOPPER_CUH

#include "operators/cuda/tile/hopper_consume.cuh"
#include "operators/cuda/tile/hopper_produce.cuh"

/* BLOCKS share a multiprocessor, which bounds registers. */
template <class Score, typename T, int D, int BLOCKS>
__global__ void __launch_bounds__(GATTN_HOPPER_THREADS, BLOCKS)
    gattn_hopper_kernel(const __grid_constant__ gattn_device_attention a,
                        const __grid_constant__ gattn_tile_pass pass,
                        const __grid_constant__ gattn_tile_launch_facts facts,
                        const __grid_constant__ gattn_hopper_facts hopper) {
#if defined(GATTN_WGMMA)
  typedef gattn_hopper_shape<D, BLOCKS> shape;
  extern __shared__ __align__(1024) char memory[];
  auto *shared = (gattn_hopper_shared<D, shape::stages> *)memory;
  const gattn_hopper_run run = {a, pass, facts, hopper};
  if (threadIdx.x == 0) gattn_create_barriers(shared);
  __syncthreads();
  if (threadIdx.x < GATTN_HOPPER_PRODUCERS) {
    gattn_give_registers<shape::producer_registers>();
    if (threadIdx.x < 32)
      gattn_send(run, shared);
    else
      gattn_lay_out(run, threadIdx.x / 32 - 1, shared);
  } else {
    gattn_take_registers<shape::consumer_registers>();
    gattn_consume<Score, T, shape::pairs>(run, shared);
  }
#endif
}

template <class Score, typename T, int D, int BLOCKS>
static int gattn_hopper_launch_kernel(const gattn_device_attention *a,
                                      const gattn_tile_pass *pass,
                                      const gattn_tile_launch_facts *facts,
                                      const gattn_hopper_facts *hopper,
                                      cudaStream_t stream) {
  typedef gattn_hopper_shape<D, BLOCKS> shape;
  const auto kernel = gattn_hopper_kernel<Score, T, D, BLOCKS>;
  const int bytes = (int)sizeof(gattn_hopper_shared<D, shape::stages>);
  const int64_t most = (int64_t)a->multiprocessors * BLOCKS;
  const cudaError_t error = cudaFuncSetAttribute(
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  if (error != cudaSuccess) return (int)error;
  kernel<<<(unsigned)(facts->items < most ? facts->items : most),
           GATTN_HOPPER_THREADS, bytes, stream>>>(*a, *pass, *facts, *hopper);
  return (int)cudaGetLastError();
}

/* Scores that are not plain take more registers than two blocks leave. */
#define GATTN_HOPPER_VARIANTS(name, type, dim, blocks)                        \
  int name(const gattn_device_attention *attention,                           \
           const gattn_tile_pass *pass, const gattn_tile_launch_facts *facts, \
           const gattn_hopper_facts *hopper, cudaStream_t stream) {           \
    return facts->plain_score                                                 \
               ? gattn_hopper_launch_kernel<gattn_plain_score, type, dim,     \
                                            blocks>(attention, pass, facts,   \
                                                    hopper, stream)           \
               : gattn_hopper_launch_kernel<gattn_any_score, type, dim, 1>(   \
                     attention, pass, facts, hopper, stream);                 \
  }

#endif
