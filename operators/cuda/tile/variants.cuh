/* Which shapes of the tile kernel exist, and the choice among them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_TILE_VARIANTS_CUH
#define GATTN_OPERATORS_CUDA_TILE_VARIANTS_CUH

#include "operators/cuda/tile/kernel.cuh"

/* Of a dimension and 64·M lanes: tiles in the ring, and blocks that share a
 * multiprocessor, which bounds registers. lanes_128: a warp of 32 rows has room
 * in registers. */
template <int D>
struct gattn_tile_shape {
  static constexpr bool lanes_128 = D <= 128;
  static constexpr int stages = 2;
  static constexpr int blocks_64 = D <= 64 ? 4 : D == 128 ? 2 : 1;
  static constexpr int blocks_128 = 2;
};

template <class Score, typename T, int D>
static int gattn_tile_choose(const gattn_device_attention *attention,
                             const gattn_tile_pass *pass,
                             const gattn_tile_launch_facts *facts,
                             cudaStream_t stream) {
  typedef gattn_tile_shape<D> shape;
  if (pass->lanes == 64)
    return gattn_tile_launch_kernel<Score, T, D, 1, shape::stages,
                                    shape::blocks_64>(attention, pass, facts,
                                                      stream);
  if constexpr (shape::lanes_128)
    if (pass->lanes == 128)
      return gattn_tile_launch_kernel<Score, T, D, 2, shape::stages,
                                      shape::blocks_128>(attention, pass,
                                                         facts, stream);
  return (int)cudaErrorInvalidValue;
}

#define GATTN_TILE_VARIANTS(name, type, dim)                               \
  int name(const gattn_device_attention *attention,                        \
           const gattn_tile_pass *pass, const gattn_tile_launch_facts *facts, \
           cudaStream_t stream) {                                          \
    return facts->plain_score                                              \
               ? gattn_tile_choose<gattn_plain_score, type, dim>(          \
                     attention, pass, facts, stream)                       \
               : gattn_tile_choose<gattn_any_score, type, dim>(            \
                     attention, pass, facts, stream);                      \
  }

#endif
