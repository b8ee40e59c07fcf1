/* A warp runs the columns of a window against its 16 rows.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_WINDOWS_KERNEL_CUH
#define GATTN_OPERATORS_CUDA_WINDOWS_KERNEL_CUH

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

/* The state of rows lane / 4 and lane / 4 + 8: m and sums of log2-scaled scores;
 * l holds the weights of this lane's columns alone. o[n] are dimensions 8n +
 * 2·(lane mod 4) and the next, of the first row and of the second. */
template <int D>
struct gattn_window_state {
  float o[D / 8][4];
  float m[2], l[2];
};

static constexpr unsigned gattn_window_lanes = 0xffffffffu;

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
                   task.head * a.q.head + (position < 0 ? 0 : position) * a.q.row;
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

/* ------------------------------------------------------------ keys */

/* One chunk of 8 elements, zero from `dim` on, of rows that are in no chunks. */
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
  const int k_bytes = first < a.dim ? 16 : 0, v_bytes = first < a.dim_v ? 16 : 0;
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

constexpr float gattn_window_log2_e = 1.4426950408889634f;

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
        const float score = gattn_window_score(score_of, unit, *x, vertex[half], j);
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

/* ------------------------------------------------------------ rows again */

/* A row whose sums are not finite: whatever stands in keys that it does not
 * have must not reach it, so its edges are taken alone, one by one. out[D] and
 * then m and l are in shared memory. All lanes of the warp call it. */
template <class Score, typename T, int D>
static __device__ __noinline__ void gattn_window_again(
    const gattn_window_arguments &arguments, const gattn_window_task<T> &task,
    int r, float *out) {
  const gattn_device_attention &a = arguments.attention;
  const int lane = threadIdx.x % 32;
  const int64_t position = gattn_window_position(a, arguments.pass.windows,
                                                 task.item.window, r);
  if (position < 0) return;
  const T *q = (const T *)a.q.data + task.batch * a.q.batch +
               task.head * a.q.head + position * a.q.row;
  const int64_t i = a.vertices ? a.vertices[position] : a.begin + position;
  const Score score_of(a.score, task.head);
  float o[D / 32] = {}, m = -INFINITY, l = 0;
  for (int32_t e = 0; e < task.item.count; e++) {
    if (!(task.bits[e] >> r & 1)) continue;
    const int64_t j = task.columns[e];
    float dot = 0;
    for (int64_t d = lane; d < a.dim; d += 32)
      dot += gattn_float(q[d * a.q.dim]) *
             gattn_float(task.k[j * a.k.row + d * a.k.dim]);
    for (int step = 16; step; step /= 2)
      dot += __shfl_xor_sync(gattn_window_lanes, dot, step);
    const float s =
        gattn_window_log2_e * score_of(a.scale * dot, i, j, 0.f);
    if (s == -INFINITY) continue;
    const float top = fmaxf(m, s), shrink = gattn_exp2(m - top);
    const float weight = gattn_exp2(s - top);
    m = top;
    l = l * shrink + weight;
#pragma unroll
    for (int n = 0; n < D / 32; n++) {
      const int d = 32 * n + lane;
      o[n] *= shrink;
      if (d < a.dim_v)
        o[n] += weight * gattn_float(task.v[j * a.v.row + d * a.v.dim]);
    }
  }
#pragma unroll
  for (int n = 0; n < D / 32; n++) out[32 * n + lane] = o[n];
  if (lane == 0) {
    out[D] = m;
    out[D + 1] = l;
  }
  __syncwarp();
}

/* Takes such rows again; `ring` is the warp's own, and nothing is in it or on
 * its way there. All lanes of the warp call it. */
template <class Score, typename T, int D>
static __device__ __forceinline__ void gattn_window_mend(
    const gattn_window_arguments &arguments, const gattn_window_task<T> &task,
    float *ring, gattn_window_state<D> &state) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float zero = state.l[half] * 0.f;
#pragma unroll
    for (int n = 0; n < D / 8; n++)
      zero += state.o[n][2 * half] * 0.f + state.o[n][2 * half + 1] * 0.f;
    unsigned lanes = __ballot_sync(gattn_window_lanes, !(zero == 0.f));
    while (lanes) {
      const int row = (__ffs(lanes) - 1) / 4;
      lanes &= ~(15u << 4 * row);
      gattn_window_again<Score, T, D>(arguments, task, row + 8 * half, ring);
      if (lane / 4 == row) {
#pragma unroll
        for (int n = 0; n < D / 8; n++) {
          state.o[n][2 * half] = ring[8 * n + lane % 4 * 2];
          state.o[n][2 * half + 1] = ring[8 * n + lane % 4 * 2 + 1];
        }
        state.m[half] = ring[D];
        state.l[half] = ring[D + 1];
      }
      __syncwarp();
    }
  }
}

