/* Which layout of a warp a pass over edge lists takes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_EDGES_DISPATCH_CUH
#define GATTN_OPERATORS_CUDA_EDGES_DISPATCH_CUH

#include "operators/cuda/edges/chunk.cuh"
#include "operators/cuda/edges/launch.h"
#include "operators/cuda/edges/vector.cuh"
#include "operators/cuda/score.cuh"

template <typename Engine, int blocks>
static cudaError_t gattn_edges_start(const gattn_edge_arguments &arguments,
                                     cudaStream_t stream) {
  constexpr int64_t warps = GATTN_EDGE_THREADS / 32;
  const gattn_device_attention &a = arguments.attention;
  const int64_t tasks = arguments.chunks * a.heads * a.batch;
  int64_t grid = (tasks + warps - 1) / warps;
  if (grid > INT32_MAX) grid = INT32_MAX;
  gattn_edge_chunks<Engine, blocks>
      <<<(unsigned)grid, GATTN_EDGE_THREADS, 0, stream>>>(arguments);
  return cudaGetLastError();
}

static bool gattn_edges_plain(const gattn_edge_arguments &arguments) {
  return arguments.attention.score.kind == GATTN_SCORE_IDENTITY;
}

/* Vectors: `lanes` lanes of 16 bytes hold a row. */
template <typename T, int lanes, int parts, int steps, int blocks>
static cudaError_t gattn_edges_vectors(const gattn_edge_arguments &arguments,
                                       cudaStream_t stream) {
  typedef gattn_edge_layout<T, 16 / (int)sizeof(T), lanes, parts, steps>
      layout;
  typedef gattn_edge_vectors<layout, gattn_plain_score> plain;
  typedef gattn_edge_vectors<layout, gattn_any_score> any;
  return gattn_edges_plain(arguments)
             ? gattn_edges_start<plain, blocks>(arguments, stream)
             : gattn_edges_start<any, blocks>(arguments, stream);
}

/* Elements: any strides, any alignment. */
template <typename T, int lanes, int parts, int steps>
static cudaError_t gattn_edges_elements(const gattn_edge_arguments &arguments,
                                        cudaStream_t stream) {
  typedef gattn_edge_layout<T, 1, lanes, parts, steps> layout;
  return gattn_edges_start<gattn_edge_vectors<layout, gattn_any_score>, 4>(
      arguments, stream);
}

template <typename T>
static cudaError_t gattn_edges_by_element(const gattn_edge_arguments &arguments,
                                          cudaStream_t stream) {
  const gattn_device_attention &a = arguments.attention;
  const int64_t dim = a.dim > a.dim_v ? a.dim : a.dim_v;
  if (dim <= 8) return gattn_edges_elements<T, 8, 1, 8>(arguments, stream);
  if (dim <= 64) return gattn_edges_elements<T, 32, 2, 8>(arguments, stream);
  if (dim <= 256) return gattn_edges_elements<T, 32, 8, 4>(arguments, stream);
  return gattn_edges_elements<T, 32, 32, 1>(arguments, stream);
}

/* float16 and bfloat16. */
template <typename T>
static cudaError_t gattn_edges_halves(const gattn_edge_arguments &arguments,
                                      bool vectors, cudaStream_t stream) {
  const gattn_device_attention &a = arguments.attention;
  const int64_t dim = a.dim > a.dim_v ? a.dim : a.dim_v;
  if (!vectors || dim > 256) return gattn_edges_by_element<T>(arguments, stream);
  if (dim <= 32) return gattn_edges_vectors<T, 4, 1, 4, 8>(arguments, stream);
  if (dim <= 64)
    return gattn_edges_vectors<T, 8, 1, 4, 12>(arguments, stream);
  if (dim <= 128) return gattn_edges_vectors<T, 16, 1, 8, 8>(arguments, stream);
  return gattn_edges_vectors<T, 32, 1, 8, 8>(arguments, stream);
}

#endif
