/* Segmented reduction of edge values by any monoid.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A few lanes share a chunk of edges and reduce its rows one by one. Store is
 * what becomes of a row's state: store(edges, rows, b, h, row, state), called
 * by one lane. */
#ifndef GATTN_OPERATORS_CUDA_REDUCE_CUH
#define GATTN_OPERATORS_CUDA_REDUCE_CUH

#include "operators/cuda/elements.cuh"
#include "operators/cuda/monoids.cuh"
#include "operators/cuda/segments.cuh"

/* States of rows that cross chunks. */
template <typename State>
struct gattn_reduce_states {
  State *heads, *tails; /* [planes, chunks] */
  State *groups;        /* [planes, groups] */
};

/* The threads of a warp that share this thread's chunk. */
template <int lanes>
static __device__ __forceinline__ unsigned gattn_lane_group() {
  return (lanes == 32 ? ~0u : (1u << (lanes % 32)) - 1)
         << (threadIdx.x % 32 / lanes * lanes);
}

template <typename State>
static __device__ __forceinline__ State gattn_shuffle(unsigned group,
                                                      const State &state,
                                                      int apart) {
  State other;
  const int *from = (const int *)&state;
  int *to = (int *)&other;
#pragma unroll
  for (int w = 0; w < (int)(sizeof(State) / sizeof(int)); w++)
    to[w] = __shfl_xor_sync(group, from[w], apart);
  return other;
}

/* The edges [begin, end) of a row, by all lanes of a group; in all of them. */
template <typename Monoid, int lanes>
static __device__ __forceinline__ typename Monoid::state gattn_reduce_edges(
    const gattn_operand &values, const gattn_chunk &chunk, int64_t begin,
    int64_t end) {
  const float *value =
      gattn_row_of<const float>(values, chunk.b, chunk.h, 0);
  typename Monoid::state state = Monoid::identity();
  for (int64_t e = begin + threadIdx.x % lanes; e < end; e += lanes)
    Monoid::add(state, value[e * values.row], e);
#pragma unroll
  for (int apart = 1; apart < lanes; apart *= 2) {
    typename Monoid::state other =
        gattn_shuffle(gattn_lane_group<lanes>(), state, apart);
    /* The lower lane's state is the first, in both. */
    if (threadIdx.x & apart) {
      const typename Monoid::state mine = state;
      state = other;
      other = mine;
    }
    Monoid::join(state, other);
  }
  return state;
}

template <typename Monoid, int lanes, typename Store>
__global__ void __launch_bounds__(GATTN_SEGMENT_THREADS) gattn_reduce_kernel(
    const __grid_constant__ gattn_device_edges edges,
    const __grid_constant__ gattn_chunks chunks, const gattn_operand values,
    const gattn_reduce_states<typename Monoid::state> states,
    const Store store) {
  const bool leader = threadIdx.x % lanes == 0;
  const int64_t step = (int64_t)gridDim.x * (blockDim.x / lanes);
  for (int64_t worker =
           (int64_t)blockIdx.x * (blockDim.x / lanes) + threadIdx.x / lanes;
       worker < chunks.planes * chunks.count; worker += step) {
    const gattn_chunk chunk = gattn_chunk_at(edges, chunks, worker);
    bool resumes = gattn_chunk_resumes(edges, chunk);
    int64_t edge = chunk.edge;
    for (int64_t row = chunk.row; row < chunk.last_row; row++) {
      const int64_t stop = gattn_first_edge(chunk, row + 1);
      const typename Monoid::state state =
          gattn_reduce_edges<Monoid, lanes>(values, chunk, edge, stop);
      edge = stop;
      if (leader && resumes)
        states.heads[worker] = state;
      else if (leader && gattn_row_exists(edges, row))
        store(*chunk.rows, chunk.b, chunk.h, row, state);
      resumes = false;
    }
    if (edge >= chunk.last_edge) continue;
    const typename Monoid::state state = gattn_reduce_edges<Monoid, lanes>(
        values, chunk, edge, chunk.last_edge);
    if (leader) states.tails[worker] = state;
  }
}

