/* Gather on the device. SPDX-License-Identifier: Apache-2.0
 *
 * A few lanes share a chunk of edges: each sums some elements of the values, 16
 * bytes of them where they lie so. Dimensions that the lanes cannot hold go in
 * pieces. */
#include "operators/cuda/elements.cuh"
#include "operators/cuda/segments.cuh"

/* Edges whose values are on their way at the same time. */
enum { AT_ONCE = 4 };

/* Sums of rows that cross chunks: one apiece, of dim elements. */
typedef struct gather_states {
  float *heads, *tails; /* [planes, chunks, dim] */
  float *groups;        /* [planes, groups, dim] */
} gather_states;

/* What the lanes of one worker hold: elements first … first + pack − 1. */
template <typename T, int lanes, int pack>
struct gather_worker {
  gattn_chunk chunk;
  int64_t first;
  bool holds; /* whether those elements exist */
  float sum[pack];

  /* worker counts pieces of chunks. */
  __device__ __forceinline__ gather_worker(const gattn_device_gather &job,
                                           const gattn_chunks &chunks,
                                           int64_t worker)
      : chunk(gattn_chunk_at(job.edges, chunks,
                             worker % (chunks.planes * chunks.count))),
        first(worker / (chunks.planes * chunks.count) * (lanes * pack) +
              threadIdx.x % lanes * pack),
        holds(first < job.dim) {
    clear();
  }

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int u = 0; u < pack; u++) sum[u] = 0;
  }

  /* A weight of 0 is an edge that was removed: its value is not looked at. */
  __device__ __forceinline__ void add(const gattn_device_gather &job,
                                      const T *v, int64_t edge, int64_t stop) {
    float weight[AT_ONCE], value[AT_ONCE][pack];
#pragma unroll
    for (int t = 0; t < AT_ONCE; t++)
      weight[t] = edge + t < stop ? *gattn_row_of<const float>(
                                        job.weights, chunk.b, chunk.h, edge + t)
                                  : 0;
#pragma unroll
    for (int t = 0; t < AT_ONCE; t++)
      if (weight[t] != 0 && holds)
        gattn_load_pack(v + gattn_key_of(chunk, edge + t) * job.v.row +
                            first * job.v.dim,
                        value[t]);
#pragma unroll
    for (int t = 0; t < AT_ONCE; t++)
      if (weight[t] != 0 && holds)
#pragma unroll
        for (int u = 0; u < pack; u++) sum[u] += weight[t] * value[t][u];
  }

  __device__ __forceinline__ void add_state(const float *states, int64_t index,
                                            int64_t dim) {
    if (!holds) return;
#pragma unroll
    for (int u = 0; u < pack; u++) sum[u] += states[index * dim + first + u];
  }

  __device__ __forceinline__ void keep(float *states, int64_t index,
                                       int64_t dim) const {
    if (!holds) return;
#pragma unroll
    for (int u = 0; u < pack; u++) states[index * dim + first + u] = sum[u];
  }

  __device__ __forceinline__ void store(const gattn_device_gather &job,
                                        int64_t row) const {
    if (!holds || !gattn_row_exists(job.edges, row)) return;
    gattn_store_pack(sum, gattn_row_of<T>(job.o, chunk.b, chunk.h, row) +
                              first * job.o.dim);
  }
};

/* Workers of `lanes` threads, from this thread's on. */
#define FOR_WORKERS(worker, lanes, count)                              \
  for (int64_t worker = (int64_t)blockIdx.x * (blockDim.x / (lanes)) + \
                        threadIdx.x / (lanes);                         \
       worker < (count);                                               \
       worker += (int64_t)gridDim.x * (blockDim.x / (lanes)))

template <typename T, int lanes, int pack>
__global__ void __launch_bounds__(GATTN_SEGMENT_THREADS)
    gather_kernel(const __grid_constant__ gattn_device_gather job,
                  const __grid_constant__ gattn_chunks chunks, int64_t pieces,
                  const gather_states states) {
  FOR_WORKERS(number, lanes, pieces * chunks.planes * chunks.count) {
    gather_worker<T, lanes, pack> worker(job, chunks, number);
    const gattn_chunk &chunk = worker.chunk;
    const int64_t index = chunk.plane * chunks.count + chunk.number;
    const T *v = gattn_row_of<const T>(
        job.v, chunk.b, chunk.h / (job.edges.heads / job.kv_heads), 0);
    bool resumes = gattn_chunk_resumes(job.edges, chunk);
    int64_t edge = chunk.edge;
    for (int64_t row = chunk.row; row < chunk.last_row; row++) {
      const int64_t stop = gattn_first_edge(chunk, row + 1);
      for (; edge < stop; edge += AT_ONCE) worker.add(job, v, edge, stop);
      edge = stop;
      if (resumes)
        worker.keep(states.heads, index, job.dim);
      else
        worker.store(job, row);
      worker.clear();
      resumes = false;
    }
    if (edge >= chunk.last_edge) continue;
    for (; edge < chunk.last_edge; edge += AT_ONCE)
      worker.add(job, v, edge, chunk.last_edge);
    worker.keep(states.tails, index, job.dim);
  }
}