/* ------------------------------------------------------------ results */

/* Takes up the state of a row that an earlier pass left, in its o and norm; what
 * the whole's lse is. Four lanes have the row. */
template <int D>
static __device__ __noinline__ float gattn_window_resume(
    const gattn_window_arguments &arguments, int64_t at, float lse,
    float (&x)[D / 4]) {
  const gattn_device_state &before = arguments.pass.state;
  const int64_t dim = arguments.attention.dim_v;
  const float was = before.lse[at];
  if (was == -INFINITY) return lse;
  const float top = fmaxf(was, lse);
  const float all = top + logf(expf(was - top) + expf(lse - top));
  const float now = lse == -INFINITY ? 0.f : expf(lse - all);
  const float then = expf(was - all);
#pragma unroll
  for (int n = 0; n < D / 4; n++) {
    const int d = 8 * (n / 2) + threadIdx.x % 4 * 2 + n % 2;
    if (d < dim) x[n] = now * x[n] + then * before.o[at * dim + d];
  }
  return all;
}

/* Writes a row of which each of four lanes has dimensions 8n + 2t and the
 * next. */
template <typename T, int D, bool aligned>
static __device__ __forceinline__ void gattn_window_put(
    const gattn_window_arguments &arguments, const gattn_window_task<T> &task,
    int64_t position, int r, float lse, float (&x)[D / 4]) {
  const gattn_device_attention &a = arguments.attention;
  const gattn_window_pass &pass = arguments.pass;
  const int t = threadIdx.x % 4;
  const bool slot = task.item.slot >= 0;
  if (slot || pass.store_state || pass.resume) {
    int64_t at = task.pair * a.n_f + position;
    if (pass.resume && !slot) {
      lse = gattn_window_resume<D>(arguments, at, lse, x);
      __syncwarp(15u << (threadIdx.x & 28)); /* the state's lse was read */
    }
    if (slot)
      at = (task.pair * pass.windows.n_slots + task.item.slot) *
               GATTN_WINDOW_ROWS + r;
    const gattn_device_state to = slot ? arguments.slots : pass.state;
    if (slot || pass.store_state) {
#pragma unroll
      for (int n = 0; n < D / 4; n++) {
        const int d = 8 * (n / 2) + 2 * t + n % 2;
        if (d < a.dim_v) to.o[at * a.dim_v + d] = x[n];
      }
      if (t == 0) to.lse[at] = lse;
      return;
    }
  }
  T *o = (T *)a.o.data + task.batch * a.o.batch + task.head * a.o.head +
         position * a.o.row;
#pragma unroll
  for (int n = 0; n < D / 8; n++) {
    const int d = 8 * n + 2 * t;
    if (aligned) {
      if (d < a.dim_v)
        *(uint32_t *)(o + d) = gattn_pack(x[2 * n], x[2 * n + 1], T());
    } else {
      if (d < a.dim_v) o[d * a.o.dim] = gattn_element<T>(x[2 * n]);
      if (d + 1 < a.dim_v)
        o[(d + 1) * a.o.dim] = gattn_element<T>(x[2 * n + 1]);
    }
  }
  if (t == 0 && a.lse.data)
    ((float *)a.lse.data)[task.batch * a.lse.batch + task.head * a.lse.head +
                          position * a.lse.row] = lse;
}

/* l lies between 1, the weight of the largest score, and the columns. */
template <typename T, int D, bool aligned>
static __device__ __forceinline__ void gattn_window_finish(
    const gattn_window_arguments &arguments, const gattn_window_task<T> &task,
    const gattn_window_state<D> &state) {
  const float ln_2 = 0.6931471805599453f;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int r = threadIdx.x % 32 / 4 + 8 * half;
    const int64_t position = gattn_window_position(
        arguments.attention, arguments.pass.windows, task.item.window, r);
    const float l = state.l[half];
    const float lse =
        l == 0 ? -INFINITY : (state.m[half] + __log2f(l)) * ln_2;
    const float norm = l == 0 ? 0.f : __fdividef(1.f, l);
    float x[D / 4];
#pragma unroll
    for (int n = 0; n < D / 4; n++)
      x[n] = state.o[n / 2][2 * half + n % 2] * norm;
    if (position >= 0)
      gattn_window_put<T, D, aligned>(arguments, task, position, r, lse, x);
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
      gattn_window_fetch<T, D, aligned>(arguments, task, ring + n * shape::stage,
                               column[n]);
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
      gattn_window_fetch<T, D, aligned>(arguments, task, ring + last * shape::stage,
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
