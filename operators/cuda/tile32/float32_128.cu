/* Tiles of float32 up to dimension 128. SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/tile32/tile32.h"
#include "operators/cuda/tile32/variants.cuh"

GATTN_TILE32_VARIANTS(gattn_tile_float32_128, 128)
