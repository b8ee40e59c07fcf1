/* Hopper's tile kernels of bfloat16, dimensions up to 64.
 * SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/tile/hopper.cuh"

GATTN_HOPPER_VARIANTS(gattn_hopper_bfloat16_64, __nv_bfloat16, 64, 2)
