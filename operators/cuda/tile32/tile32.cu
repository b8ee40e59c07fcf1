/* Tiles of float32: which kernel takes a pass.
 * SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/tile32/tile32.h"
#include "operators/cuda/tile32/variants.cuh"

namespace {

struct tile32_block {
  int64_t shared, blocks;
};

template <int D, int M>
tile32_block block_of_shape() {
  typedef gattn_tile32_shape<D, M> shape;
  return {sizeof(gattn_tile32_shared<D, M, shape::both>), shape::blocks};
}

tile32_block block_of(int64_t dim, int64_t dim_v, int32_t lanes) {
  const int64_t widest = dim > dim_v ? dim : dim_v;
  const bool wide = lanes == 128;
  if (widest <= 64)
    return wide ? block_of_shape<64, 2>() : block_of_shape<64, 1>();
  if (widest <= 128) return block_of_shape<128, 1>();
  return {gattn_tile_float32_256_bytes(dim), 1};
}

}  // namespace

int64_t gattn_tile_float32_shared_bytes(int64_t dim, int64_t dim_v,
                                        int32_t lanes) {
  return block_of(dim, dim_v, lanes).shared;
}

int64_t gattn_tile_float32_blocks(int64_t dim, int64_t dim_v, int32_t lanes) {
  return block_of(dim, dim_v, lanes).blocks;
}

int gattn_tile_float32_launch(const gattn_device_attention *attention,
                              const gattn_tile_pass *pass,
                              const gattn_tile_launch_facts *facts,
                              cudaStream_t stream) {
  const int64_t dim = attention->dim, dim_v = attention->dim_v;
  const int64_t widest = dim > dim_v ? dim : dim_v;
  if (widest <= 64)
    return gattn_tile_float32_64(attention, pass, facts, stream);
  if (widest <= 128)
    return gattn_tile_float32_128(attention, pass, facts, stream);
  if (widest <= 256)
    return gattn_tile_float32_256(attention, pass, facts, stream);
  return (int)cudaErrorInvalidValue;
}
