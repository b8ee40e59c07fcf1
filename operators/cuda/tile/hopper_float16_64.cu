/* Hopper's tile kernels of float16, dimensions up to 64.
 * SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/tile/hopper.cuh"

GATTN_HOPPER_VARIANTS(gattn_hopper_float16_64, __half, 64, 2)
