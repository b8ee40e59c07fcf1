/* Tile kernels of bfloat16, dimensions up to 256.
 * SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/tile/variants.cuh"

GATTN_TILE_VARIANTS(gattn_tile_bfloat16_256, __nv_bfloat16, 256)
