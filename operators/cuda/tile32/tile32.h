/* Tiles of float32 operands. SPDX-License-Identifier: Apache-2.0
 *
 * 64 lanes, or 128 up to a dimension of 64; dimensions up to 256. Multiplies
 * and adds in float32, never in TF32. */
#ifndef GATTN_OPERATORS_CUDA_TILE32_H
#define GATTN_OPERATORS_CUDA_TILE32_H

#include "operators/cuda/tile/tile.h"

/* gattn_tile_launch for GATTN_FLOAT32; cudaErrorInvalidValue for other lanes or
 * dimensions. */
int gattn_tile_float32_launch(const gattn_device_attention *attention,
                              const gattn_tile_pass *pass,
                              const gattn_tile_launch_facts *facts,
                              cudaStream_t stream);

/* Bytes of shared memory that a block takes, and how many blocks registers of a
 * multiprocessor are for. */
int64_t gattn_tile_float32_shared_bytes(int64_t dim, int64_t dim_v,
                                        int32_t lanes);
int64_t gattn_tile_float32_blocks(int64_t dim, int64_t dim_v, int32_t lanes);

/* The kernels of a dimension. */
gattn_tile_kernels gattn_tile_float32_64, gattn_tile_float32_128,
    gattn_tile_float32_256;

/* Of a block of the last. */
int64_t gattn_tile_float32_256_bytes(int64_t dim);

#endif
