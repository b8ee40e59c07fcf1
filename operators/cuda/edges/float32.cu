/* Attention over edge lists of float32. SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/edges/dispatch.cuh"

cudaError_t gattn_edges_float32(const gattn_edge_arguments &arguments,
                           bool vectors, cudaStream_t stream) {
  return gattn_edges_of_type<float>(arguments, vectors, stream);
}
