/* A warp a chunk of rows and edges. SPDX-License-Identifier: Apache-2.0
 *
 * A row's arithmetic is the work of gattn_edge_vectors, here Engine. */
#ifndef GATTN_OPERATORS_CUDA_EDGES_CHUNK_CUH
#define GATTN_OPERATORS_CUDA_EDGES_CHUNK_CUH

#include "operators/cuda/edges/element.cuh"
#include "operators/cuda/edges/softmax.cuh"
#include "operators/cuda/edges/task.cuh"

/* ------------------------------------------------------------ results */

/* A row that was closed, to o and lse or to the pass's state. All lanes call
 * it. */
template <typename Engine>
__device__ __forceinline__ void
gattn_edge_finish(const gattn_edge_arguments &arguments,
                  const gattn_edge_task &task, int64_t row,
                  const Engine &engine) {
  typedef typename Engine::type type;
  constexpr int kept = Engine::kept;
  const gattn_device_attention &a = arguments.attention;
  const gattn_edge_pass &pass = arguments.pass;
  const int64_t at = task.state + row;
  const gattn_edge_sum sum =
      gattn_edge_sum_of(pass, at, engine.softmax.m, engine.softmax.l);
#pragma unroll
  for (int p = 0; p < Engine::pieces; p++) {
    const int32_t e = engine.element(p, a.dim_v);
    if (e < 0) continue;
    float out[kept];
#pragma unroll
    for (int x = 0; x < kept; x++) {
      out[x] = engine.sum(p, x) * sum.now;
      if (sum.before != 0)
        out[x] += sum.before * pass.state.o[at * a.dim_v + e + x];
    }
    if (pass.store_state)
      gattn_store<float, kept, Engine::aligned>(
          pass.state.o + at * a.dim_v + e, 1, out);
    else
      gattn_store<type, kept, Engine::aligned>(
          (type *)task.o + row * a.o.row + e * (Engine::aligned ? 1 : a.o.dim),
          a.o.dim, out);
  }
  __syncwarp(); /* the state's lse was read above */
  if (threadIdx.x % 32) return;
  if (pass.store_state)
    pass.state.lse[at] = sum.lse;
  else if (task.lse)
    task.lse[row * a.lse.row] = sum.lse;
}

/* A piece that was closed, to its slot in the workspace. All lanes call it. */
template <typename Engine>
__device__ __forceinline__ void
gattn_edge_leave(const gattn_edge_arguments &arguments, int64_t slot,
                 const Engine &engine) {
  const gattn_edge_pieces &pieces = arguments.pieces;
#pragma unroll
  for (int p = 0; p < Engine::pieces; p++) {
    const int32_t e = engine.element(p, arguments.attention.dim_v);
    float out[Engine::kept];
    if (e < 0) continue;
#pragma unroll
    for (int x = 0; x < Engine::kept; x++) out[x] = engine.sum(p, x);
    gattn_store<float, Engine::kept, Engine::aligned>(
        pieces.o + slot * pieces.o_row + e, 1, out);
  }
  if (threadIdx.x % 32 == 0)
    pieces.sums[slot] = make_float2(engine.softmax.m, engine.softmax.l);
}

/* ------------------------------------------------------------ chunks */

/* Edges [e, stop) of a row, counted from the chunk's first; `column` has those
 * of edge e, and is left with those of edge stop. All lanes call it. */
template <typename Engine>
__device__ __forceinline__ void
gattn_edge_span(const gattn_edge_columns &columns, int32_t e, int32_t stop,
                const float *values, int64_t stride, Engine &engine,
                typename Engine::column_type &column) {
  while (e < stop) {
    const int n = min(stop - e, Engine::keys);
    const typename Engine::column_type now = column;
    column = columns.at<typename Engine::column_type>(e + n + Engine::own());
    engine.add(n, now,
               Engine::plain || !values ? nullptr : values + e * stride,
               stride);
    e += n;
  }
}

