/* What a multiprocessor has room for of the tile kernels.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_TILE_SHARED_H
#define GATTN_OPERATORS_CUDA_TILE_SHARED_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of a block of the kernel that takes a pass of so many lanes, which
 * gattn_tile_lanes may answer. Devices differ in what a block may have: 99 KiB
 * on compute capability 8.6, 163 on 8.0, 227 on 9.0. */
int64_t gattn_tile_shared_bytes(int32_t type, int64_t dim, int64_t dim_v,
                                int32_t lanes);

/* How many blocks of that kernel a multiprocessor runs at once, where a block
 * may have shared_bytes of its shared memory; at least 1. */
int64_t gattn_tile_blocks(int32_t type, int64_t dim, int64_t dim_v,
                          int32_t lanes, int64_t shared_bytes);

#ifdef __cplusplus
}
#endif

#endif