template <typename Monoid>
__global__ void gattn_reduce_group_kernel(
    const __grid_constant__ gattn_device_edges edges,
    const __grid_constant__ gattn_chunks chunks,
    const gattn_reduce_states<typename Monoid::state> states) {
  for (int64_t t = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
       t < chunks.planes * chunks.groups;
       t += (int64_t)gridDim.x * blockDim.x) {
    const int64_t group = t % chunks.groups;
    const int64_t first =
        t / chunks.groups * chunks.count + group * GATTN_CHUNK_GROUP;
    const gattn_chunk chunk = gattn_chunk_at(edges, chunks, first);
    if (!gattn_group_within(edges, chunk, group)) continue;
    typename Monoid::state state = Monoid::identity();
    for (int c = 0; c < GATTN_CHUNK_GROUP; c++)
      Monoid::join(state, states.tails[first + c]);
    states.groups[t] = state;
  }
}

template <typename Monoid, typename Store>
__global__ void gattn_reduce_join_kernel(
    const __grid_constant__ gattn_device_edges edges,
    const __grid_constant__ gattn_chunks chunks,
    const gattn_reduce_states<typename Monoid::state> states,
    const Store store) {
  for (int64_t t = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
       t < chunks.planes * chunks.count;
       t += (int64_t)gridDim.x * blockDim.x) {
    const gattn_chunk chunk = gattn_chunk_at(edges, chunks, t);
    if (!gattn_chunk_joins(edges, chunk)) continue;
    const int64_t tails = chunk.plane * chunks.count;
    const int64_t groups = chunk.plane * chunks.groups;
    typename Monoid::state state = Monoid::identity();
    gattn_join_before(
        edges, chunks, chunk,
        [&](int64_t c) { Monoid::join(state, states.tails[tails + c]); },
        [&](int64_t g) { Monoid::join(state, states.groups[groups + g]); });
    Monoid::join(state, states.heads[t]);
    if (gattn_row_exists(edges, chunk.row))
      store(*chunk.rows, chunk.b, chunk.h, chunk.row, state);
  }
}

template <typename Monoid>
static gattn_layout gattn_reduce_layout(
    const gattn_device_edges &edges, void *workspace, gattn_chunks &chunks,
    gattn_reduce_states<typename Monoid::state> &states) {
  typedef typename Monoid::state state;
  gattn_layout layout = {0, false};
  char *base = (char *)workspace;
  chunks = gattn_chunks_of(edges);
  chunks.starts = (int64_t *)(base + gattn_place(layout, edges.graphs,
                                                 chunks.count + 1,
                                                 sizeof(int64_t)));
  states.heads = (state *)(base + gattn_place(layout, chunks.planes,
                                              chunks.count, sizeof(state)));
  states.tails = (state *)(base + gattn_place(layout, chunks.planes,
                                              chunks.count, sizeof(state)));
  states.groups = (state *)(base + gattn_place(layout, chunks.planes,
                                               chunks.groups, sizeof(state)));
  return layout;
}

/* Of rows of so many edges on average and more, a warp reduces one at a time:
 * fewer lanes would read it in as many steps as they save in joining. */
static const int64_t gattn_long_degree = 64;

/* Writes chunks.starts, too. */
template <typename Monoid, typename Store>
static int gattn_reduce_launch(
    const gattn_device_edges &edges, const gattn_chunks &chunks,
    const gattn_operand &values,
    const gattn_reduce_states<typename Monoid::state> &states,
    const Store &store, cudaStream_t stream) {
  const int64_t workers = chunks.planes * chunks.count;
  const int64_t groups = chunks.planes * chunks.groups;
  const int error = gattn_chunks_launch(edges, chunks, stream);
  if (error != cudaSuccess) return error;
  if (edges.edges / gattn_long_degree < edges.n_f)
    gattn_reduce_kernel<Monoid, 8>
        <<<gattn_worker_blocks(workers, 8), GATTN_SEGMENT_THREADS, 0, stream>>>(
            edges, chunks, values, states, store);
  else
    gattn_reduce_kernel<Monoid, 32>
        <<<gattn_worker_blocks(workers, 32), GATTN_SEGMENT_THREADS, 0,
           stream>>>(edges, chunks, values, states, store);
  if (groups > 0)
    gattn_reduce_group_kernel<Monoid>
        <<<gattn_worker_blocks(groups, 1), GATTN_SEGMENT_THREADS, 0, stream>>>(
            edges, chunks, states);
  gattn_reduce_join_kernel<Monoid>
      <<<gattn_worker_blocks(workers, 1), GATTN_SEGMENT_THREADS, 0, stream>>>(
          edges, chunks, states, store);
  return cudaGetLastError();
}

#endif
