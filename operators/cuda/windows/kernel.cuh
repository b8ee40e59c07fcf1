/* A warp runs the columns of a window against its 16 rows.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_WINDOWS_KERNEL_CUH
#define GATTN_OPERATORS_CUDA_WINDOWS_KERNEL_CUH

#include "operators/cuda/windows/result.cuh"

/* ------------------------------------------------------------ keys */

/* 8 elements, zero from `dim` on, of rows that are not in chunks. */
template <typename T>
static __device__ __forceinline__ void gattn_window_copy(uint32_t shared,
                                                         const T *row,
                                                         int64_t stride,
                                                         int first,
                                                         int64_t dim) {
  uint32_t pairs[4];
#pragma unroll
  for (int p = 0; p < 4; p++)
    pairs[p] = gattn_window_pair<false>(row, stride, first + 2 * p, dim);
  asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(shared),
               "r"(pairs[0]), "r"(pairs[1]), "r"(pairs[2]), "r"(pairs[3])
               : "memory");
}

/* Starts the copy of 16 keys; lane l < 16 has the column of key l. A lane has
 * the same chunk of every row. All lanes of the warp call it. */
template <typename T, int D, bool aligned>
static __device__ __forceinline__ void gattn_window_fetch(
    const gattn_window_arguments &arguments, const gattn_window_task<T> &task,
    uint32_t stage, int32_t column) {
  typedef gattn_window_shape<D> shape;
  constexpr int rows = 32 / shape::chunks; /* at once */
  const gattn_device_attention &a = arguments.attention;
  const int lane = threadIdx.x % 32;
  const int chunk = lane % shape::chunks, first = 8 * chunk;
  const int k_bytes = first < a.dim ? 16 : 0;
  const int v_bytes = first < a.dim_v ? 16 : 0;
  const T *k = task.k + (k_bytes && aligned ? first : 0);
  const T *v = task.v + (v_bytes && aligned ? first : 0);
#pragma unroll
  for (int n = 0; n < shape::keys / rows; n++) {
    const int row = rows * n + lane / shape::chunks;
    const int32_t j = __shfl_sync(gattn_window_lanes, column, row);
    const uint32_t to = stage + row * (2 * D) + ((chunk ^ (row & 7)) << 4);
    if (aligned) {
      gattn_copy_16(to, k + (int64_t)j * (int32_t)a.k.row, k_bytes);
      gattn_copy_16(to + shape::side, v + (int64_t)j * (int32_t)a.v.row,
                    v_bytes);
    } else {
      gattn_window_copy(to, k + j * a.k.row, a.k.dim, first, a.dim);
      gattn_window_copy(to + shape::side, v + j * a.v.row, a.v.dim, first,
                        a.dim_v);
    }
  }
}

/* The column and the rows' bits of key l in lane l < 16: the last column again,
 * without rows, past the end. */
template <typename T>
static __device__ __forceinline__ void gattn_window_look_up(
    const gattn_window_task<T> &task, int32_t first, int32_t *column,
    uint32_t *bits) {
  const int32_t at = first + (int32_t)(threadIdx.x % 16);
  const int32_t last = task.item.count - 1;
  *column = task.columns[at < last ? at : last];
  *bits = at <= last ? task.bits[at] : 0;
}

/* ------------------------------------------------------------ products */

/* s[n] = rows of Q times keys 8n … 8n + 7 of the stage. */
template <typename T, int D>
static __device__ __forceinline__ void gattn_window_dots(
    const uint32_t (&q)[D / 16][4], uint32_t stage, float (&s)[2][4]) {
  const int lane = threadIdx.x % 32;
  const int key = lane / 16 * 8 + lane % 8, side = lane / 8 % 2;
#pragma unroll
  for (int n = 0; n < 2; n++)
#pragma unroll
    for (int e = 0; e < 4; e++) s[n][e] = 0;
#pragma unroll
  for (int c = 0; c < D / 16; c++) {
    uint32_t k[4];
    gattn_load_matrices(
        k, stage + key * (2 * D) + (((2 * c + side) ^ (key & 7)) << 4));
    gattn_multiply(s[0], q[c], k[0], k[1], T());
    gattn_multiply(s[1], q[c], k[2], k[3], T());
  }
}

template <typename T, int D>
static __device__ __forceinline__ void gattn_window_add(
    const float (&s)[2][4], uint32_t values, float (&o)[D / 8][4]) {
  const int lane = threadIdx.x % 32;
  const int key = lane / 8 % 2 * 8 + lane % 8, side = lane / 16;
  const uint32_t weights[4] = {
      gattn_pack(s[0][0], s[0][1], T()), gattn_pack(s[0][2], s[0][3], T()),
      gattn_pack(s[1][0], s[1][1], T()), gattn_pack(s[1][2], s[1][3], T())};
#pragma unroll
  for (int c = 0; c < D / 16; c++) {
    uint32_t v[4];
    gattn_load_transposed(
        v, values + key * (2 * D) + (((2 * c + side) ^ (key & 7)) << 4));
    gattn_multiply(o[2 * c], weights, v[0], v[1], T());
    gattn_multiply(o[2 * c + 1], weights, v[2], v[3], T());
  }
}

