/* Tile kernels of float16, dimensions up to 256.
 * SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/tile/variants.cuh"

GATTN_TILE_VARIANTS(gattn_tile_float16_256, __half, 256)
