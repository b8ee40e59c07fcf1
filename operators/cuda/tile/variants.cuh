/* Which shapes of the tile kernel exist, and the choice among them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_TILE_VARIANTS_CUH
#define GATTN_OPERATORS_CUDA_TILE_VARIANTS_CUH

#include "operators/cuda/tile/kernel.cuh"

/* Of a dimension and 64·M lanes: keys taken at a time (8·N), tiles in the ring,
 * and blocks that share a multiprocessor, which bounds registers. Measured on
 * an H200, float16, D = 64, n = 131072, 8 heads, local(256) and local(1023, 0):
 *
 *     M  N  stages  blocks     ms
 *     2  8       2       2   0.95  1.46
 *     2  4       2       3   0.86  1.37   (Q in registers: 1.07  1.65)
 *     1  8       2       4   0.96  1.56
 *     1  8       3       3   0.96  1.56   decode 2.9 TB/s, else 2.6
 */
template <int D, int M>
struct gattn_tile_shape {
  static constexpr int keys = 8, stages = 1, blocks = 2; /* D = 256, M = 1 */
};
template <>
struct gattn_tile_shape<64, 1> {
  static constexpr int keys = 8, stages = 3, blocks = 3;
};
template <>
struct gattn_tile_shape<64, 2> {
  static constexpr int keys = 4, stages = 2, blocks = 3;
};
template <>
struct gattn_tile_shape<128, 1> {
  static constexpr int keys = 8, stages = 2, blocks = 2;
};
template <>
struct gattn_tile_shape<128, 2> {
  static constexpr int keys = 4, stages = 2, blocks = 2;
};

template <class Score, typename T, int D, int M>
static int gattn_tile_launch_shape(const gattn_device_attention *attention,
                                   const gattn_tile_pass *pass,
                                   const gattn_tile_launch_facts *facts,
                                   cudaStream_t stream) {
  typedef gattn_tile_shape<D, M> shape;
  return gattn_tile_launch_kernel<Score, T, D, M, shape::keys, shape::stages,
                                  shape::blocks>(attention, pass, facts,
                                                 stream);
}

/* A warp of 32 rows has room in registers up to D = 128. */
template <class Score, typename T, int D>
static int gattn_tile_choose(const gattn_device_attention *attention,
                             const gattn_tile_pass *pass,
                             const gattn_tile_launch_facts *facts,
                             cudaStream_t stream) {
  if (pass->lanes == 64)
    return gattn_tile_launch_shape<Score, T, D, 1>(attention, pass, facts,
                                                   stream);
  if constexpr (D <= 128)
    if (pass->lanes == 128)
      return gattn_tile_launch_shape<Score, T, D, 2>(attention, pass, facts,
                                                     stream);
  return (int)cudaErrorInvalidValue;
}

#define GATTN_TILE_VARIANTS(name, type, dim)                                  \
  int name(const gattn_device_attention *attention,                           \
           const gattn_tile_pass *pass, const gattn_tile_launch_facts *facts, \
           cudaStream_t stream) {                                             \
    return facts->plain_score                                                 \
               ? gattn_tile_choose<gattn_plain_score, type, dim>(             \
                     attention, pass, facts, stream)                          \
               : gattn_tile_choose<gattn_any_score, type, dim>(               \
                     attention, pass, facts, stream);                         \
  }

#endif
