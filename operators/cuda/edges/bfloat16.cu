/* Attention over edge lists of bfloat16. SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/edges/dispatch.cuh"

cudaError_t gattn_edges_bfloat16(const gattn_edge_arguments &arguments,
                           bool vectors, cudaStream_t stream) {
  return gattn_edges_halves<__nv_bfloat16>(arguments, vectors, stream);
}
