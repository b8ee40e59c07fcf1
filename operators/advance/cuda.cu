/* Advance on the device. SPDX-License-Identifier: Apache-2.0
 *
 * A few lanes share an edge: each multiplies some elements of q and k, 16 bytes
 * of them where they lie so. They score the edges of one chunk, row by row. */
#include "operators/cuda/elements.cuh"
#include "operators/cuda/score.cuh"
#include "operators/cuda/segments.cuh"

/* Edges whose keys are on their way at the same time. */
enum { AT_ONCE = 4 };

/* The edges [first, first + count) of one row, count <= AT_ONCE: the lane that
 * writes edge first + t is lane t of the edge's `lanes`. All of them call. */
template <typename T, int lanes, int pack>
static __device__ __forceinline__ void score_edges(
    const gattn_device_advance &job, const gattn_chunk &chunk,
    const gattn_any_score &score, const T *q, const T *k, int64_t i,
    int64_t first, int count, unsigned group, int lane) {
  float dots[AT_ONCE] = {0};
  int64_t keys[AT_ONCE];
#pragma unroll
  for (int t = 0; t < AT_ONCE; t++)
    keys[t] = gattn_key_of(chunk, first + (t < count ? t : count - 1));
  for (int64_t c = lane * pack; c < job.dim; c += lanes * pack) {
    float x[pack], y[AT_ONCE][pack];
    gattn_load_pack(q + c * job.q.dim, x);
#pragma unroll
    for (int t = 0; t < AT_ONCE; t++)
      gattn_load_pack(k + keys[t] * job.k.row + c * job.k.dim, y[t]);
#pragma unroll
    for (int t = 0; t < AT_ONCE; t++)
#pragma unroll
      for (int u = 0; u < pack; u++) dots[t] += x[u] * y[t][u];
  }
#pragma unroll
  for (int t = 0; t < AT_ONCE; t++)
#pragma unroll
    for (int apart = lanes / 2; apart > 0; apart /= 2)
      dots[t] += __shfl_xor_sync(group, dots[t], apart);
  float dot = dots[0];
  int64_t j = keys[0];
#pragma unroll
  for (int t = 1; t < AT_ONCE; t++)
    if (lane == t) dot = dots[t], j = keys[t];
  if (lane >= count) return;
  const float value =
      job.edge_values.data ? *gattn_row_of<float>(job.edge_values, chunk.b,
                                                  chunk.h, first + lane)
                           : 0;
  *gattn_row_of<float>(job.out, chunk.b, chunk.h, first + lane) =
      score(job.scale * dot, i, j, value);
}

template <typename T, int lanes, int pack>
__global__ void __launch_bounds__(GATTN_SEGMENT_THREADS)
    advance_kernel(const __grid_constant__ gattn_device_advance job,
                   const __grid_constant__ gattn_chunks chunks) {
  const gattn_device_edges &edges = job.edges;
  const int lane = threadIdx.x % lanes;
  const unsigned group = (lanes == 32 ? ~0u : (1u << (lanes % 32)) - 1)
                         << (threadIdx.x % 32 / lanes * lanes);
  const int64_t step = (int64_t)gridDim.x * (blockDim.x / lanes);
  for (int64_t worker =
           (int64_t)blockIdx.x * (blockDim.x / lanes) + threadIdx.x / lanes;
       worker < chunks.planes * chunks.count; worker += step) {
    const gattn_chunk chunk = gattn_chunk_at(edges, chunks, worker);
    if (chunk.edge >= chunk.last_edge) continue;
    const gattn_any_score score(job.score, chunk.h);
    const int64_t kv_head = chunk.h / (edges.heads / job.kv_heads);
    const T *k = gattn_row_of<const T>(job.k, chunk.b, kv_head, 0);
    for (int64_t row = chunk.row, edge = chunk.edge; edge < chunk.last_edge;
         row++) {
      const int64_t end = gattn_first_edge(chunk, row + 1);
      const int64_t last = chunk.last_edge;
      const int64_t stop = end < last ? end : last;
      if (edge >= stop) continue;
      const T *q = gattn_row_of<const T>(job.q, chunk.b, chunk.h, row);
      const int64_t i =
          edges.vertices ? edges.vertices[row] : edges.begin + row;
      for (; edge < stop; edge += AT_ONCE)
        score_edges<T, lanes, pack>(
            job, chunk, score, q, k, i, edge,
            stop - edge < AT_ONCE ? (int)(stop - edge) : (int)AT_ONCE, group,
            lane);
      edge = stop;
    }
  }
}

template <typename T, int lanes, int pack>
static int launch(const gattn_device_advance &job, const gattn_chunks &chunks,
                  cudaStream_t stream) {
  advance_kernel<T, lanes, pack>
      <<<gattn_worker_blocks(chunks.planes * chunks.count, lanes),
         GATTN_SEGMENT_THREADS, 0, stream>>>(job, chunks);
  return cudaGetLastError();
}

/* As many lanes as one edge has packs, 8 at the least. */
template <typename T>
static int launch_type(const gattn_device_advance &job,
                       const gattn_chunks &chunks, cudaStream_t stream) {
  constexpr int pack = 16 / sizeof(T);
  if (!gattn_operand_packs<T>(job.q, job.dim) ||
      !gattn_operand_packs<T>(job.k, job.dim))
    return launch<T, 32, 1>(job, chunks, stream);
  if (job.dim <= 8 * pack) return launch<T, 8, pack>(job, chunks, stream);
  if (job.dim <= 16 * pack) return launch<T, 16, pack>(job, chunks, stream);
  return launch<T, 32, pack>(job, chunks, stream);
}

extern "C" uint64_t gattn_advance_workspace(const gattn_device_edges *edges) {
  const gattn_chunks chunks = gattn_chunks_of(*edges);
  gattn_layout layout = {0, false};
  gattn_place(layout, edges->graphs, chunks.count + 1, sizeof(int64_t));
  return layout.too_long ? UINT64_MAX : layout.bytes;
}

extern "C" int gattn_advance_launch(const gattn_device_advance *job,
                                    void *workspace, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  gattn_chunks chunks = gattn_chunks_of(job->edges);
  if (chunks.planes == 0 || chunks.count == 0 || job->edges.edges == 0)
    return cudaSuccess;
  chunks.starts = (int64_t *)workspace;
  const int error = gattn_chunks_launch(job->edges, chunks, stream);
  if (error != cudaSuccess) return error;
  switch (job->type) {
    case GATTN_FLOAT32:
      return launch_type<float>(*job, chunks, stream);
    case GATTN_FLOAT16:
      return launch_type<__half>(*job, chunks, stream);
    default:
      return launch_type<__nv_bfloat16>(*job, chunks, stream);
  }
}
