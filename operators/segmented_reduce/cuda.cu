/* Segmented reduce on the device. SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/reduce.cuh"

#include <gattn/operators.h>

struct store_value {
  gattn_operand out;
  __device__ __forceinline__ void operator()(const gattn_device_rows &,
                                             int64_t b, int64_t h, int64_t row,
                                             float value) const {
    *gattn_row_of<float>(out, b, h, row) = value;
  }
};

struct store_sum {
  gattn_operand out;
  __device__ __forceinline__ void operator()(const gattn_device_rows &,
                                             int64_t b, int64_t h, int64_t row,
                                             double sum) const {
    *gattn_row_of<float>(out, b, h, row) = (float)sum;
  }
};

struct store_log_sum_exp {
  gattn_operand out;
  __device__ __forceinline__ void operator()(
      const gattn_device_rows &, int64_t b, int64_t h, int64_t row,
      const gattn_log_sum_exp::state &state) const {
    *gattn_row_of<float>(out, b, h, row) = gattn_log_sum_exp::result(state);
  }
};

struct store_key {
  gattn_operand out;
  __device__ __forceinline__ void operator()(
      const gattn_device_rows &rows, int64_t b, int64_t h, int64_t row,
      const gattn_arg_max::state &state) const {
    *gattn_row_of<int64_t>(out, b, h, row) =
        state.edge == INT64_MAX
            ? -1
            : gattn_column_of(rows, rows.offsets[0] + state.edge);
  }
};

__global__ void count_kernel(const __grid_constant__ gattn_device_reduce job) {
  const gattn_device_edges &edges = job.edges;
  const int64_t rows = edges.batch * edges.heads * edges.n_f;
  for (int64_t t = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; t < rows;
       t += (int64_t)gridDim.x * blockDim.x) {
    const int64_t row = t % edges.n_f, plane = t / edges.n_f;
    const int64_t h = plane % edges.heads;
    if (!gattn_row_exists(edges, row)) continue;
    const int64_t *offsets =
        gattn_rows_of(edges, edges.graphs > 1 ? h : 0).offsets;
    *gattn_row_of<int64_t>(job.out, plane / edges.heads, h, row) =
        offsets[row + 1] - offsets[row];
  }
}

template <typename Monoid, typename Store>
static int launch(const gattn_device_reduce &job, void *workspace,
                  cudaStream_t stream) {
  gattn_chunks chunks;
  gattn_reduce_states<typename Monoid::state> states;
  gattn_reduce_layout<Monoid>(job.edges, workspace, chunks, states);
  return gattn_reduce_launch<Monoid>(job.edges, chunks, job.values, states,
                                     Store{job.out}, stream);
}

/* The largest state serves for all monoids. */
extern "C" uint64_t gattn_segmented_reduce_workspace(
    const gattn_device_edges *edges) {
  gattn_chunks chunks;
  gattn_reduce_states<gattn_arg_max::state> states;
  const gattn_layout layout =
      gattn_reduce_layout<gattn_arg_max>(*edges, nullptr, chunks, states);
  return layout.too_long ? UINT64_MAX : layout.bytes;
}

extern "C" int gattn_segmented_reduce_launch(const gattn_device_reduce *job,
                                             void *workspace, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  const gattn_device_edges &edges = job->edges;
  const int64_t rows = edges.batch * edges.heads * edges.n_f;
  if (rows == 0) return cudaSuccess;
  switch (job->monoid) {
    case GATTN_MAX:
      return launch<gattn_extreme<1>, store_value>(*job, workspace, stream);
    case GATTN_MIN:
      return launch<gattn_extreme<-1>, store_value>(*job, workspace, stream);
    case GATTN_SUM:
      return launch<gattn_sum, store_sum>(*job, workspace, stream);
    case GATTN_LOG_SUM_EXP:
      return launch<gattn_log_sum_exp, store_log_sum_exp>(*job, workspace,
                                                          stream);
    case GATTN_ARG_MAX:
      return launch<gattn_arg_max, store_key>(*job, workspace, stream);
    default:
      count_kernel<<<gattn_worker_blocks(rows, 1), GATTN_SEGMENT_THREADS, 0,
                     stream>>>(*job);
      return cudaGetLastError();
  }
}
