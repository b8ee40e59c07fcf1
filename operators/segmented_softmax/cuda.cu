/* Segmented softmax on the device: the states of rows, then the weights of
 * edges. SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/reduce.cuh"

typedef gattn_log_sum_exp::state row_state;

struct store_state {
  row_state *states; /* [batch, heads, n_f] */
  gattn_operand lse;
  int64_t heads, n_f;
  __device__ __forceinline__ void operator()(const gattn_device_rows &,
                                             int64_t b, int64_t h, int64_t row,
                                             const row_state &state) const {
    states[(b * heads + h) * n_f + row] = state;
    if (lse.data)
      *gattn_row_of<float>(lse, b, h, row) = gattn_log_sum_exp::result(state);
  }
};

/* The edges [begin, end) of a row, by all lanes of a group. */
template <int lanes>
static __device__ __forceinline__ void weigh_edges(
    const gattn_device_softmax &job, const gattn_chunk &chunk,
    const row_state &state, int64_t begin, int64_t end) {
  for (int64_t e = begin + threadIdx.x % lanes; e < end; e += lanes) {
    const float score = *gattn_row_of<float>(job.scores, chunk.b, chunk.h, e);
    *gattn_row_of<float>(job.weights, chunk.b, chunk.h, e) =
        score == -CUDART_INF_F
            ? 0
            : (float)(expf(score - state.largest) / state.sum);
  }
}

template <int lanes>
__global__ void __launch_bounds__(GATTN_SEGMENT_THREADS)
    weigh_kernel(const __grid_constant__ gattn_device_softmax job,
                 const __grid_constant__ gattn_chunks chunks,
                 const row_state *states) {
  const int64_t step = (int64_t)gridDim.x * (blockDim.x / lanes);
  for (int64_t worker =
           (int64_t)blockIdx.x * (blockDim.x / lanes) + threadIdx.x / lanes;
       worker < chunks.planes * chunks.count; worker += step) {
    const gattn_chunk chunk = gattn_chunk_at(job.edges, chunks, worker);
    const row_state *plane = states + chunk.plane * job.edges.n_f;
    int64_t row = chunk.row;
    for (int64_t edge = chunk.edge; edge < chunk.last_edge; row++) {
      const int64_t end = gattn_first_edge(chunk, row + 1);
      const int64_t stop = end < chunk.last_edge ? end : chunk.last_edge;
      if (edge >= stop) continue;
      weigh_edges<lanes>(job, chunk, plane[row], edge, stop);
      edge = stop;
    }
  }
}

static gattn_layout lay_out(
    const gattn_device_edges &edges, void *workspace, gattn_chunks &chunks,
    gattn_reduce_states<row_state> &partial, row_state *&states) {
  gattn_layout layout = gattn_reduce_layout<gattn_log_sum_exp>(
      edges, workspace, chunks, partial);
  states = (row_state *)((char *)workspace +
                         gattn_place(layout, chunks.planes, edges.n_f,
                                     sizeof(row_state)));
  return layout;
}

extern "C" uint64_t gattn_segmented_softmax_workspace(
    const gattn_device_edges *edges) {
  gattn_chunks chunks;
  gattn_reduce_states<row_state> partial;
  row_state *states;
  const gattn_layout layout =
      lay_out(*edges, nullptr, chunks, partial, states);
  return layout.too_long ? UINT64_MAX : layout.bytes;
}

extern "C" int gattn_segmented_softmax_launch(const gattn_device_softmax *job,
                                              void *workspace, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  const gattn_device_edges &edges = job->edges;
  gattn_chunks chunks;
  gattn_reduce_states<row_state> partial;
  row_state *states;
  lay_out(edges, workspace, chunks, partial, states);
  const int64_t workers = chunks.planes * chunks.count;
  if (workers == 0) return cudaSuccess;
  const store_state store = {states, job->lse, edges.heads, edges.n_f};
  const int error = gattn_reduce_launch<gattn_log_sum_exp>(
      edges, chunks, job->scores, partial, store, stream);
  if (error != cudaSuccess || !job->weights.data) return error;
  weigh_kernel<8><<<gattn_worker_blocks(workers, 8), GATTN_SEGMENT_THREADS, 0,
                    stream>>>(*job, chunks, states);
  return cudaGetLastError();
}
