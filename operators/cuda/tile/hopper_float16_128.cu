/* Hopper's tile kernels of float16, dimensions up to 128.
 * SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/tile/hopper.cuh"

GATTN_HOPPER_VARIANTS(gattn_hopper_float16_128, __half, 128, 1)
