/* Which shapes of the float32 tile kernel exist, and the choice among them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_TILE32_VARIANTS_CUH
#define GATTN_OPERATORS_CUDA_TILE32_VARIANTS_CUH

#include "operators/cuda/tile32/kernel.cuh"

/* Of a dimension and 64·M lanes: whether K and V have a place each, and blocks
 * that share a multiprocessor, which bounds registers. Measured on an H200, n =
 * 16384, 8 heads, ms:
 *
 *       D  M  both  blocks  local(64)  local(256)   full
 *      64  1   yes       2       0.31        0.80   21.3
 *      64  2   yes       2       0.36        0.78   18.0
 *     128  1    no       2       0.61        1.60   43.2
 *     128  2   yes       1       1.12        2.43   56.2   (not kept)
 *     256  1    no       1       2.27        5.74    153   (not kept)
 *
 * Where a scheduler has one warp it waits for what that reads. */
template <int D, int M>
struct gattn_tile32_shape {
  static constexpr bool both = D == 64;
  static constexpr int blocks = 2;
};

template <class Score, int D, int M>
static int gattn_tile32_launch_shape(const gattn_device_attention *attention,
                                     const gattn_tile_pass *pass,
                                     const gattn_tile_launch_facts *facts,
                                     cudaStream_t stream) {
  typedef gattn_tile32_shape<D, M> shape;
  return gattn_tile32_launch_kernel<Score, D, M, shape::both, shape::blocks>(
      attention, pass, facts, stream);
}

template <class Score, int D>
static int gattn_tile32_choose(const gattn_device_attention *attention,
                               const gattn_tile_pass *pass,
                               const gattn_tile_launch_facts *facts,
                               cudaStream_t stream) {
  if (pass->lanes == 64)
    return gattn_tile32_launch_shape<Score, D, 1>(attention, pass, facts,
                                                  stream);
  if constexpr (D == 64)
    if (pass->lanes == 128)
      return gattn_tile32_launch_shape<Score, D, 2>(attention, pass, facts,
                                                    stream);
  return (int)cudaErrorInvalidValue;
}

#define GATTN_TILE32_VARIANTS(name, dim)                                      \
  int name(const gattn_device_attention *attention,                           \
           const gattn_tile_pass *pass, const gattn_tile_launch_facts *facts, \
           cudaStream_t stream) {                                             \
    return facts->plain_score                                                 \
               ? gattn_tile32_choose<gattn_plain_score, dim>(attention, pass, \
                                                             facts, stream)   \
               : gattn_tile32_choose<gattn_any_score, dim>(attention, pass,   \
                                                           facts, stream);    \
  }

#endif