template <typename T, int lanes, int pack>
__global__ void group_kernel(const __grid_constant__ gattn_device_gather job,
                             const __grid_constant__ gattn_chunks chunks,
                             int64_t pieces, const gather_states states) {
  FOR_WORKERS(number, lanes, pieces * chunks.planes * chunks.groups) {
    const int64_t every = chunks.planes * chunks.groups;
    const int64_t plane = number % every / chunks.groups;
    const int64_t group = number % chunks.groups;
    gather_worker<T, lanes, pack> worker(
        job, chunks,
        number / every * (chunks.planes * chunks.count) +
            plane * chunks.count + group * GATTN_CHUNK_GROUP);
    if (!gattn_group_within(job.edges, worker.chunk, group)) continue;
    for (int64_t c = 0; c < GATTN_CHUNK_GROUP; c++)
      worker.add_state(states.tails,
                       plane * chunks.count + group * GATTN_CHUNK_GROUP + c,
                       job.dim);
    worker.keep(states.groups, plane * chunks.groups + group, job.dim);
  }
}

template <typename T, int lanes, int pack>
__global__ void join_kernel(const __grid_constant__ gattn_device_gather job,
                            const __grid_constant__ gattn_chunks chunks,
                            int64_t pieces, const gather_states states) {
  FOR_WORKERS(number, lanes, pieces * chunks.planes * chunks.count) {
    gather_worker<T, lanes, pack> worker(job, chunks, number);
    const gattn_chunk &chunk = worker.chunk;
    if (!gattn_chunk_joins(job.edges, chunk)) continue;
    const int64_t tails = chunk.plane * chunks.count;
    const int64_t groups = chunk.plane * chunks.groups;
    gattn_join_before(
        job.edges, chunks, chunk,
        [&](int64_t c) { worker.add_state(states.tails, tails + c, job.dim); },
        [&](int64_t g) {
          worker.add_state(states.groups, groups + g, job.dim);
        });
    worker.add_state(states.heads, tails + chunk.number, job.dim);
    worker.store(job, chunk.row);
  }
}

template <typename T, int lanes, int pack>
static int launch(const gattn_device_gather &job, const gattn_chunks &chunks,
                  const gather_states &states, cudaStream_t stream) {
  const int64_t pieces = (job.dim + lanes * pack - 1) / (lanes * pack);
  const int64_t workers = pieces * chunks.planes * chunks.count;
  const int64_t groups = pieces * chunks.planes * chunks.groups;
  gather_kernel<T, lanes, pack>
      <<<gattn_worker_blocks(workers, lanes), GATTN_SEGMENT_THREADS, 0,
         stream>>>(job, chunks, pieces, states);
  if (groups > 0)
    group_kernel<T, lanes, pack>
        <<<gattn_worker_blocks(groups, lanes), GATTN_SEGMENT_THREADS, 0,
           stream>>>(job, chunks, pieces, states);
  join_kernel<T, lanes, pack>
      <<<gattn_worker_blocks(workers, lanes), GATTN_SEGMENT_THREADS, 0,
         stream>>>(job, chunks, pieces, states);
  return cudaGetLastError();
}

/* As many lanes as a row has packs, 8 at the least. */
template <typename T>
static int launch_type(const gattn_device_gather &job,
                       const gattn_chunks &chunks, const gather_states &states,
                       cudaStream_t stream) {
  constexpr int pack = 16 / sizeof(T);
  if (!gattn_operand_packs<T>(job.v, job.dim) ||
      !gattn_operand_packs<T>(job.o, job.dim))
    return launch<T, 32, 1>(job, chunks, states, stream);
  if (job.dim <= 8 * pack)
    return launch<T, 8, pack>(job, chunks, states, stream);
  if (job.dim <= 16 * pack)
    return launch<T, 16, pack>(job, chunks, states, stream);
  return launch<T, 32, pack>(job, chunks, states, stream);
}

static gattn_layout lay_out(const gattn_device_edges &edges, int64_t dim,
                            void *workspace, gattn_chunks &chunks,
                            gather_states &states) {
  gattn_layout layout = {0, false};
  char *base = (char *)workspace;
  const uint64_t size = (uint64_t)dim * sizeof(float);
  chunks = gattn_chunks_of(edges);
  chunks.starts = (int64_t *)(base + gattn_place(layout, edges.graphs,
                                                 chunks.count + 1,
                                                 sizeof(int64_t)));
  states.heads =
      (float *)(base + gattn_place(layout, chunks.planes, chunks.count, size));
  states.tails =
      (float *)(base + gattn_place(layout, chunks.planes, chunks.count, size));
  states.groups =
      (float *)(base + gattn_place(layout, chunks.planes, chunks.groups, size));
  return layout;
}

extern "C" uint64_t gattn_gather_workspace(const gattn_device_edges *edges,
                                           int64_t dim) {
  gattn_chunks chunks;
  gather_states states;
  const gattn_layout layout = lay_out(*edges, dim, nullptr, chunks, states);
  return layout.too_long ? UINT64_MAX : layout.bytes;
}

extern "C" int gattn_gather_launch(const gattn_device_gather *job,
                                   void *workspace, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  gattn_chunks chunks;
  gather_states states;
  lay_out(job->edges, job->dim, workspace, chunks, states);
  if (chunks.planes == 0 || chunks.count == 0 || job->dim == 0)
    return cudaSuccess;
  const int error = gattn_chunks_launch(job->edges, chunks, stream);
  if (error != cudaSuccess) return error;
  switch (job->type) {
    case GATTN_FLOAT32:
      return launch_type<float>(*job, chunks, states, stream);
    case GATTN_FLOAT16:
      return launch_type<__half>(*job, chunks, states, stream);
    default:
      return launch_type<__nv_bfloat16>(*job, chunks, states, stream);
  }
}