/* A score on the scale of base 2. unit: the attention's scale; for plain scores
 * the factor that does both. */
template <class Score>
static __device__ __forceinline__ float gattn_window_score(
    const Score &score_of, float unit, float dot, int64_t i, int64_t j) {
  if (Score::plain) return unit * dot;
  return gattn_window_log2_e * score_of(unit * dot, i, j, 0.f);
}

/* Scores of the columns that rows have, on the scale of base 2, −inf
 * elsewhere. All lanes call it. */
template <class Score>
static __device__ __forceinline__ void gattn_window_scores(
    const Score &score_of, float unit, const int64_t (&vertex)[2],
    int32_t column, uint32_t bits, float (&s)[2][4]) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int n = 0; n < 2; n++)
#pragma unroll
    for (int side = 0; side < 2; side++) {
      const int key = 8 * n + lane % 4 * 2 + side;
      const uint32_t rows =
          __shfl_sync(gattn_window_lanes, bits, key) >> lane / 4;
      int64_t j = 0;
      if (!Score::plain) j = __shfl_sync(gattn_window_lanes, column, key);
#pragma unroll
      for (int half = 0; half < 2; half++) {
        float *x = &s[n][2 * half + side];
        const float score =
            gattn_window_score(score_of, unit, *x, vertex[half], j);
        *x = rows & 1u << 8 * half ? score : -INFINITY;
      }
    }
}

/* Scores become weights, and the state what it is worth beside them. */
template <int D>
static __device__ __forceinline__ void gattn_window_soften(
    float (&s)[2][4], gattn_window_state<D> &state) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float top = fmaxf(fmaxf(s[0][2 * half], s[0][2 * half + 1]),
                      fmaxf(s[1][2 * half], s[1][2 * half + 1]));
    top = fmaxf(top, __shfl_xor_sync(gattn_window_lanes, top, 1));
    top = fmaxf(top, __shfl_xor_sync(gattn_window_lanes, top, 2));
    top = fmaxf(top, state.m[half]);
    const float base = top == -INFINITY ? 0.f : top;
    if (__any_sync(gattn_window_lanes, top != state.m[half])) {
      const float shrink = gattn_exp2(state.m[half] - base);
      state.l[half] *= shrink;
#pragma unroll
      for (int n = 0; n < D / 8; n++) {
        state.o[n][2 * half] *= shrink;
        state.o[n][2 * half + 1] *= shrink;
      }
      state.m[half] = top;
    }
#pragma unroll
    for (int n = 0; n < 2; n++)
#pragma unroll
      for (int side = 0; side < 2; side++) {
        float *x = &s[n][2 * half + side];
        *x = gattn_exp2(*x - base);
        state.l[half] += *x;
      }
  }
}

/* ------------------------------------------------------------ the kernel */

template <typename T>
static __device__ __forceinline__ gattn_window_task<T> gattn_window_task_of(
    const gattn_window_arguments &arguments, int64_t pair, int64_t n) {
  const gattn_device_attention &a = arguments.attention;
  const gattn_windows &windows = arguments.pass.windows;
  gattn_window_task<T> task;
  task.pair = pair;
  task.batch = gattn_quotient(pair, a.heads);
  task.head = pair - task.batch * a.heads;
  task.item = windows.items[n];
  const int64_t kv_head = gattn_quotient(task.head, arguments.group);
  task.k = (const T *)a.k.data + task.batch * a.k.batch + kv_head * a.k.head;
  task.v = (const T *)a.v.data + task.batch * a.v.batch + kv_head * a.v.head;
  task.columns = windows.columns + task.item.begin;
  task.bits = windows.bits + task.item.begin;
  return task;
}

/* All columns of an item. All lanes of the warp call it. */
template <class Score, typename T, int D, bool aligned>
static __device__ __forceinline__ void gattn_window_visit(
    const gattn_window_arguments &arguments, const gattn_window_task<T> &task,
    uint32_t ring, gattn_window_state<D> &state) {
  typedef gattn_window_shape<D> shape;
  constexpr int ahead = shape::stages - 1;
  const gattn_device_attention &a = arguments.attention;
  const Score score_of(a.score, task.head);
  const int32_t count = task.item.count;
  const float unit = Score::plain ? a.scale * gattn_window_log2_e : a.scale;
  uint32_t q[D / 16][4], bits[shape::stages];
  int32_t column[shape::stages];
  int64_t vertex[2] = {0, 0};
#pragma unroll
  for (int n = 0; n < ahead; n++) {
    gattn_window_look_up(task, n * shape::keys, &column[n], &bits[n]);
    if (n * shape::keys < count)
      gattn_window_fetch<T, D, aligned>(arguments, task,
                                        ring + n * shape::stage, column[n]);
    gattn_copy_commit();
  }
  gattn_window_look_up(task, ahead * shape::keys, &column[ahead], &bits[ahead]);
  gattn_window_queries<T, D, aligned>(arguments, task, q);
  if (!Score::plain)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int64_t position =
          gattn_window_position(a, arguments.pass.windows, task.item.window,
                                threadIdx.x % 32 / 4 + 8 * half);
      if (position >= 0)
        vertex[half] = a.vertices ? a.vertices[position] : a.begin + position;
    }
  int slot = 0;
