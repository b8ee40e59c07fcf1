/* One file a type of operands launches its kernels.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_EDGES_LAUNCH_H
#define GATTN_OPERATORS_CUDA_EDGES_LAUNCH_H

#include <cuda_runtime_api.h>

#include "operators/cuda/edges/arguments.cuh"

/* How operands may be read: vectors of 16 bytes need every row of them aligned
 * and elements side by side. */
cudaError_t gattn_edges_float32(const gattn_edge_arguments &arguments,
                                bool vectors, cudaStream_t stream);
cudaError_t gattn_edges_float16(const gattn_edge_arguments &arguments,
                                bool vectors, cudaStream_t stream);
cudaError_t gattn_edges_bfloat16(const gattn_edge_arguments &arguments,
                                 bool vectors, cudaStream_t stream);

#endif
