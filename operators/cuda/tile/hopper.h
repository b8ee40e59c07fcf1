/* Between the dispatcher of tile passes and Hopper's kernels.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_TILE_HOPPER_H
#define GATTN_OPERATORS_CUDA_TILE_HOPPER_H

#include <cuda.h>

#include "operators/cuda/tile/tile.h"

/* How rows are fetched: boxes of 64 elements of the lanes of a tile, of the
 * tensors Q, K and V as [batch, heads, c2, c1, elements], where vertex (c1, c2)
 * is c1 of LINEAR numbers, c1 + stride·c2 of CLASSES, column and line of
 * PATCHES. */
typedef struct gattn_hopper_facts {
  CUtensorMap q, k, v, o; /* o: 16 lanes */
  int32_t q_boxes; /* q is of use: queries are all vertices in order, or, of
                    * LINEAR numbers, a range of them */
  int32_t o_boxes; /* o is of use: and all of these are stored, as outputs */
} gattn_hopper_facts;

/* Runs the pass with Hopper's instructions: a CUDA error code; or −1, nothing
 * done, where another kernel must. */
int gattn_hopper_launch(const gattn_device_attention *attention,
                        const gattn_tile_pass *pass,
                        const gattn_tile_launch_facts *facts,
                        cudaStream_t stream);

typedef int gattn_hopper_kernels(const gattn_device_attention *attention,
                                 const gattn_tile_pass *pass,
                                 const gattn_tile_launch_facts *facts,
                                 const gattn_hopper_facts *hopper,
                                 cudaStream_t stream);

gattn_hopper_kernels gattn_hopper_float16_64, gattn_hopper_float16_128;
gattn_hopper_kernels gattn_hopper_bfloat16_64, gattn_hopper_bfloat16_128;

#endif
