/* Attention over edge lists of float16. SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/edges/dispatch.cuh"

cudaError_t gattn_edges_float16(const gattn_edge_arguments &arguments,
                           bool vectors, cudaStream_t stream) {
  return gattn_edges_halves<__half>(arguments, vectors, stream);
}
