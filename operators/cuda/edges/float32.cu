/* Attention over edge lists of float32. SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/edges/dispatch.cuh"

cudaError_t gattn_edges_float32(const gattn_edge_arguments &arguments,
                                bool vectors, cudaStream_t stream) {
  const gattn_device_attention &a = arguments.attention;
  const int64_t dim = a.dim > a.dim_v ? a.dim : a.dim_v;
  if (!vectors || dim > 256)
    return gattn_edges_by_element<float>(arguments, stream);
  if (dim <= 16)
    return gattn_edges_vectors<float, 4, 1, 4, 8>(arguments, stream);
  if (dim <= 32)
    return gattn_edges_vectors<float, 8, 1, 8, 8>(arguments, stream);
  if (dim <= 64)
    return gattn_edges_vectors<float, 16, 1, 8, 8>(arguments, stream);
  if (dim <= 128)
    return gattn_edges_vectors<float, 32, 1, 8, 8>(arguments, stream);
  return gattn_edges_vectors<float, 32, 2, 4, 6>(arguments, stream);
}
