/* Tiles of float32 operands. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_TILE32_H
#define GATTN_OPERATORS_CUDA_TILE32_H

#include <cuda_runtime_api.h>

#include "operators/cuda/attention.h"

#ifdef __cplusplus
extern "C" {
#endif

/* gattn_tile_launch for GATTN_FLOAT32: 64 lanes, dimensions up to 256 (else
 * cudaErrorInvalidValue). Multiplies and adds in float32, never in TF32. */
int gattn_tile_float32_launch(const gattn_device_attention *attention,
                              const gattn_tile_pass *pass, cudaStream_t stream);

/* Bytes of shared memory that a block takes. */
int64_t gattn_tile_float32_shared_bytes(int64_t dim, int64_t dim_v);

#ifdef __cplusplus
}
#endif

#endif
