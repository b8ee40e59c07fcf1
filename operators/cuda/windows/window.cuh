/* What a warp has of a window, and its rows.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_WINDOWS_WINDOW_CUH
#define GATTN_OPERATORS_CUDA_WINDOWS_WINDOW_CUH

#include "operators/cuda/elements.cuh"
#include "operators/cuda/score.cuh"
#include "operators/cuda/tile/mma.cuh"
#include "operators/cuda/windows/launch.h"

/* A warp has a ring of stages in shared memory, of 16 keys each: their rows of
 * K, then those of V, of D elements in chunks of 16 bytes. Chunk c of row r is
 * at c ^ (r mod 8), so that eight rows of a chunk are in different banks. */
template <int D>
struct gattn_window_shape {
  static constexpr int keys = 16, stages = 3;
  static constexpr int chunks = D / 8;
  static constexpr int side = keys * D * 2, stage = 2 * side; /* bytes */
  static constexpr int warp_bytes = stages * stage;
  static constexpr int warps = 4;
  /* Blocks of a multiprocessor, which bound registers: as many as rings fit its
   * shared memory. */
  static constexpr int blocks = D == 64 ? 4 : 2;
};

/* What a warp works on. */
template <typename T>
struct gattn_window_task {
  const T *k, *v;
  const int32_t *columns; /* of the item */
  const uint16_t *bits;
  int64_t batch, head, pair; /* pair: batch·heads + head */
  gattn_window_item item;
};

/* The state of rows lane / 4 and lane / 4 + 8, of scores on the scale of base 2;
 * l holds the weights of this lane's columns alone. o[n] are dimensions 8n +
 * 2·(lane mod 4) and the next, of the first row and of the second. */
template <int D>
struct gattn_window_state {
  float o[D / 8][4];
  float m[2], l[2];
};

static constexpr unsigned gattn_window_lanes = 0xffffffffu;
constexpr float gattn_window_log2_e = 1.4426950408889634f;

/* ------------------------------------------------------------ rows */

/* The position of row r of the window; −1: there is none. */
static __device__ __forceinline__ int64_t gattn_window_position(
    const gattn_device_attention &a, const gattn_windows &windows,
    int32_t window, int r) {
  const int64_t place = (int64_t)window * GATTN_WINDOW_ROWS + r;
  if (place >= windows.n_f) return -1;
  const int64_t position = windows.order ? windows.order[place] : place;
  return a.size && position >= *a.size ? -1 : position;
}

/* Elements `first` and the next of a row, zero from `dim` on. */
template <bool aligned, typename T>
static __device__ __forceinline__ uint32_t gattn_window_pair(
    const T *row, int64_t stride, int64_t first, int64_t dim) {
  if (aligned) return first < dim ? *(const uint32_t *)(row + first) : 0;
  const uint16_t *bits = (const uint16_t *)row;
  const uint32_t low = first < dim ? bits[first * stride] : 0;
  const uint32_t high = first + 1 < dim ? bits[(first + 1) * stride] : 0;
  return low | high << 16;
}

/* Q as operands of the products. All lanes of the warp call it. */
template <typename T, int D, bool aligned>
static __device__ __forceinline__ void gattn_window_queries(
    const gattn_window_arguments &arguments, const gattn_window_task<T> &task,
    uint32_t (&q)[D / 16][4]) {
  const gattn_device_attention &a = arguments.attention;
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int64_t position = gattn_window_position(
        a, arguments.pass.windows, task.item.window, lane / 4 + 8 * half);
    const T *row = (const T *)a.q.data + task.batch * a.q.batch +
                   task.head * a.q.head +
                   (position < 0 ? 0 : position) * a.q.row;
    const int64_t dim = position < 0 ? 0 : a.dim;
#pragma unroll
    for (int c = 0; c < D / 16; c++)
#pragma unroll
      for (int side = 0; side < 2; side++)
        q[c][half + 2 * side] =
            gattn_window_pair<aligned>(row, a.q.dim,
                                       16 * c + 8 * side + lane % 4 * 2, dim);
  }
}

#endif
