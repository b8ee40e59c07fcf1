/* Which layout of a warp a pass over edge lists takes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_EDGES_DISPATCH_CUH
#define GATTN_OPERATORS_CUDA_EDGES_DISPATCH_CUH

#include "operators/cuda/edges/chunk.cuh"
#include "operators/cuda/edges/launch.h"

template <typename Layout, typename Score>
static cudaError_t gattn_edges_start(const gattn_edge_arguments &arguments,
                                     cudaStream_t stream) {
  constexpr int64_t warps = GATTN_EDGE_THREADS / 32;
  const gattn_device_attention &a = arguments.attention;
  const int64_t tasks = arguments.chunks * a.heads * a.batch;
  int64_t blocks = (tasks + warps - 1) / warps;
  if (blocks > INT32_MAX) blocks = INT32_MAX;
  gattn_edge_chunks<Layout, Score>
      <<<(unsigned)blocks, GATTN_EDGE_THREADS, 0, stream>>>(arguments);
  return cudaGetLastError();
}

/* Vectors: `lanes` lanes of 16 bytes hold a row. */
template <typename T, int lanes, int parts, int steps, int blocks>
static cudaError_t gattn_edges_vectors(const gattn_edge_arguments &arguments,
                                       cudaStream_t stream) {
  typedef gattn_edge_layout<T, 16 / (int)sizeof(T), lanes, parts, steps,
                            blocks>
      layout;
  return arguments.attention.score.kind == GATTN_SCORE_IDENTITY
             ? gattn_edges_start<layout, gattn_plain_score>(arguments, stream)
             : gattn_edges_start<layout, gattn_any_score>(arguments, stream);
}

/* Elements: any strides, any alignment. */
template <typename T, int lanes, int parts, int steps, int blocks>
static cudaError_t gattn_edges_elements(const gattn_edge_arguments &arguments,
                                        cudaStream_t stream) {
  typedef gattn_edge_layout<T, 1, lanes, parts, steps, blocks> layout;
  return gattn_edges_start<layout, gattn_any_score>(arguments, stream);
}

template <typename T>
static cudaError_t gattn_edges_of_type(const gattn_edge_arguments &arguments,
                                       bool vectors, cudaStream_t stream) {
  const gattn_device_attention &a = arguments.attention;
  const int64_t dim = a.dim > a.dim_v ? a.dim : a.dim_v;
  const int64_t bytes = dim * (int64_t)sizeof(T);
  if (vectors && bytes <= 1024) {
    if (bytes <= 64) return gattn_edges_vectors<T, 4, 1, 4, 8>(arguments, stream);
    if (bytes <= 128) return gattn_edges_vectors<T, 8, 1, 8, 8>(arguments, stream);
    if (bytes <= 256)
      return gattn_edges_vectors<T, 16, 1, 8, 8>(arguments, stream);
    if (bytes <= 512)
      return gattn_edges_vectors<T, 32, 1, 8, 8>(arguments, stream);
    return gattn_edges_vectors<T, 32, 2, 4, 8>(arguments, stream);
  }
  if (dim <= 8) return gattn_edges_elements<T, 8, 1, 8, 8>(arguments, stream);
  if (dim <= 64) return gattn_edges_elements<T, 32, 2, 8, 8>(arguments, stream);
  if (dim <= 256) return gattn_edges_elements<T, 32, 8, 4, 8>(arguments, stream);
  return gattn_edges_elements<T, 32, 32, 1, 8>(arguments, stream);
}

#endif