/* Rows of a chunk from task.row on. All lanes of the warp call it. */
template <typename Engine>
__device__ __forceinline__ void
gattn_edge_chunk_rows(const gattn_edge_arguments &arguments, int64_t batch,
                      int64_t head, const gattn_edge_columns &columns,
                      const gattn_edge_task &task) {
  const gattn_device_attention &a = arguments.attention;
  const int lane = threadIdx.x % 32;
  Engine engine(a, batch, head);
  typename Engine::column_type column =
      columns.last < 0
          ? 0
          : columns.at<typename Engine::column_type>(Engine::own());
  int32_t r = 0, loaded = 0; /* rows from the task's; of offset in lane 0 */
  int64_t offset = task.offsets[min(task.row + lane, task.n)];
  for (;;) {
    __syncwarp(); /* so that the task is looked up again, not kept */
    if (r - loaded >= 31) {
      loaded = r;
      offset = task.offsets[min(task.row + r + lane, task.n)];
    }
    const int64_t from = __shfl_sync(gattn_all_lanes, offset, r - loaded);
    const int64_t to = __shfl_sync(gattn_all_lanes, offset, r - loaded + 1);
    const int64_t zero = task.zero, row = task.row + r;
    const int64_t start = gattn_edge_start(row, from - zero);
    if (start >= task.first + arguments.size) return;
    const gattn_edge_piece piece =
        gattn_edge_piece_of(start, to - from, task.first, arguments.size);
    const bool ends = piece.to == to - from;
    const float *values = task.values;
    if (!Engine::plain && values)
      values += (task.edge - zero) * a.edge_values.row;
    engine.begin(a, task, row);
    gattn_edge_span<Engine>(columns, (int32_t)(from + piece.from - task.edge),
                            (int32_t)(from + piece.to - task.edge), values,
                            a.edge_values.row, engine, column);
    engine.close();
    __syncwarp();
    if (piece.kind == GATTN_PIECE_WHOLE)
      gattn_edge_finish(arguments, task, task.row + r, engine);
    else
      gattn_edge_leave(arguments, task.slot + piece.kind, engine);
    if (piece.kind == GATTN_PIECE_HEAD && ends && lane == 0)
      arguments.pieces.ends[task.slot / 2] = task.row + r;
    if (task.row + ++r >= task.n) return;
  }
}

template <typename Engine>
__device__ __forceinline__ void
gattn_edge_chunk_run(const gattn_edge_arguments &arguments, int64_t batch,
                     int64_t head, int64_t chunk, gattn_edge_task &task) {
  const gattn_device_attention &a = arguments.attention;
  const int64_t size = arguments.size, first = chunk * size;
  const int64_t slot = (batch * a.heads + head) * arguments.chunks + chunk;
  const gattn_edge_rows rows = gattn_edge_rows_of(arguments, head);
  if (threadIdx.x % 32 == 0) arguments.pieces.ends[slot] = -1;
  if (rows.n < 1) return;
  const int64_t zero = rows.offsets[0], end = rows.offsets[rows.n];
  const int64_t places = gattn_edge_start(rows.n, end - zero);
  if (first >= places) return;

  int64_t r = gattn_edge_first_row(rows, first, places);
  int64_t edge = rows.offsets[r];
  if (r > 0) {
    const int64_t from = rows.offsets[r - 1], degree = edge - from;
    const int64_t start = gattn_edge_start(r - 1, from - zero);
    if (gattn_edge_has_head(start, degree, first, size)) {
      edge = from + gattn_edge_piece_of(start, degree, first, size).from;
      r--;
    }
  }
  if (r >= rows.n) return;
  gattn_edge_task_set<typename Engine::type>(arguments, rows, batch, head,
                                             chunk, zero, r, edge, task);
  const int64_t left = end - 1 - edge;
  const gattn_edge_columns columns = {
      (const char *)rows.columns + edge * (rows.narrow ? 4 : 8),
      left < INT32_MAX ? (int32_t)left : INT32_MAX, rows.narrow};
  gattn_edge_chunk_rows<Engine>(arguments, batch, head, columns, task);
}

/* Two warps a block: a block goes only when its slowest warp is done. */
enum { GATTN_EDGE_THREADS = 64 };

/* `blocks` of them are to fit a multiprocessor. */
template <typename Engine, int blocks>
__global__ void __launch_bounds__(GATTN_EDGE_THREADS, blocks)
    gattn_edge_chunks(const __grid_constant__ gattn_edge_arguments arguments) {
  constexpr int warps = GATTN_EDGE_THREADS / 32;
  __shared__ gattn_edge_task tasks[warps];
  const int warp = threadIdx.x / 32;
  const int64_t chunks = arguments.chunks, heads = arguments.attention.heads;
  const int64_t all = chunks * heads * arguments.attention.batch;
  for (int64_t at = (int64_t)blockIdx.x * warps + warp; at < all;
       at += (int64_t)gridDim.x * warps) {
    const int64_t pair = at / chunks;
    gattn_edge_chunk_run<Engine>(arguments, pair / heads, pair % heads,
                                 at % chunks, tasks[warp]);
  }
}

#endif