#pragma unroll 1
  for (int32_t first = 0; first < count; first += shape::keys) {
    const int last = slot ? slot - 1 : ahead; /* the slot used up before */
    if (first + ahead * shape::keys < count)
      gattn_window_fetch<T, D, aligned>(arguments, task,
                                        ring + last * shape::stage,
                                        column[ahead]);
    gattn_copy_commit();
    const int32_t now = column[0];
    const uint32_t rows = bits[0];
#pragma unroll
    for (int n = 0; n < ahead; n++) {
      column[n] = column[n + 1];
      bits[n] = bits[n + 1];
    }
    gattn_window_look_up(task, first + (ahead + 1) * shape::keys,
                         &column[ahead], &bits[ahead]);
    gattn_copy_wait<ahead>();
    __syncwarp();
    float s[2][4];
    const uint32_t stage = ring + slot * shape::stage;
    gattn_window_dots<T, D>(q, stage, s);
    gattn_window_scores(score_of, unit, vertex, now, rows, s);
    gattn_window_soften<D>(s, state);
    gattn_window_add<T, D>(s, stage + shape::side, state.o);
    __syncwarp();
    slot = slot == ahead ? 0 : slot + 1;
  }
  gattn_copy_wait<0>();
  __syncwarp();
}

/* Grid: items, pairs of a head and a batch. */
template <class Score, typename T, int D, bool aligned>
__global__ void __launch_bounds__(32 * gattn_window_shape<D>::warps,
                                  gattn_window_shape<D>::blocks)
    gattn_window_kernel(const __grid_constant__ gattn_window_arguments
                            arguments) {
  typedef gattn_window_shape<D> shape;
  extern __shared__ __align__(128) char shared[];
  char *ring = shared + threadIdx.x / 32 * shape::warp_bytes;
  const int64_t n = (int64_t)blockIdx.x * shape::warps + threadIdx.x / 32;
  const int64_t pairs =
      arguments.attention.heads * arguments.attention.batch;
  if (n >= arguments.pass.windows.n_items) return;
#pragma unroll 1
  for (int64_t pair = blockIdx.y; pair < pairs; pair += gridDim.y) {
    const gattn_window_task<T> task =
        gattn_window_task_of<T>(arguments, pair, n);
    gattn_window_state<D> state = {};
    state.m[0] = state.m[1] = -INFINITY;
    if (task.item.count)
      gattn_window_visit<Score, T, D, aligned>(
          arguments, task, gattn_shared_address(ring), state);
#pragma unroll
    for (int half = 0; half < 2; half++)
#pragma unroll
      for (int step = 1; step <= 2; step *= 2)
        state.l[half] +=
            __shfl_xor_sync(gattn_window_lanes, state.l[half], step);
    gattn_window_mend<Score, T, D>(arguments, task, (float *)ring, state);
    gattn_window_finish<T, D, aligned>(arguments, task, state);
  }
}

template <class Score, typename T, int D, bool aligned>
static cudaError_t gattn_window_start(const gattn_window_arguments &arguments,
                                      cudaStream_t stream) {
  typedef gattn_window_shape<D> shape;
  const gattn_device_attention &a = arguments.attention;
  const auto kernel = gattn_window_kernel<Score, T, D, aligned>;
  const int bytes = shape::warps * shape::warp_bytes;
  const int64_t pairs = a.heads * a.batch, most = 65535;
  const int64_t blocks =
      (arguments.pass.windows.n_items + shape::warps - 1) / shape::warps;
  const cudaError_t error = cudaFuncSetAttribute(
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  if (error) return error;
  if (blocks > INT32_MAX) return cudaErrorInvalidValue;
  kernel<<<dim3((unsigned)blocks, (unsigned)(pairs < most ? pairs : most)),
           32 * shape::warps, bytes, stream>>>(arguments);
  return cudaGetLastError();
}

/* Rows that are not in chunks have one kernel for all scores. */
template <typename T, int D>
static cudaError_t gattn_window_score_kernel(
    const gattn_window_arguments &arguments, cudaStream_t stream) {
  if (!arguments.aligned)
    return gattn_window_start<gattn_any_score, T, D, false>(arguments, stream);
  return arguments.attention.score.kind == GATTN_SCORE_IDENTITY
             ? gattn_window_start<gattn_plain_score, T, D, true>(arguments,
                                                                 stream)
             : gattn_window_start<gattn_any_score, T, D, true>(arguments,
                                                               stream);
}

/* By dimension. */
template <typename T>
static cudaError_t gattn_window_choose(const gattn_window_arguments &arguments,
                                       cudaStream_t stream) {
  const gattn_device_attention &a = arguments.attention;
  return a.dim <= 64 && a.dim_v <= 64
             ? gattn_window_score_kernel<T, 64>(arguments, stream)
             : gattn_window_score_kernel<T, 128>(arguments, stream);
}

#endif
